"""The Docker engine that holds the bed: its command line, and who may remove what in it.

Everything that the bed makes carries two labels: TEST, which all tests of this repository share, and OWNER, which names
the process that made it. Only what belongs to this process, or to one that is gone, is ever removed.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

TEST = "workshop.test=fleet"
OWNER = "workshop.test.owner"
SECONDS = 120.0


def docker(
    *arguments: str, stdin: bytes | None = None, check: bool = True, seconds: float = SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """Raises RuntimeError with what docker said. In a session of its own: Ctrl-C must not end the clearing up."""
    done = subprocess.run(
        ["docker", *arguments],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        check=False,
        timeout=seconds,
        start_new_session=True,
    )
    if check and done.returncode:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()
        raise RuntimeError(f"docker {' '.join(arguments[:4])} ... ended with {done.returncode}: {said}")
    return done


def says(*arguments: str) -> str:
    return docker(*arguments).stdout.decode().strip()


def why_no_engine() -> str | None:
    """None where one answers and takes containers of this machine's kind."""
    try:
        done = docker("version", "--format", "{{.Server.Os}}", check=False, seconds=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no Docker engine: {error}"
    if done.returncode:
        return f"no Docker engine answers: {done.stderr.decode(errors='replace').strip()}"
    return None if done.stdout.strip() == b"linux" else "the Docker engine is not Linux's"


def privileges(image: str) -> list[str]:
    """The options that let a container hold an engine of its own.

    A sandboxed machine may lack a capability and refuse --privileged for it: there all others are named one by one.
    """
    probe = ("run", "--rm", "--privileged", "--network", "none", "--label", TEST, "--label", owner_label())
    if docker(*probe, "--entrypoint", "true", image, check=False).returncode == 0:
        return ["--privileged"]
    return _all_but({"SYS_RESOURCE"})


def _all_but(lacking: Collection[str]) -> list[str]:
    """What --privileged does, less some capabilities."""
    options = ["--device-cgroup-rule", "a *:* rwm", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    for profile in ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"):
        options += ["--security-opt", profile]
    for name in sorted(set(_CAPABILITIES.split()) - set(lacking)):
        options += ["--cap-add", name]
    return options


_CAPABILITIES = (
    "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK"
    " IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW"
    " SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO"
    " SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM"
)


def owner_label() -> str:
    return f"{OWNER}={_identity(os.getpid())}"


def _identity(pid: int) -> str:
    """A process of this machine since it was started; another one that gets its number later is somebody else."""
    begun = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    return f"{socket.gethostname()}/{pid}/{begun}"


def is_gone(owner: str) -> bool:
    host, _, process = owner.rpartition("/")[0].partition("/")
    if host != socket.gethostname() or not process.isdecimal():
        return False  # not to be told from here
    try:
        return _identity(int(process)) != owner
    except (OSError, IndexError):
        return True


def sweep() -> None:
    """What runs that were killed left behind."""
    owners = set()
    for kind in (("ps", "--all"), ("network", "ls")):
        shown = says(*kind, "--filter", f"label={TEST}", "--format", f'{{{{.Label "{OWNER}"}}}}')
        owners |= {line for line in shown.splitlines() if line}
    for owner in owners:
        if is_gone(owner):
            remove_all(f"{OWNER}={owner}")


def remove_all(label: str) -> None:
    """Containers with their volumes, then networks. What is under way elsewhere is not an error."""
    for _ in range(3):
        containers = says("ps", "--all", "--quiet", "--filter", f"label={TEST}", "--filter", f"label={label}").split()
        if not containers:
            break
        remove_containers(containers)
    for network in says("network", "ls", "--quiet", "--filter", f"label={TEST}", "--filter", f"label={label}").split():
        docker("network", "rm", network, check=False)


def remove_containers(containers: Sequence[str]) -> None:
    docker("rm", "--force", "--volumes", *containers, check=False)
