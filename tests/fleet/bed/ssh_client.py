"""ssh(1) as the bed's own tests run it."""

import subprocess
from collections.abc import Sequence

REFUSED = 255  # ssh's own exit code, whatever it is that went wrong


def ssh(command: Sequence[str], *words: str, seconds: float = 30) -> subprocess.CompletedProcess[str]:
    """`command` is Bed.ssh_command's, `words` go to the shell of the host."""
    return subprocess.run([*command, *words], capture_output=True, text=True, check=False, timeout=seconds)
