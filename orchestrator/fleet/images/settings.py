"""What belongs to the operator's machine when images are made."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """`find_links` and `torch_index` as pip takes them; addresses may hold passwords."""

    logs: Path  # a folder: one log per image
    cache: Path  # a folder: what was found out about images, by their id
    find_links: tuple[SecretStr, ...] = ()
    torch_index: SecretStr | None = None

    @classmethod
    def from_environment(cls, logs: Path, cache: Path, environment: Mapping[str, str] = os.environ) -> Self:
        """PIP_FIND_LINKS (several with spaces between), WORKSHOP_TORCH_INDEX; else what pip's own files name."""
        links = shlex.split(environment.get("PIP_FIND_LINKS", "")) or _configured_links(environment)
        index = environment.get("WORKSHOP_TORCH_INDEX")
        return cls(logs, cache, tuple(SecretStr(link) for link in links), SecretStr(index) if index else None)


def _configured_links(environment: Mapping[str, str]) -> list[str]:
    """`find-links` of the pip configuration files, the user's last (https://pip.pypa.io/en/stable/topics/configuration)."""
    import configparser

    home = Path(environment.get("HOME", "/nonexistent"))
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", settings / "pip/pip.conf"]
    if chosen := environment.get("PIP_CONFIG_FILE"):
        files.append(Path(chosen))
    parser = configparser.RawConfigParser()
    try:
        parser.read(files, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return []
    return parser.get("global", "find-links", fallback="").split()
