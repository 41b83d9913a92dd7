"""Ansible, imported once for many inventories: importing it takes most of a second, reading an inventory a tenth.

orchestrator/inventory/ask.py runs as it is, in a fork of a process that has imported it, with the environment, the folder
and the question that the program gives; only what Ansible takes from its environment while it is imported (its own
folders) is that of the first. What is asked of the process itself needs one of its own: see `Ready.original`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.ansible_process import scrubbed_environment
from orchestrator.inventory import reading

SERVER = """
import importlib.util, json, os, signal, socket, sys
program, at = sys.argv[1:]
found = importlib.util.spec_from_file_location("ask", program)
ask = importlib.util.module_from_spec(found)
found.loader.exec_module(ask)
listener = socket.socket(socket.AF_UNIX)
listener.bind(at)
listener.listen()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
while True:
    asked, _ = listener.accept()
    if os.fork():
        asked.close()
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with asked, asked.makefile("rw", encoding="utf-8") as stream:
        folder, environment, question = json.load(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        json.dump(ask.answer(question), stream, default=str)
    os._exit(0)
"""
RELAY = """
import json, os, socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect(os.path.join(os.path.dirname(__file__), "socket"))
with asked, asked.makefile("rw", encoding="utf-8") as stream:
    json.dump([os.getcwd(), dict(os.environ), json.load(sys.stdin)], stream)
    stream.flush()
    asked.shutdown(socket.SHUT_WR)
    sys.stdout.write(stream.read())
"""


@dataclass(frozen=True)
class Ready:
    """What `reading.PROGRAM` may be: one that has Ansible from another process, and the real one."""

    relay: Path
    original: Path = reading.PROGRAM


@contextmanager
def ready_ansible(folder: Path) -> Iterator[Ready]:
    """`folder` is empty, and its path short enough for a socket in it."""
    relay = folder / "relay.py"
    relay.write_text(RELAY, encoding="utf-8")
    command = [sys.executable, "-I", "-c", SERVER, str(reading.PROGRAM), str(folder / "socket")]
    environment = scrubbed_environment(folder) | reading.ALWAYS
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout
            assert server.stdout.readline() == b"ready\n"
            yield Ready(relay)
        finally:
            server.kill()
