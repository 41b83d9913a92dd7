"""An Open WebUI that has a name, asked by it over TLS at this machine, whose DNS knows nothing of it."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3


@dataclass(frozen=True)
class NamedPage:
    """As a browser would, who believes the workshop's authority and nobody else."""

    name: str
    port: int
    authority: Path

    @property
    def url(self) -> str:
        return f"https://{self.name}:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: object = None,
        *,
        cookie: str | None = None,
        host: str | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """`host`: another one than the certificate must be for."""
        sent = {"Authorization": f"Bearer {token}", "Cookie": cookie, "Content-Type": "application/json"}
        headers = {"Host": f"{host or self.name}:{self.port}"}
        headers |= {name: value for name, value in sent.items() if value and value != "Bearer None"}
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1", self.port, ca_certs=str(self.authority), server_hostname=self.name, timeout=60, retries=False
        ) as pool:
            return pool.request(method, path, body=None if body is None else json.dumps(body), headers=headers)

    def sign_in(self, person: dict[str, Any]) -> urllib3.BaseHTTPResponse:
        form = {"email": person["webui_email"], "password": person["webui_password"]}
        return self.ask("POST", "/api/v1/auths/signin", body=form)

    def web_socket(self, origin: str) -> bytes:
        """What comes before the server waits for the client: the answer's head, and socket.io's first words."""
        lines = [
            "GET /ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
            f"Host: {self.name}:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            f"Origin: {origin}",
        ]
        context = ssl.create_default_context(cafile=str(self.authority))
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname=self.name) as connection,
        ):
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            seen = b""
            while b'"sid"' not in seen and (piece := connection.recv(4096)):
                seen += piece
                if b"\r\n\r\n" in seen and not seen.startswith(b"HTTP/1.1 101"):
                    break
            return seen
