"""What a host is like before anything is put there: its versions, whose workshop lies there, which ports are free."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
from pathlib import Path
from typing import Any

SECONDS = 30


def look(question: Any) -> Any:
    """`folder` (of the stack; `~` is resolved here), `ports` to try.

    Answers `folder`, `owner` (as it was written there, None: nobody's), `busy` (the ports that somebody listens on),
    `docker` and `compose` (versions), and what they said where one does not answer.
    """
    docker, docker_said = _tell(["docker", "version", "--format", "{{.Server.Version}}"])
    compose, _ = _tell(["docker", "compose", "version", "--short"])
    return {
        **owner(question),
        "busy": busy(question),
        "docker": docker,
        "docker_said": docker_said,
        "compose": compose,
    }


def busy(question: Any) -> Any:
    """Of `ports` those that somebody listens on."""
    return [port for port in question["ports"] if not _is_free(port)]


def routes(question: Any) -> Any:  # noqa: ARG001 - every script is asked something
    """The networks that the host has an own way to, but for Docker's, which Docker tells: as ADDRESS/PREFIX."""
    found = []
    for line in Path("/proc/net/route").read_text(encoding="utf-8").splitlines()[1:]:
        interface, network, _, _, _, _, _, mask = line.split()[:8]
        if mask != "00000000" and not interface.startswith(("br-", "docker")):
            number = bytes.fromhex(network)[::-1]
            found.append(f"{'.'.join(map(str, number))}/{bin(int(mask, 16)).count('1')}")  # noqa: FURB161 - Python 3.8 lacks it
    return found


def owner(question: Any) -> Any:
    """`folder` and `owner` alone."""
    folder = Path(question["folder"]).expanduser()
    try:
        note = json.loads(folder.with_name(f"{folder.name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        note = None
    return {"folder": str(folder), "owner": note}


def _tell(command: list[str]) -> tuple[str | None, str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except FileNotFoundError:
        return None, "the docker command is not installed"
    except subprocess.TimeoutExpired:
        return None, f"no answer within {SECONDS} s"
    version = done.stdout.strip()
    return (version, "") if done.returncode == 0 and version else (None, done.stderr.strip() or "no answer")


def _is_free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - what Docker will bind
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return False
    return True
