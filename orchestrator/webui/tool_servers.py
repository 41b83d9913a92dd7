"""Tool servers: connections that everybody, or a team, finds in the chat. Those that somebody else added stay.

The workshop's have its mark in their `info`.
"""

from __future__ import annotations

from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.groups import grants
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.wanted import Seed, Tally, ToolServer

SERVERS = "/api/v1/configs/tool_servers"
LIST = "TOOL_SERVER_CONNECTIONS"


def apply(webui: WebUI, wanted: Seed, groups: dict[str, str], tally: Tally) -> None:
    """`groups`: ids by name. Each server is asked for its tools; one that doesn't answer is a line in the failures."""
    found = webui.get(SERVERS)[LIST] or []
    mark = wanted.marks.label
    should = [_connection(one, groups, mark) for one in wanted.tool_servers]
    ours = [one for one in found if is_ours(one, mark)]
    if len(ours) != len(should) or any({**there, **one} != there for there, one in zip(ours, should, strict=False)):
        others = [one for one in found if not is_ours(one, mark)]
        together = _in_their_places(found, should, mark) if wanted.marks.elsewhere else [*should, *others]
        webui.post(SERVERS, {LIST: together}, repeatable=True)
        tally.change("tool servers", f"{len(should)} set")
    else:
        tally.keep()
    for server, body in zip(wanted.tool_servers, should, strict=True) if webui.writes else ():
        _ask(webui, server, body, tally)


def remove(webui: WebUI, mark: str) -> None:
    """All with this mark."""
    others = [one for one in webui.get(SERVERS)[LIST] or [] if not is_ours(one, mark)]
    webui.post(SERVERS, {LIST: others}, repeatable=True)


def is_ours(connection: dict[str, Any], mark: str) -> bool:
    return mark in (connection.get("info") or {})


def _in_their_places(found: list[dict[str, Any]], should: list[dict[str, Any]], mark: str) -> list[dict[str, Any]]:
    """Others are known by their number in the list, where they were given no id."""
    left = list(should)
    rows = []
    for one in found:
        if not is_ours(one, mark):
            rows.append(one)
        elif left:
            rows.append(left.pop(0))
    return [*rows, *left]


def tool_id(kind: str, name: str) -> str:
    """What Open WebUI calls all tools of a server together."""
    return f"server:mcp:{name}" if kind == "mcp" else f"server:{name}"


def _ask(webui: WebUI, server: ToolServer, body: dict[str, Any], tally: Tally) -> None:
    try:
        answer = webui.post(f"{SERVERS}/verify", body, repeatable=True)
    except WebUIRefused as refused:
        tally.fail(f"tool server {server.name}", f"{server.url}: {refused.detail}")
        return
    if not (answer.get("specs") if server.kind == "mcp" else answer.get("paths")):
        tally.fail(f"tool server {server.name}", f"{server.url} lists no tools")


def _connection(server: ToolServer, groups: dict[str, str], mark: str) -> dict[str, Any]:
    return {
        "url": server.url,
        "path": server.document,
        "type": server.kind,
        "auth_type": "bearer" if server.key else "none",
        "key": server.key.get_secret_value() if server.key else "",
        "config": {"enable": True, "access_grants": grants(server.teams, groups)},
        "info": {"id": server.name, "name": server.title, "description": server.description, mark: True},
    }
