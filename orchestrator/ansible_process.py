"""What processes of Ansible get, with nothing of the caller's but what they need, and what they ask of hosts."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Self

KEPT = ("HOME", "USER", "LOGNAME", "LANG", "SSH_AUTH_SOCK", "DOCKER_HOST", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "TMPDIR")


@dataclass(frozen=True, slots=True)
class AnsibleNeeds:
    """The lowest Python of a host, and of what version of ansible-core that is: its modules end at once below it."""

    python: tuple[int, int] = (3, 8)  # what this program's own scripts are written for
    by: str = "this program"

    @classmethod
    @cache
    def installed(cls) -> Self:
        """As the ansible-core says that is installed here: 3.8 up to its version 2.19, 3.9 from 2.20 on."""
        try:
            core = distribution("ansible-core")
        except PackageNotFoundError:
            return cls()
        source = Path(str(core.locate_file("ansible/module_utils/basic.py")))
        told = re.search(r"^_PY_MIN = \((\d+), (\d+)\)", source.read_text(encoding="utf-8"), re.MULTILINE)
        asked = (int(told[1]), int(told[2])) if told else cls().python
        return cls(asked, f"ansible-core {core.version}") if asked > cls().python else cls()


def scrubbed_environment(private: Path) -> dict[str, str]:
    """`private` is a folder that is removed at the end: what Ansible writes for itself lies there."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_CONFIG": str(_empty(private / "ansible.cfg")),
        "ANSIBLE_LOCAL_TEMP": str(private / "tmp"),
        "ANSIBLE_HOME": str(private / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_DEVEL_WARNING": "0",
    }


def ending_with_this_process() -> list[str]:
    """Ansible would go on alone after a `kill -9`, beside the next run; the kernel ends it (Linux only)."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _empty(file: Path) -> Path:
    """The user's own ansible.cfg must not change what happens."""
    file.touch(mode=0o600)
    return file
