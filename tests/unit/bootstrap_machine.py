"""A made-up machine for the scripts of bootstrap/: a folder in place of /, and stand-ins that log how they were called."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from orchestrator.workflow.rollout.bootstrap import SCRIPT

ROOT = Path(__file__).parents[2]
REAL = [
    *("cp", "mv"),
    *("awk", "basename", "bash", "cat", "chmod", "dirname", "env", "grep", "head", "mkdir", "mktemp", "rm", "sed"),
    *("seq", "setsid", "sha256sum", "sh", "sleep", "tail", "tee", "true"),
]
DEBIAN_12 = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
DEBIAN_13 = 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'
UBUNTU_24 = 'ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n'
FEDORA = 'ID=fedora\nVERSION_ID=42\nPRETTY_NAME="Fedora Linux 42"\n'
DEBIAN_DOCKER = "docker.io docker-cli docker-compose docker-buildx"

# answers `info` once the file engine-up is there, as the real client does once there is an engine
DOCKER = """
case "$1 $2" in
  "info "*) [ -e "$MACHINE/engine-up" ] || [ -n "${IN_GROUP-}" ] || { cat "$MACHINE/engine-says" >&2; exit 1; } ;;
  "compose version") echo "${COMPOSE_VERSION-2.26.1-4}" ;;
  "context ls") printf 'default\\n%s' "${CONTEXTS-}" ;;
  "version "*) echo 26.1.5 ;;
  "--version "*) echo "${DOCKER_SAYS-Docker version 26.1.5}" ;;
esac
"""
APT_GET = """
[ "$1" = indextargets ] && printf 'http://mirror.example bookworm\\nhttp://security.example bookworm-security\\n'
case "$*" in
  *install*) [ -z "${APT_FAILS-}" ] || { echo "E: held broken packages"; exit 100; }
    cp_tool docker; cp_tool dockerd ;;
esac
exit 0
"""


@dataclass
class Machine:
    folder: Path
    environment: dict[str, str]

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def write(self, path: str, text: str = "") -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def tool(self, name: str, script: str = "", *, shelf: str = "bin") -> None:
        """A command on this machine's PATH; on another shelf it waits to be installed."""
        file = self.folder / shelf / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'#!/bin/bash\necho "{name} $*" >> "$MACHINE/calls"\n{script}\n')
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def prepare(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "bootstrap/prepare.sh", *arguments],
            cwd=self.folder / "project",
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def host(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """What the playbook runs on a host over SSH."""
        files = [self.folder / "project" / "bootstrap" / name for name in SCRIPT]
        return subprocess.run(
            ["bash", "-s", "--", *arguments],
            input="".join(file.read_text() for file in files),
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def calls(self) -> str:
        file = self.folder / "calls"
        return file.read_text() if file.exists() else ""


def made_up_machine(tmp_path: Path) -> Machine:
    """Debian 13 without Docker, a root user, and a checkout whose environment takes no time to make."""
    shelf = tmp_path / "bin"
    shelf.mkdir()
    for name in REAL:
        path = shutil.which(name)
        assert path, name
        (shelf / name).symlink_to(path)
    (shelf / "python3").symlink_to(sys.executable)
    project = tmp_path / "project"
    shutil.copytree(ROOT / "bootstrap", project / "bootstrap")
    shutil.copy(ROOT / "pyproject.toml", project)
    environment = {
        "PATH": str(shelf),
        "MACHINE": str(tmp_path),
        "WORKSHOP_BOOTSTRAP_ROOT": str(tmp_path / "root"),
        "TMPDIR": str(tmp_path),
        "HOME": str(tmp_path),
    }
    made = Machine(tmp_path, environment)
    made.write("/etc/os-release", DEBIAN_13)
    made.write("/var/log/.keep")
    made.tool(
        "id",
        'case "$1" in -u) echo "${FAKE_UID-0}" ;; -un) echo ada ;; *) [ -z "${2-}" ] && echo ada || echo "ada ${LISTED-}" ;; esac',
    )
    made.tool(
        "apt-get", 'cp_tool() { ln -s "$MACHINE/store/$1" "$MACHINE/bin/$1"; }\nPATH=$PATH:/bin:/usr/bin\n' + APT_GET
    )
    made.tool("apt-cache", 'echo "  Candidate: ${CANDIDATE-1.0}"')
    made.tool("dpkg-query", 'case " ${INSTALLED-} " in *" ${!#} "*) echo installed ;; *) exit 1 ;; esac')
    made.tool("systemctl", 'PATH=$PATH:/bin touch "$MACHINE/engine-up"')
    made.tool("docker", DOCKER, shelf="store")
    made.tool("dockerd", 'PATH=$PATH:/bin touch "$MACHINE/engine-up"', shelf="store")
    made.write("../project/.venv/bin/python")
    for name in ("python", "provision"):
        command = project / ".venv" / "bin" / name
        command.write_text(f'#!/bin/bash\necho "venv-{name} $*" >> "$MACHINE/calls"\n')
        command.chmod(0o755)
    return made


def has_docker(machine: Machine, *, running: bool = False, engine: bool = True) -> None:
    """Docker as somebody else installed it."""
    machine.tool("docker", DOCKER)
    if engine:
        machine.tool("dockerd", 'PATH=$PATH:/bin touch "$MACHINE/engine-up"')
    if running:
        (machine.folder / "engine-up").touch()
