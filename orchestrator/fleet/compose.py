"""The Compose plugin on this machine: its version, and the hashes by which it knows whether a service changed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from orchestrator.errors import UserError, Where

LEAST = (2, 20)
SECONDS = 30


def require_compose(host: str) -> None:
    """Raises UserError `compose_missing` unless Compose v2.20 or newer answers."""
    hint = (
        "Install the Compose plugin that belongs to your Docker (Debian 13: docker-compose, Ubuntu: docker-compose-v2)"
    )
    try:
        answer = subprocess.run(
            ["docker", "compose", "version", "--short"], capture_output=True, text=True, check=True, timeout=SECONDS
        )
    except FileNotFoundError:
        raise UserError(
            "compose_missing", "the docker command is not installed", where=Where(host=host), hint=hint
        ) from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise UserError(
            "compose_missing", "docker compose does not answer", where=Where(host=host), hint=hint
        ) from None
    found = re.search(r"(\d+)\.(\d+)", answer.stdout)
    if found is None or (int(found[1]), int(found[2])) < LEAST:
        text = answer.stdout.strip() or "unknown"
        raise UserError("compose_missing", f"Compose {text} is older than 2.20", where=Where(host=host), hint=hint)


def service_hashes(compose: str, project: str, folder: Path) -> dict[str, str]:
    """Service -> the hash that its container carries when it was made from exactly this; empty for a refused file.

    `compose` is the file's text, which need not lie in `folder` yet.
    """
    where = ["--project-name", project, "--project-directory", str(folder), "--file", "-"]
    command = ["docker", "compose", *where, "config", "--hash", "*"]
    answer = subprocess.run(command, input=compose, capture_output=True, text=True, check=False, timeout=SECONDS)
    pairs = (line.split() for line in answer.stdout.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - name and hash
