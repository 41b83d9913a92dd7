"""The edges' authority and certificates in the state's folder: each whole or not at all, for its owner only."""

from __future__ import annotations

import shutil
from pathlib import Path

from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import PRIVATE_FOLDER, StateFolder
from orchestrator.tls.edges import IssuedEdges, KeptEdges
from orchestrator.tls.store import NEW_ONE, load_pair, write_private


def authority_file(folder: StateFolder) -> Path:
    """Key and certificate in one file, so that a crash can't part them; so are the others."""
    return folder.edges / "authority.pem"


def gateway_file(folder: StateFolder) -> Path:
    return folder.edges / "gateway.pem"


def host_file(folder: StateFolder, host: str) -> Path:
    return folder.edges / "hosts" / f"{host}.pem"


def load_edges(folder: StateFolder) -> KeptEdges:
    """What was made. Raises UserError `tls_exposed`, `tls_damaged`, or for what the disk refuses."""
    with refusals_explained(folder.edges):
        files = sorted((folder.edges / "hosts").glob("*.pem"))
    hosts = {file.stem: pair for file in files if (pair := load_pair(file, NEW_ONE))}
    return KeptEdges(load_pair(authority_file(folder), NEW_ONE), load_pair(gateway_file(folder), NEW_ONE), hosts)


def save_edges(folder: StateFolder, issued: IssuedEdges) -> None:
    """Writes what is new, the authority first; removes the files of hosts that left."""
    hosts = folder.edges / "hosts"
    with refusals_explained(folder.edges):
        for part in (folder.tls, folder.edges, hosts):
            part.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        pairs = {authority_file(folder): issued.authority, gateway_file(folder): issued.gateway}
        pairs |= {host_file(folder, host): pair for host, pair in issued.hosts.items()}
        for file, pair in pairs.items():
            write_private(file, pair.key_pem + pair.certificate_pem)
        for file in hosts.glob("*.pem"):
            if file.stem not in issued.hosts:
                file.unlink()


def forget_edges(folder: StateFolder) -> None:
    """No host is behind an edge any more."""
    with refusals_explained(folder.edges):
        if folder.edges.exists():
            shutil.rmtree(folder.edges)
