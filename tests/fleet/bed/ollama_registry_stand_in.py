"""A STAND-IN for Ollama's registry: models as manifests and blobs, as much of it as the stand-in for `ollama` asks for.

Paths as the real one has them: /v2/library/NAME/manifests/TAG, /v2/library/NAME/blobs/sha256:HEX. It knows what it was asked.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.fleet.bed.stand_in import StandIn, StandInServer

CONFIG = b'{"model_format":"gguf","model_family":"llama"}'


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(gguf: bytes) -> bytes:
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": digest(gguf), "size": len(gguf)}
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": digest(CONFIG)}
    return json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}, separators=(",", ":")).encode()


class _Handler(BaseHTTPRequestHandler):
    server: StandInServer

    def do_GET(self) -> None:
        self.server.stand_in.asked.append(self.path)
        found = self.server.stand_in.answer(self.path)
        self.send_response(404 if found is None else 200)
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *args: object) -> None:
        pass


@dataclass
class OllamaRegistryStandIn(StandIn):
    handler = _Handler
    models: dict[str, bytes] = field(default_factory=dict)  # by NAME:TAG, the GGUF

    def answer(self, path: str) -> bytes | None:
        """None: there is no such thing."""
        _, _, _, name, kind, what = path.split("/")
        if kind == "manifests":
            gguf = self.models.get(f"{name}:{what}")
            return None if gguf is None else manifest(gguf)
        there = {digest(part): part for gguf in self.models.values() for part in (gguf, CONFIG)}
        return there.get(what)
