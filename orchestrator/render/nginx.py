"""Text for nginx from templates. Its language has no safe way to quote, so that values are bare words or nothing."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from orchestrator.errors import WorkshopError
from orchestrator.templating import configuration

DOCKER_DNS = "127.0.0.11"
_WORD = re.compile(r"[A-Za-z0-9@/._:\[\]-]+")


def nginx_text(folder: Path, template: str, values: dict[str, object]) -> str:
    """A template of `folder` with these values. Raises WorkshopError for one that nginx could read as syntax."""
    return configuration(folder, _word, own_lines=True).get_template(template).render(values)


def server_values(host: str, port: int) -> dict[str, object]:
    """A server of an upstream; names are asked for again, numbers are not."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return {"address": f"{host}:{port}", "by_name": True}
    return {"address": f"[{host}]:{port}" if version == 6 else f"{host}:{port}", "by_name": False}  # noqa: PLR2004


def _word(value: object) -> str:
    """`$` works inside quotes too."""
    text = str(value)
    if not _WORD.fullmatch(text):
        raise WorkshopError(f"{text!r} can't stand in nginx.conf")
    return text
