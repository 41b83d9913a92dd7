"""A machine that is reached over SSH, and what can befall it. A container stands in for it; the bed starts it."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tests.fleet.bed.engine import docker, says
from tests.fleet.bed.images import BARE, HOST, TestImage
from tests.fleet.bed.keys import SshAuthority, SshKey

if TYPE_CHECKING:
    from tests.fleet.bed.bed import Bed

READY = 60.0  # seconds; it takes one to three
FILLING = ".fleet-filling"


@dataclass(frozen=True)
class Gpu:
    """A GPU that is not there, as the fake nvidia-smi shows it. Memory in MiB."""

    name: str
    memory: int
    used: int = 0

    def __str__(self) -> str:
        return f"{self.name},{self.memory},{self.used}"


H100 = Gpu("NVIDIA H100 80GB HBM3", 81559)
L4 = Gpu("NVIDIA L4", 23034)


@dataclass(frozen=True, kw_only=True)
class HostSetup:
    """What a host is to be. Accounts: root; ubuntu (sudo without password, not in group docker); dock (in group docker, no
    sudo; not on a bare host); plain (neither). Keys only.

    `kind`: with a Docker engine, or `bare`: systemd and no Docker. `disks`: folders that are small disks of their own
    (tmpfs: memory!), such as {"/var/lib/docker": "300m"}. `trusts`: the keys that may log in; none given: the bed's.
    `certified_by`: its sshd shows a certificate for its address. `user_authority`: it takes users' certificates of this one.
    `sshd`: more lines for its settings, which win. `mirror`: its engine asks the bed's registry for images of docker.io.
    """

    name: str
    kind: Literal["docker", "bare"] = "docker"
    gpus: Sequence[Gpu] = ()
    toolkit: bool = True
    disks: Mapping[str, str] = field(default_factory=dict)
    trusts: Sequence[SshKey] | None = None
    key: SshKey = field(default_factory=SshKey)
    certified_by: SshAuthority | None = None
    user_authority: SshAuthority | None = None
    sshd: str = ""
    mirror: bool = True
    address: str | None = None

    @property
    def image(self) -> TestImage:
        return BARE if self.kind == "bare" else HOST


@dataclass(eq=False)
class SshHost:
    """One that runs, or was stopped. `run` and `docker` look inside without SSH, apart from what is being tested."""

    bed: Bed
    setup: HostSetup
    address: str
    container: str
    key: SshKey
    port: int = 22

    @property
    def name(self) -> str:
        return self.setup.name

    @property
    def fingerprint(self) -> str:
        """Of its host key: SHA256:..."""
        return self.key.fingerprint

    def run(
        self, *argv: str, user: str = "root", check: bool = True, stdin: bytes | None = None, seconds: float = 120
    ) -> str:
        """What the command prints. Raises RuntimeError when it fails, or gives what it printed with `check=False`."""
        done = self.try_run(*argv, user=user, stdin=stdin, seconds=seconds)
        if check and done.returncode:
            said = (done.stderr + done.stdout).decode(errors="replace").strip()
            raise RuntimeError(f"{self.name}: {shlex.join(argv)} ended with {done.returncode}: {said}")
        return done.stdout.decode(errors="replace")

    def try_run(
        self, *argv: str, user: str = "root", stdin: bytes | None = None, seconds: float = 120
    ) -> subprocess.CompletedProcess[bytes]:
        options = ["--user", user, *(["--interactive"] if stdin is not None else [])]
        return docker("exec", *options, self.container, *argv, check=False, stdin=stdin, seconds=seconds)

    def docker(self, *arguments: str, check: bool = True, seconds: float = 120) -> str:
        """Of the host's own engine."""
        return self.run("docker", *arguments, check=check, seconds=seconds)

    def read(self, path: str) -> str:
        return self.run("cat", path)

    def write(self, path: str, content: str | bytes, *, mode: str = "0644") -> None:
        data = content.encode() if isinstance(content, str) else content
        script = f'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod {mode} "$1"'
        self.run("sh", "-c", script, "-", path, stdin=data)

    # What can befall it

    def stop(self, *, seconds: int = 10) -> None:
        """Shut down in order; `kill` pulls the plug."""
        docker("stop", "--time", str(seconds), self.container)

    def kill(self) -> None:
        docker("kill", self.container)

    def start(self) -> None:
        """As it was: same address, keys, images and containers. A partition is over then."""
        docker("start", self.container)
        self.wait_until_ready()

    def stop_engine(self) -> None:
        """The Docker engine alone; sshd goes on."""
        self.run(*(("systemctl", "stop", "docker") if self.setup.kind == "bare" else ("engine", "stop")))

    def start_engine(self) -> None:
        self.run(*(("systemctl", "start", "docker") if self.setup.kind == "bare" else ("engine", "start")))
        self._wait_for_engine()

    def partition(self, *peers: SshHost) -> None:
        """A black hole: not a packet comes or goes, to anybody or only between it and these hosts. Nobody is told."""
        script = []
        for table, hook, side, end in (("raw", "PREROUTING", "-i", "-s"), ("mangle", "POSTROUTING", "-o", "-d")):
            chain = f"iptables -w -t {table}"
            script.append(f"{chain} -N FLEET 2>/dev/null && {chain} -I {hook} -j FLEET")
            addresses = [f" {end} {peer.address}" for peer in peers] or [""]
            script += [f"{chain} -A FLEET {side} eth0{address} -j DROP" for address in addresses]
        self._packet_filter("; ".join(script))

    def heal(self) -> None:
        """The end of all partitions that were made here, if there were any."""
        self._packet_filter(
            "; ".join(f"iptables -w -t {table} -F FLEET 2>/dev/null || true" for table in ("raw", "mangle"))
        )

    def unplug(self) -> None:
        """Off the network, cable and all: it has no address either. Others hear nothing, or 'No route to host'."""
        docker("network", "disconnect", self.bed.network, self.container)

    def plug(self) -> None:
        docker("network", "connect", "--ip", self.address, self.bed.network, self.container)

    def fill_disk(self, path: str = "/var/lib/docker", *, leave: int = 0) -> None:
        """All but `leave` bytes of one of the setup's small disks."""
        if path not in self.setup.disks:
            raise ValueError(f"{path} is no small disk of {self.name}: it would fill this machine's")
        program = (
            "import os, sys; path, leave = sys.argv[1], int(sys.argv[2]); at = os.statvfs(path)\n"
            "file = os.open(f'{path}/{sys.argv[3]}', os.O_WRONLY | os.O_CREAT)\n"
            "size = at.f_bavail * at.f_frsize - leave\n"
            "if size > 0: os.posix_fallocate(file, os.fstat(file).st_size, size)"
        )
        self.run("python3", "-c", program, path, str(leave), FILLING)

    def free_disk(self, path: str = "/var/lib/docker") -> None:
        self.run("rm", "-f", f"{path}/{FILLING}")

    def rekey(self) -> SshKey:
        """Another host key, as after somebody installed it anew. The bed's known_hosts keeps the old one."""
        self.key = SshKey()
        self.write("/etc/ssh/ssh_host_ed25519_key", self.key.private, mode="0600")
        self.run("rm", "-f", "/etc/ssh/ssh_host_ed25519_key-cert.pub", "/etc/ssh/sshd_config.d/certificate.conf")
        self.run(*(("systemctl", "restart", "ssh") if self.setup.kind == "bare" else ("pkill", "-HUP", "-o", "sshd")))
        self._wait_for_sshd(time.monotonic() + READY)
        return self.key

    def wait_until_ready(self) -> None:
        """sshd and the engine answer. Raises RuntimeError with the host's log."""
        try:
            self._wait_for_sshd(time.monotonic() + READY)
            if self.setup.kind == "docker":
                self._wait_for_engine()
            else:
                self.run("systemctl", "is-system-running", "--wait", check=False, seconds=READY)
        except (OSError, RuntimeError) as error:
            log = docker("logs", "--tail", "20", self.container, check=False)
            said = (log.stdout + log.stderr).decode(errors="replace")
            raise RuntimeError(f"{self.name} ({self.address}) does not get ready: {error}\n{said}") from error

    def is_running(self) -> bool:
        return bool(json.loads(says("inspect", "--format", "{{json .State.Running}}", self.container)))

    def _wait_for_sshd(self, until: float) -> None:
        while True:
            try:
                with socket.create_connection((self.address, self.port), timeout=2) as connection:
                    if connection.recv(4) == b"SSH-":
                        return
            except OSError:
                if time.monotonic() > until:
                    raise
            if time.monotonic() > until:
                raise TimeoutError("sshd says nothing")
            time.sleep(0.05)

    def _wait_for_engine(self) -> None:
        wait = f"for i in $(seq {READY * 10:.0f}); do docker version >/dev/null 2>&1 && exit 0; sleep 0.1; done"
        self.run("sh", "-c", f"{wait}; tail -n 5 /var/log/dockerd.log >&2; exit 1", seconds=READY * 3)

    def _packet_filter(self, script: str) -> None:
        """From outside: a bare host has no such program. In the host's network, by the image that has it."""
        options = ("--rm", "--cap-add", "NET_ADMIN", "--network", f"container:{self.container}", *self.bed.labels)
        docker("run", *options, "--entrypoint", "sh", HOST.tag, "-ec", script)
