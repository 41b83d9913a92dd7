"""Whom the gateway lets vouch for providers: the public authorities, and those that the spec gives."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.spec.loader import Spec

CODE = "ca_unreadable"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def authorities(spec: Spec) -> bytes:
    """One PEM file with all of them. Raises UserError `ca_unreadable` with the line of the file that is none."""
    import certifi

    own = {certificate: None for at in _given(spec) for certificate in _certificates(spec, *at)}  # each once
    return "\n".join([certifi.contents().rstrip(), *own, ""]).encode()


def _given(spec: Spec) -> list[tuple[int, Path]]:
    return [(index, model.ca) for index, model in enumerate(spec.workshop.models) if model.ca]


def _certificates(spec: Spec, index: int, path: Path) -> list[str]:
    """The certificates in the file, and nothing else that may stand in it, such as a key."""
    try:
        text = spec.path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as problem:
        reason = (getattr(problem, "strerror", None) or "not PEM text").lower()
        raise _unreadable(spec, index, f"cannot read {path}: {reason}") from None
    found: list[str] = _CERTIFICATE.findall(text)
    if not found:
        raise _unreadable(spec, index, f"{path} holds no certificate")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="\n".join(found))
    except ssl.SSLError:
        raise _unreadable(spec, index, f"a certificate in {path} is damaged") from None
    return found


def _unreadable(spec: Spec, index: int, message: str) -> UserError:
    return spec.problem(("models", index, "ca"), CODE, message, "Give a PEM file: -----BEGIN CERTIFICATE-----")
