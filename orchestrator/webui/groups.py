"""Groups: one for everybody in the workshop, one for each team. Rights and models hang on them, nothing on persons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.errors import UserError, Where
from orchestrator.webui.client import WebUI
from orchestrator.webui.marks import EVERYBODY, Marks, team_group
from orchestrator.webui.refused import SERVICE
from orchestrator.webui.wanted import Seed, Tally

CLOSED = {"config": {"share": False}}  # members neither see the group's list nor share things with it
EVERYBODY_MAY = {"features": {"api_keys": True}}
OWN_KNOWLEDGE = {"workspace": {"knowledge": True}}


def grants(teams: Sequence[str] | None, ids: Mapping[str, str]) -> list[dict[str, str]]:
    """Who may read: the teams' groups, None: everybody of the workshop. Never the public."""
    names = [EVERYBODY] if teams is None else [team_group(team) for team in teams]
    return [{"principal_type": "group", "principal_id": ids[name], "permission": "read"} for name in names]


def are_same(found: Iterable[Mapping[str, Any]], needed: Iterable[Mapping[str, Any]]) -> bool:
    """Whether both let in the same; the server gives each an id and a time besides."""
    fields = ("principal_type", "principal_id", "permission")
    plain = [{tuple(grant[field] for field in fields) for grant in some} for some in (found, needed)]
    return plain[0] == plain[1]


def make(webui: WebUI, wanted: Seed, tally: Tally, *, others: bool = True) -> dict[str, str]:
    """Ids of all groups that the people and what is shown to them need, by what they are called in `grants`.

    Without `others`, groups that nothing in `wanted` needs are left: it may not be all that there is.
    Raises UserError `webui_name_taken` where a server elsewhere has a group of this name that is not the workshop's.
    """
    marks = wanted.marks
    there = by_name(listed(webui))
    everybody_may = EVERYBODY_MAY | (OWN_KNOWLEDGE if wanted.own_knowledge else {})
    needed: dict[str, dict[str, Any]] = {EVERYBODY: everybody_may} | {team_group(team): {} for team in _teams(wanted)}
    called = {name: marks.group(name) for name in needed}
    _require_ours(webui, marks, [there[name] for name in called.values() if name in there])
    ids = {
        name: _make_one(webui, called[name], marks.kept, rights, there.get(called[name]), tally)
        for name, rights in needed.items()
    }
    for name, group in there.items() if others else ():
        if marks.is_team(name) and name not in called.values() and group["description"] == marks.kept:
            delete(webui, group)
            tally.change(f"group {name}", "removed")
    return ids


def listed(webui: WebUI) -> list[dict[str, Any]]:
    """All that the server has."""
    return list(webui.get("/api/v1/groups/"))


def by_name(groups: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Names need not be unique: the oldest counts."""
    there: dict[str, dict[str, Any]] = {}
    for group in groups:
        if group["name"] not in there or group["created_at"] < there[group["name"]]["created_at"]:
            there[group["name"]] = group
    return there


def _require_ours(webui: WebUI, marks: Marks, found: Iterable[Mapping[str, Any]]) -> None:
    """At a server elsewhere: a group is known by its description, since others may have one of the same name."""
    for group in found if marks.elsewhere else ():
        if group["description"] != marks.kept:
            raise UserError(
                "webui_name_taken",
                f"{webui.base_url} has a group {group['name']} that is not this workshop's",
                where=Where(service=SERVICE),
                hint="Give this workshop another name, or have the group removed there if nobody needs it.",
            )


def add(webui: WebUI, group: str, users: list[str]) -> None:
    webui.post(f"/api/v1/groups/id/{group}/users/add", {"user_ids": users}, repeatable=True)


def members(webui: WebUI, group: str) -> set[str]:
    """Ids of their accounts."""
    return {user["id"] for user in webui.post(f"/api/v1/groups/id/{group}/users", None, repeatable=True)}


def delete(webui: WebUI, group: Mapping[str, Any]) -> None:
    webui.delete(f"/api/v1/groups/id/{group['id']}/delete")


def fill(
    webui: WebUI, wanted: Seed, ids: dict[str, str], users: dict[str, str], tally: Tally, *, others: bool = True
) -> None:
    """Puts exactly the active people into their groups; `users` has the account's id of each, by the person's.

    Without `others`, whoever is not among `users` stays where they are.
    """
    for name, group in ids.items():
        should = {
            users[person.id]
            for person in wanted.people
            if person.active and person.id in users and name in (EVERYBODY, person.team and team_group(person.team))
        }
        found = members(webui, group)
        if missing := sorted(should - found):
            add(webui, group, missing)
        surplus = sorted((found if others else found & set(users.values())) - should)
        if surplus:
            webui.post(f"/api/v1/groups/id/{group}/users/remove", {"user_ids": surplus}, repeatable=True)
        if missing or surplus:
            tally.change(f"group {wanted.marks.group(name)}", f"{len(missing)} put in, {len(surplus)} taken out")
        else:
            tally.keep()


def _make_one(
    webui: WebUI, name: str, kept: str, rights: dict[str, Any], found: dict[str, Any] | None, tally: Tally
) -> str:
    form = {"name": name, "description": kept, "permissions": rights, "data": CLOSED}
    if found is None:
        made = webui.post("/api/v1/groups/create", form)
        tally.create(f"group {name}")
        return str(made["id"])
    if any((found.get(part) or {}) != value for part, value in form.items()):
        webui.post(f"/api/v1/groups/id/{found['id']}/update", form, repeatable=True)
        tally.change(f"group {name}", "put right")
    else:
        tally.keep()
    return str(found["id"])


def _teams(wanted: Seed) -> list[str]:
    of_people = {person.team for person in wanted.people if person.active and person.team}
    collections = wanted.library.collections if wanted.library else ()
    parts = (wanted.models, wanted.functions, wanted.tool_servers, wanted.connections, collections)
    return sorted(of_people.union(*(part.teams or () for kind in parts for part in kind)))
