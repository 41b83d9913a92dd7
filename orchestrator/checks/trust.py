"""Whom `verify` believes over TLS: the system's authorities and the workshop's own certificate."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from requests.adapters import HTTPAdapter

from orchestrator.checks.check import Outcome
from orchestrator.checks.silence import Silence, why
from orchestrator.plan.gateway import Window

HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Trust:
    """How a server is recognised: by an authority, or by the very certificate that it has shown before."""

    context: ssl.SSLContext
    fingerprint: str | None = None  # SHA-256 (hex); its authority, name and dates are then not looked at


class TrustingAdapter(HTTPAdapter):
    """Carries requests to servers that are trusted so. `name`: whose certificate it must be, if not the address's."""

    def __init__(self, trust: Trust, name: str | None = None) -> None:
        self._trust = trust
        self._name: dict[str, Any] = {"server_hostname": name} if name else {}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        fingerprint = self._trust.fingerprint
        kwargs |= {"ssl_context": self._trust.context, "assert_fingerprint": fingerprint, **self._name}
        super().init_poolmanager(*args, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing beside the context: requests would add its own list of authorities."""


def authorities(certificate: Path | None) -> Trust:
    """The system's authorities and, if given, the certificates of a file: self-signed, an own authority, or a chain."""
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates made by hand lack what RFC 5280 wants beside
    if certificate is not None:
        context.load_verify_locations(certificate)
    return Trust(context)


def look_at_certificate(url: str, trust: Trust, window: Window, *, seconds: float) -> tuple[Outcome, Trust]:
    """Whether it is a certificate for this address, until the workshop ends; and how to go on. Raises Silence."""
    parts = urlsplit(url)
    try:
        details = _handshake(parts, trust.context, seconds)
    except ssl.SSLCertVerificationError as error:
        return Outcome(ok=False, got=f"not valid: {error.verify_message.rstrip('.')}"), _as_shown(parts, seconds)
    except OSError as error:
        raise Silence(why(error, seconds, seconds)) from error
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(details["notAfter"]), UTC)
    until = f"valid until {ends.day} {ends:%B %Y, %H:%M} UTC"
    if window.closes is not None and ends.timestamp() < window.closes:
        return Outcome(ok=False, got=f"{until}, before the workshop ends"), trust
    return Outcome(ok=True, got=until), trust


def _handshake(parts: SplitResult, context: ssl.SSLContext, seconds: float) -> dict[str, Any]:
    with _connect(parts, context, seconds) as connection:
        return dict(connection.getpeercert() or {})


def _as_shown(parts: SplitResult, seconds: float) -> Trust:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with _connect(parts, context, seconds) as connection:
        shown = connection.getpeercert(binary_form=True)
    return Trust(context, hashlib.sha256(shown or b"").hexdigest())


def _connect(parts: SplitResult, context: ssl.SSLContext, seconds: float) -> ssl.SSLSocket:
    address = (parts.hostname or "", parts.port or HTTPS_PORT)
    with socket.create_connection(address, timeout=seconds) as plain:
        return context.wrap_socket(plain, server_hostname=parts.hostname)
