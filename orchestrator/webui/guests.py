"""Accounts of simulated people, who come for a rehearsal and leave nothing behind."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from orchestrator.errors import UserError
from orchestrator.identity.accounts import Account
from orchestrator.identity.identity import GUEST
from orchestrator.webui import groups
from orchestrator.webui.client import WebUI
from orchestrator.webui.marks import EVERYBODY, team_group
from orchestrator.webui.refused import NOT_FOUND, WebUIRefused


def receive(admin: WebUI, wanted: Sequence[Account], *, concurrency: int, seconds: float) -> frozenset[str]:
    """Mails of those who have an account now; after so many seconds no more are made.

    Each costs the server the hash of a password. Raises WebUIRefused where the server does not want any.
    """
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(max_workers=concurrency) as pool:
        ids = dict(zip(wanted, pool.map(lambda one: _make(admin, one, end), wanted), strict=True))
    there = {group["name"]: group["id"] for group in admin.get("/api/v1/groups/")}
    teams = {team_group(one.team): one.team for one in wanted if one.team}
    for name, team in {EVERYBODY: None, **teams}.items():
        members = [made for one, made in ids.items() if made and (team is None or one.team == team)]
        if members and name in there:
            groups.add(admin, there[name], members)
    return frozenset(one.email for one, made in ids.items() if made)


def dismiss(admin: WebUI, mails: str, *, concurrency: int) -> int:
    """Remove every guest, of earlier rehearsals too: how many there were. `mails` is the domain of their mails."""
    mail = re.compile(re.escape(GUEST) + r"[0-9]+@" + re.escape(mails))
    users = admin.get("/api/v1/users/all")["users"]
    ids = [user["id"] for user in users if mail.fullmatch(user["email"].lower())]
    with ThreadPoolExecutor(max_workers=concurrency) as pool:
        list(pool.map(lambda user: _remove(admin, user), ids))
    return len(ids)


def _make(admin: WebUI, one: Account, end: float) -> str | None:
    """The account's id; None: it is too late for more."""
    if time.monotonic() > end:
        return None
    form = {"name": one.name, "email": one.email, "password": one.password.get_secret_value(), "role": one.role}
    return str(admin.post("/api/v1/auths/add", form)["id"])


def _remove(admin: WebUI, user: str) -> None:
    try:
        admin.delete(f"/api/v1/users/{user}")
    except WebUIRefused as refused:
        if refused.status != NOT_FOUND and not _gone(admin, user):
            raise


def _gone(admin: WebUI, user: str) -> bool:
    try:
        return all(one["id"] != user for one in admin.get("/api/v1/users/all")["users"])
    except UserError:
        return False
