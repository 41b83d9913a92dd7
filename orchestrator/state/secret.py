"""The workshop's secret: made once, 0600, never overwritten. Every key and password is derived from it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from orchestrator.durable import whole_file
from orchestrator.errors import UserError, Where
from orchestrator.identity.keys import SECRET_BYTES, new_secret
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import StateFolder

_OTHERS = 0o077


def load_secret(folder: StateFolder) -> bytes:
    """Reads it; raises UserError `secret_missing`, `secret_exposed` (others may read it) or `secret_invalid`."""
    path = folder.secret
    where = Where(file=path)
    with refusals_explained(path):
        if not path.exists():
            raise UserError(
                "secret_missing",
                "the workshop's secret is gone, and with it every key on every printed card",
                where=where,
                hint="Put the file back from a backup; or move the folder away to begin anew: all keys will change.",
            )
        mode = path.stat().st_mode & 0o777
        if mode & _OTHERS:
            raise UserError(
                "secret_exposed",
                f"other users of this machine can read the workshop's secret (mode {mode:o})",
                where=where,
                hint=f"chmod 600 {path}",
            )
        secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise UserError(
            "secret_invalid",
            f"the workshop's secret has {len(secret)} bytes instead of {SECRET_BYTES}",
            where=where,
            hint="Put the file back from a backup; or move the folder away to begin anew: all keys will change.",
        )
    return secret


def ensure_secret(folder: StateFolder) -> bytes:
    """Loads it, or makes it where no workshop was begun yet. Interrupted anywhere, there is a whole secret or none."""
    with refusals_explained(folder.secret):
        if not folder.secret.exists() and not folder.has_state:
            _create(folder.secret, new_secret())
    return load_secret(folder)


def _create(path: Path, content: bytes) -> None:
    with suppress(FileExistsError), whole_file(path, 0o600, replacing=False) as file:  # whoever was first, wins
        file.write(content)
