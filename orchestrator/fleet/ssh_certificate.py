"""Certificates of SSH users: whether the one beside a key still holds. The host would only say that it refuses."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path


def why_invalid(key: Path) -> str | None:
    """What is wrong with the certificate that ssh shows with this key, in words; None: nothing, or there is none."""
    from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

    file = key.expanduser().with_name(f"{key.name}-cert.pub")
    try:
        found = load_ssh_public_identity(file.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, SSHCertificate):
        return None
    now = time.time()
    if found.valid_before <= now:
        return f"the certificate {file} expired {_at(found.valid_before)}"
    if found.valid_after > now:
        return f"the certificate {file} is valid from {_at(found.valid_after)} only"
    return None


def _at(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
