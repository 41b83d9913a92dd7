"""How curl inside the gateway's container asks a backend: by its name, or through the edge of another host. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.plan.edges import CLIENT_AUTHORITY, CLIENT_PAIR
from orchestrator.plan.gateway import CONFIG_DIR, Server

EDGE_TROUBLES = {  # curl's exit codes, beside those that any server may cause
    35: "the edge of its host did not take the connection: it may be of another workshop, or know another backend",
    58: "the gateway's certificate for edges is missing or damaged",
    60: "the edge of its host shows a certificate that is not this workshop's",
}


@dataclass(frozen=True, slots=True)
class Way:
    url: str
    options: tuple[str, ...] = ()  # of curl


def way_to(server: Server, path: str, *, as_gateway: bool = True) -> Way:
    """As the gateway itself goes: through an edge with its certificate, and believing the edges' authority only.

    Not `as_gateway`: with neither.
    """
    at = f"[{server.host}]" if ":" in server.host else server.host
    if not server.edge:
        return Way(f"http://{at}:{server.port}{path}")
    known = ("--cert", f"{CONFIG_DIR}/{CLIENT_PAIR}", "--cacert", f"{CONFIG_DIR}/{CLIENT_AUTHORITY}")
    trust = known if as_gateway else ("--insecure",)
    return Way(
        f"https://{server.host_header}{path}",
        (*trust, "--connect-to", f"{server.host_header}:443:{at}:{server.port}"),
    )
