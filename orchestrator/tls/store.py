"""The authority and the server's certificate in the state's folder: each whole or not at all, for its owner only."""

from __future__ import annotations

from pathlib import Path

from orchestrator.durable import replace_file
from orchestrator.errors import UserError, Where
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import PRIVATE_FOLDER, StateFolder
from orchestrator.tls.issue import Issued
from orchestrator.tls.pair import Pair, read_pair

NEW_ONE = "Delete it: a new one is made"
_OTHERS = 0o077
_FILE_MODE = 0o600


def authority_file(folder: StateFolder) -> Path:
    """Key and certificate in one file, so that a crash can't part them."""
    return folder.tls / "authority.pem"


def server_file(folder: StateFolder) -> Path:
    return folder.tls / "server.pem"


def load(folder: StateFolder) -> tuple[Pair | None, Pair | None]:
    """The authority and the server's certificate, as far as they were made.

    Raises UserError `tls_exposed` (others may read a key), `tls_damaged`, and for what the disk refuses.
    """
    hint = "Put the file back from a backup; or delete it for a new one, which everybody has to take into their devices"
    authority = load_pair(authority_file(folder), hint)
    return authority, load_pair(server_file(folder), NEW_ONE)


def save(folder: StateFolder, issued: Issued) -> None:
    """Writes what is new, the authority first: a crash in between leaves one that the next run goes on with."""
    with refusals_explained(folder.tls):
        folder.tls.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        for file, pair in ((authority_file(folder), issued.authority), (server_file(folder), issued.server)):
            write_private(file, pair.key_pem + pair.certificate_pem)
        write_private(folder.ca_certificate, issued.authority.certificate_pem)


def is_whole(folder: StateFolder, issued: Issued) -> bool:
    """Whether the file for clients is there as well, which is written last."""
    file = folder.ca_certificate
    with refusals_explained(file):
        return file.is_file() and file.read_bytes() == issued.authority.certificate_pem


def load_pair(path: Path, hint: str) -> Pair | None:
    """From a file with both; None where there is none. Raises UserError as `load` does."""
    with refusals_explained(path):
        if not path.exists():
            return None
        mode = path.stat().st_mode & 0o777
        content = path.read_bytes()
    where = Where(file=path)
    if mode & _OTHERS:
        message = f"other users of this machine can read this private key (mode {mode:o})"
        raise UserError("tls_exposed", message, where=where, hint=f"chmod 600 {path}")
    try:
        return read_pair(content)
    except ValueError:
        raise UserError("tls_damaged", "is not a certificate with its key", where=where, hint=hint) from None


def write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, for its owner only; one that is right stays as it is."""
    if not path.is_file() or path.read_bytes() != content:
        replace_file(path, content, _FILE_MODE)
