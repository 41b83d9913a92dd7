"""Every byte that a command prints is read, those too that come in one packet with the head of the engine's answer."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import docker
import pytest

from orchestrator.fleet.container_command import STDERR, STDOUT, ContainerCommand
from orchestrator.fleet.docker_host import DockerHost

PRINTED = [(STDOUT, b"first"), (STDERR, b"a complaint"), (STDOUT, b"\x00" * 70_000), (STDOUT, b"last")]


def frames(parts: list[tuple[int, bytes]]) -> bytes:
    return b"".join(struct.pack(">BxxxL", printed, len(part)) + part for printed, part in parts)


class Engine(BaseHTTPRequestHandler):
    """A stand-in for Docker's API: it answers an exec with head and frames in one packet, as a busy engine does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/containers/one/exec"):
            self._answer({"Id": "job-with-stdin" if asked["AttachStdin"] else "job"})
            return
        head = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        if "job-with-stdin" in self.path:
            self.wfile.write(head)
            self.wfile.write(frames([(STDOUT, self.rfile.read())]))
        else:
            self.wfile.write(head + frames(PRINTED))
        self.close_connection = True

    def do_GET(self) -> None:
        self._answer({"ExitCode": 3})

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Not on the terminal."""


class OverASocket(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, _ = super().get_request()
        return connection, ("engine", 0)  # BaseHTTPRequestHandler wants a name


@pytest.fixture
def api() -> Iterator[docker.APIClient]:
    with tempfile.TemporaryDirectory() as folder, OverASocket(str(Path(folder) / "s"), Engine) as engine:
        threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        client = docker.APIClient(base_url=f"unix://{folder}/s", version="1.45", timeout=10)
        yield client
        client.close()
        engine.shutdown()


def test_what_comes_with_the_head_is_not_lost(api: docker.APIClient) -> None:
    command = ContainerCommand(api, "one", ["true"])
    assert list(command.frames()) == PRINTED
    assert command.status() == 3


def test_what_is_said_to_it_arrives_whole(api: docker.APIClient) -> None:
    said = b"x" * 300_000
    command = ContainerCommand(api, "one", ["cat"], said=said)
    assert b"".join(part for _, part in command.frames()) == said


def test_a_host_gives_both_outputs_in_order(api: docker.APIClient) -> None:
    client = docker.DockerClient.__new__(docker.DockerClient)
    client.api = api
    status, output = DockerHost(client, "front").ask("one", ["true"])
    assert (status, output[:16], output[-4:]) == (3, "firsta complaint", "last")
