"""What the stand-ins for servers on the internet share: an address on the bed, and what they were asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self


@dataclass
class StandIn:
    """Serves inside `with ...serving()`, at `endpoint`."""

    handler: ClassVar[type[BaseHTTPRequestHandler]]
    address: str = "127.0.0.1"
    asked: list[str] = field(default_factory=list, init=False)
    port: int = field(default=0, init=False)

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}:{self.port}"

    @contextmanager
    def serving(self) -> Iterator[Self]:
        server = StandInServer((self.address, 0), self.handler)
        server.stand_in = self
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class StandInServer(ThreadingHTTPServer):
    daemon_threads = True
    stand_in: Any
