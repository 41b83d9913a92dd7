"""A STAND-IN for a model hub, for tests that must not reach the real one: as much of its API as fetching weights takes.

Large files are served from a storage that is reached by a redirect, with Range, as the hub does it. It can break off in the
middle, serve a wrong byte, and ask for a token; it knows what it was asked.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.fleet.bed.stand_in import StandIn, StandInServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".gguf")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sibling(name: str, data: bytes, claimed: int) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    large = (
        {"lfs": {"size": claimed or len(data), "sha256": sha256(data), "pointerSize": 130}}
        if name.endswith(LARGE)
        else {}
    )
    return {"rfilename": name, "size": len(data), "blobId": blob, **large}


class _Handler(BaseHTTPRequestHandler):
    server: StandInServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self) -> None:
        hub, path = self.server.stand_in, unquote(urlsplit(self.path).path).lstrip("/")
        hub.asked.append(f"{self.command} {path}")
        given = self.headers.get("Authorization")
        if path.startswith("storage/"):
            hub.storage_tokens += [given] if given else []
            self._large(hub, *path.removeprefix("storage/").split("/resolve/"))
        elif hub.token and given != f"Bearer {hub.token}":
            self._say(401, b'{"error": "Invalid credentials"}')
        elif path.startswith("api/models/"):
            repository = "/".join(path.split("/")[2:4])
            known = repository in hub.files
            self._say(200 if known else 404, json.dumps(hub.listing(repository) if known else {}).encode())
        else:
            self._file(hub, path)

    def _file(self, hub: HubStandIn, path: str) -> None:
        repository, _, rest = path.partition("/resolve/")
        name = rest.partition("/")[2]
        data = hub.files.get(repository, {}).get(name)
        if data is None:
            self._say(404, b"Entry not found")
        elif name.endswith(LARGE):
            linked = {
                "X-Linked-Size": str(hub.claimed or len(data)),
                "X-Linked-ETag": f'"{sha256(data)}"',
                "X-Repo-Commit": COMMIT,
            }
            where = f"http://localhost:{hub.port}" if hub.address == "127.0.0.1" else hub.endpoint  # another server
            self._say(302, b"", {"Location": f"{where}/storage/{repository}/resolve/{quote(name)}", **linked})
        else:
            self._say(200, data)

    def _large(self, hub: HubStandIn, repository: str, name: str) -> None:
        data = hub.files[repository][name]
        start, status = 0, 200
        if wanted := self.headers.get("Range"):
            hub.ranges.append(wanted)
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
        if start and start >= len(data):
            self._say(416, b"")
            return
        part = data[start:]
        more = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if status == 206 else {}
        if self.command == "GET" and hub.damaged:
            hub.damaged -= 1
            part = part[:-1] + bytes([part[-1] ^ 1])
        if self.command == "GET" and hub.breaks:
            hub.breaks -= 1
            self._say(status, part, more, only=hub.break_after)
            self.close_connection = True
        else:
            self._say(status, part, more)

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None, only: int | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "ETag": f'"{sha256(body)[:16]}"',
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:only])


@dataclass
class HubStandIn(StandIn):
    """`files` by repository and name. `break_after`: each answer of a large file ends after so many bytes, `breaks` times."""

    handler = _Handler

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    token: str | None = None
    break_after: int = 0
    breaks: int = 0
    claimed: int = 0  # bytes that it says a large file has
    damaged: int = 0  # answers with one wrong byte
    ranges: list[str] = field(default_factory=list)
    storage_tokens: list[str] = field(default_factory=list)  # tokens that were sent to the storage: none should be

    def listing(self, repository: str) -> dict[str, Any]:
        found = self.files[repository]
        return {
            "id": repository,
            "sha": COMMIT,
            "siblings": [_sibling(name, data, self.claimed) for name, data in found.items()],
        }
