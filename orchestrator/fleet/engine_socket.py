"""A remote Docker engine as a Unix socket on this machine, for the Docker SDK.

Each connection becomes one `ssh HOST docker system dial-stdio`, as the docker command itself does for ssh://. The SDK's
own ssh:// knows no key file, no jump host and no sudo; `ssh -L` knows no sudo and no engine at another place.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

# sshd takes 10 sessions over one connection (MaxSessions); further ones sign in anew, of which it takes 10 at once
# (MaxStartups) and drops the others.
SESSIONS = 8
PAUSE = 0.2  # s


class EngineSocket:
    """Listens once it is opened. `command` talks to the engine on its stdin and stdout."""

    def __init__(self, path: Path, command: Sequence[str]) -> None:
        self._path = path
        self._command = command
        self._listener: socket.socket | None = None
        self._conversations: list[subprocess.Popen[bytes]] = []
        self._opening = threading.Lock()

    def open(self) -> str:
        """The address for the SDK."""
        with self._opening:
            if self._listener is None:
                self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._listener.bind(str(self._path))
                self._listener.listen(64)
                threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()
        return f"unix://{self._path}"

    def close(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
            self._listener.close()
        for conversation in self._conversations:
            conversation.terminate()
        for conversation in self._conversations:
            conversation.wait()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._conversations = [other for other in self._conversations if other.poll() is None]
            if len(self._conversations) >= SESSIONS:
                time.sleep(PAUSE)
            with connection:  # the process has its own end of it
                talk = subprocess.Popen(
                    self._command, stdin=connection.fileno(), stdout=connection.fileno(), stderr=subprocess.DEVNULL
                )
            self._conversations.append(talk)
