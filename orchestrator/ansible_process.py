"""What processes of Ansible get: an environment with nothing of the caller's but what they need, and a last hour."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

KEPT = ("HOME", "USER", "LOGNAME", "LANG", "SSH_AUTH_SOCK", "DOCKER_HOST", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "TMPDIR")


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
