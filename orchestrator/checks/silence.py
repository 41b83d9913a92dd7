"""Why no answer came, in few words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.client import IncompleteRead, RemoteDisconnected

import requests
from urllib3.exceptions import NameResolutionError, ReadTimeoutError

from orchestrator.errors import WorkshopError


class Silence(WorkshopError):  # noqa: N818 - says what happened
    """No answer came; the text says why in few words."""


class EndlessAnswerError(OSError):
    """An answer that is longer than any should be."""


def why(error: BaseException, connect: float, seconds: float) -> str:
    """`connect` and `seconds` are what was waited for a connection and for an answer."""
    causes = tuple(_causes(error))
    said: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        (EndlessAnswerError, "an answer without end"),
        ((NameResolutionError, socket.gaierror), "the name of the server is not known here"),
        (ssl.SSLCertVerificationError, "TLS: the certificate is not valid"),
        (ssl.SSLError, "TLS: no secure connection could be agreed on"),
        (requests.ConnectTimeout, f"no connection within {connect:g} seconds"),
        ((requests.ReadTimeout, ReadTimeoutError, TimeoutError), f"no answer within {seconds:g} seconds"),
        (ConnectionRefusedError, "connection refused: nothing listens there"),
        ((RemoteDisconnected, IncompleteRead, ConnectionResetError, BrokenPipeError), "the connection broke off"),
    )
    for kinds, words in said:
        if any(isinstance(cause, kinds) for cause in causes):
            return words
    system = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
    return system or f"no answer ({type(error).__name__})"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
