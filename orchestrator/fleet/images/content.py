"""What an image consists of, told alike by every engine: ids differ between Docker's two ways to store images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MATTERS = ("Entrypoint", "Cmd", "Env", "WorkingDir", "User", "ExposedPorts", "Volumes")


@dataclass(frozen=True, slots=True)
class Content:
    """`digest` covers layers, platform and how it starts: two images that have the same are the same bits."""

    digest: str  # "sha256:..."
    platform: str  # "linux/amd64"

    @classmethod
    def read(cls, inspected: Mapping[str, Any]) -> Content:
        """From what an engine answers to an inspection (docs.docker.com/reference/api/engine, ImageInspect)."""
        config = inspected.get("Config") or {}
        platform = f"{inspected['Os']}/{inspected['Architecture']}"
        told = [platform, inspected["RootFS"].get("Layers") or [], [config.get(key) or None for key in _MATTERS]]
        text = json.dumps(told, sort_keys=True, ensure_ascii=True)
        return cls(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", platform)
