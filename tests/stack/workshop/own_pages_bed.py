"""Open WebUIs of participants' own, as their people ask them, and what is looked for inside."""

from __future__ import annotations

import json
import socket
from typing import Any

import requests

from tests.stack.workshop.bed import Workshop

SWAP = """
import sqlite3
with sqlite3.connect("/app/backend/data/webui.db") as database:
    (one, first), (two, second) = database.execute("select id, password from auth").fetchall()
    database.executemany("update auth set password = ? where id = ?", [(second, one), (first, two)])
"""  # the instructor's password is the person's, and the person's is the instructor's; the second time all is well again
EMBEDDING = "/api/v1/retrieval/embedding"
PROBE = ["curl", "-s", "-o", "/dev/null", "-m", "2", "--noproxy", "*"]
NOT_REACHED = {6, 7, 28}  # curl: no such name, no way there, no answer
FIND = """
import pathlib, sys
wanted = [line.encode() for line in sys.argv[1:]]
files = [p for p in pathlib.Path("/app/backend/data").rglob("*") if p.is_file()]
files += [p for p in pathlib.Path("/proc").glob("[0-9]*/environ")]
files += [p for p in pathlib.Path("/run").rglob("*") if p.is_file()]
for path in files:
    try:
        content = path.read_bytes()
    except OSError:
        continue
    for number, text in enumerate(wanted):
        if text in content:
            print(number, path)
"""


def two_free_ports() -> int:
    """The first of two."""
    for _ in range(50):
        with socket.create_server(("", 0)) as first:
            port = int(first.getsockname()[1])
            try:
                socket.create_server(("", port + 1)).close()
            except OSError:
                continue
            return port
    raise AssertionError("no two free ports beside each other")


def sign_in(person: dict[str, Any], at: str) -> requests.Response:
    form = {"email": person["webui_email"], "password": person["webui_password"]}
    return requests.post(f"{at}/api/v1/auths/signin", json=form, timeout=60)


def key_at(person: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {person['webui_api_key']}"}


def collections(person: dict[str, Any]) -> dict[str, str]:
    """Ids by name."""
    listed = requests.get(f"{person['webui_url']}/api/v1/knowledge/", headers=key_at(person), timeout=60)
    return {row["name"]: row["id"] for row in listed.json()["items"]}


def planned(workshop: Workshop) -> list[str]:
    """What `plan` says of Open WebUIs."""
    changes = workshop.workshop("plan", "--output", "json").json["changes"]
    return sorted(f"{one['action']} {one['name']}" for one in changes if one["what"] == "webui")


def take_no_keys(page: str, session: dict[str, str]) -> None:
    form = requests.get(f"{page}/api/v1/auths/admin/config", headers=session, timeout=60).json()
    form["ENABLE_API_KEYS"] = False
    requests.post(f"{page}/api/v1/auths/admin/config", json=form, headers=session, timeout=60).raise_for_status()


def asked(workshop: Workshop) -> list[dict[str, Any]]:
    """The gateway's log."""
    _, text = workshop.container("gateway").exec_run(["cat", "/var/lib/gateway/access.jsonl"])
    return [json.loads(line) for line in text.splitlines()]


def ask(person: dict[str, Any], model: str = "tiny") -> requests.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    return requests.post(f"{person['webui_url']}/api/chat/completions", json=body, headers=key_at(person), timeout=60)
