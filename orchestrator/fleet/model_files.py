"""Reads what a model's own files say of its size, from a folder or a model hub: config.json or a GGUF file's header,
and how many bytes each has.

The hub's API: https://huggingface.co/docs/hub/api (GET /api/models/REPOSITORY with blobs=true lists files and sizes).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from orchestrator.engines.gguf_header import Header, gguf_header
from orchestrator.engines.size import weight_bytes
from orchestrator.spec.gguf import parts_of

if TYPE_CHECKING:
    from requests import Session

HUB = "https://huggingface.co"
TIMEOUT = (2.0, 4.0)  # seconds to connect, and between two pieces of an answer
LARGEST = 8 << 20  # bytes of one answer
HEADER = 1 << 20  # bytes of a GGUF file in which its model is described
CONFIG = "config.json"
DOTS = {"", ".", ".."}  # no names: they would lead elsewhere


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Bytes of the weights, the config.json, what a GGUF file's header says. None: not there, or not to be had."""

    weights: int | None
    config: Mapping[str, Any] | None
    origin: str
    gguf: Header | None = None

    def as_dict(self) -> dict[str, object]:
        return {"weights": self.weights, "config": self.config, "origin": self.origin, "gguf": self.gguf}


def read_folder(folder: Path) -> ModelFiles | None:
    """Of a folder with a checkpoint, or of one .gguf file; None where nothing of a model is there."""
    origin = str(folder)
    try:
        if folder.is_file():
            parts = (folder.with_name(name) for name in parts_of(folder.name))
            with folder.open("rb") as file:
                header = gguf_header(file.read(HEADER))
            return ModelFiles(sum(part.stat().st_size for part in parts), None, origin, header)
        sizes = {file.name: file.stat().st_size for file in folder.iterdir() if file.is_file()}
        config = _json_object((folder / CONFIG).read_bytes()) if CONFIG in sizes else None
    except OSError:
        return None
    found = ModelFiles(weight_bytes(sizes), config, origin)
    return found if found.weights is not None or found.config is not None else None


def ask_hub(source: str, endpoint: str, token: SecretStr | None) -> ModelFiles | None:
    """Of OWNER/REPOSITORY, or of OWNER/REPOSITORY/FILE.gguf; None where the hub does not tell. Never raises."""
    import requests

    owner, _, rest = source.partition("/")
    name, _, file = rest.partition("/")
    if not name or DOTS & {owner, name} or urlsplit(endpoint).scheme not in {"http", "https"}:
        return None
    repository = f"{quote(owner, safe='')}/{quote(name, safe='')}"
    base = endpoint.rstrip("/")
    with requests.Session() as session:
        if token is not None:
            session.headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        listed = _get(session, f"{base}/api/models/{repository}?blobs=true")
        if listed is None:
            return None
        sizes = _sizes(listed)
        if file:
            parts = [sizes.get(part) for part in parts_of(file)]
            if not all(parts):
                return None
            content = _first_bytes(session, f"{base}/{repository}/resolve/main/{quote(file)}")
            return ModelFiles(sum(filter(None, parts)), None, base, gguf_header(content or b""))
        config = _get(session, f"{base}/{repository}/resolve/main/{CONFIG}") if CONFIG in sizes else None
    return ModelFiles(weight_bytes(sizes), config, base)


def _sizes(listed: Mapping[str, Any]) -> dict[str, int]:
    files = listed.get("siblings")
    return {
        file["rfilename"]: file["size"]
        for file in (files if isinstance(files, list) else [])
        if isinstance(file, dict) and isinstance(file.get("rfilename"), str) and isinstance(file.get("size"), int)
    }


def _get(session: Session, url: str) -> Mapping[str, Any] | None:
    content = _content(session, url, LARGEST + 1, {})
    return _json_object(content) if content is not None and len(content) <= LARGEST else None


def _first_bytes(session: Session, url: str) -> bytes | None:
    """Also of a server that sends all of it. The storage that the hub points to gets no token: requests drops it."""
    return _content(session, url, HEADER, {"Range": f"bytes=0-{HEADER - 1}", "Accept-Encoding": "identity"})


def _content(session: Session, url: str, most: int, headers: Mapping[str, str]) -> bytes | None:
    import requests

    try:
        with session.get(url, timeout=TIMEOUT, stream=True, headers=headers) as answer:
            if answer.status_code not in {requests.codes.ok, requests.codes.partial_content}:
                return None
            content: bytes = answer.raw.read(most, decode_content=True)
    except (requests.RequestException, OSError, ValueError):
        return None
    return content


def _json_object(content: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
