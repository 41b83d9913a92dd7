"""Whom a host reaches: other hosts by TCP, registries and hubs by HTTPS."""

from __future__ import annotations

import errno
import socket
import ssl
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SECONDS = 4


def reach(question: Any) -> Any:
    """`peers`: (address, port) pairs, `urls`: addresses to ask for their head. All at once.

    Answers a word for each, in their order: `reached`, `refused`, `timeout`, `no name`, `certificate`, or what failed.
    A refused connection came there and back; any answer of a server is one.
    """
    with ThreadPoolExecutor(32) as pool:
        peers = [pool.submit(connect, address, port) for address, port in question["peers"]]
        urls = [pool.submit(ask, url) for url in question["urls"]]
        return {"peers": [peer.result() for peer in peers], "urls": [url.result() for url in urls]}


def connect(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), timeout=SECONDS):
            return "reached"
    except OSError as problem:
        return _word(problem)


def ask(url: str) -> str:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=SECONDS):  # noqa: S310 - ours
            return "reached"
    except urllib.error.HTTPError:
        return "reached"
    except urllib.error.URLError as problem:
        return _word(problem.reason) if isinstance(problem.reason, OSError) else str(problem.reason)
    except (OSError, ValueError) as problem:
        return _word(problem)


def _word(problem: BaseException) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return "certificate"
    if isinstance(problem, socket.timeout) or getattr(problem, "errno", None) == errno.ETIMEDOUT:
        return "timeout"
    if isinstance(problem, ConnectionRefusedError):
        return "refused"
    if isinstance(problem, socket.gaierror):
        return "no name"
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
