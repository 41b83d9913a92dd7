"""Takes away what a workshop made in an Open WebUI that belongs to others, and asks what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.identity.participant import made_up_domain
from orchestrator.webui import files, front_page, functions, groups, house, knowledge, models, tool_servers
from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import READ, WRITE
from orchestrator.webui.marks import Marks
from orchestrator.webui.refused import WebUIRefused

USERS = "/api/v1/users"


@dataclass(frozen=True, slots=True)
class Thing:
    """One that is there; `remove` takes it away."""

    what: str
    remove: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Found:
    """`things` are the workshop's alone; `left` are accounts of its making that another workshop has by now, and groups
    of which nobody knows any more whose they are.
    """

    things: tuple[Thing, ...]
    left: tuple[str, ...] = ()


def find(admin: WebUI, marks: Marks, made: AbstractSet[str]) -> Found:
    """In the order in which it is to be removed. `made`: ids of accounts that the workshop made, as the state knows.

    Nothing, where another workshop has this name there: then this one never came to make anything.
    """
    there = groups.listed(admin)
    by_name = groups.by_name(there)
    if marks.label in by_name and marks.is_of_another(_said(by_name[marks.label])):
        return Found(())
    users = admin.get(f"{USERS}/all")["users"]
    ending = f"@{made_up_domain(marks.workshop or '')}"
    mine = [one for one in users if one["id"] in made or one["email"].lower().endswith(ending)]
    elsewhere = _members_of_others(admin, marks, by_name) if mine else {}
    shared = [one for one in mine if one["id"] in elsewhere]
    going = [one for one in mine if one["id"] not in elsewhere]
    return Found(
        (*_things(admin, marks), *_collections(admin, marks), *_accounts(admin, going), *_groups(admin, marks, there)),
        (
            *(f"account {one['email']}: {elsewhere[one['id']]} has it too" for one in shared),
            *(
                f"group {name}: its description does not say any more that it is the workshop's"
                for name, group in sorted(by_name.items())
                if (name == marks.label or marks.is_team(name)) and _said(group) != marks.kept
            ),
        ),
    )


def clear(admin: WebUI, marks: Marks, made: AbstractSet[str], say: Callable[[str], None]) -> Found:
    """What was found before; what could not be removed is found again by `find`."""
    found = find(admin, marks, made)
    for thing in found.things:
        try:
            thing.remove()
        except WebUIRefused as refused:
            say(f"{thing.what}: not removed ({refused.status}: {refused.detail})")
        else:
            say(f"{thing.what}: removed")
    return found


def _things(admin: WebUI, marks: Marks) -> Iterator[Thing]:
    if house.place_of(admin.get(READ), marks.label) is not None:
        yield Thing("connection to the gateway", partial(_disconnect, admin, marks))
    if any(tool_servers.is_ours(one, marks.label) for one in admin.get(tool_servers.SERVERS)[tool_servers.LIST] or ()):
        yield Thing("tool servers", partial(tool_servers.remove, admin, marks.label))
    for name, one in functions.stored(admin).items():
        if marks.label in (one["meta"] or {}):
            yield Thing(f"function {name}", partial(functions.delete, admin, name))
    for name, record in models.records(admin).items():
        if models.is_ours(record, marks.label):
            yield Thing(f"model {name}", partial(models.delete, admin, name))
    if any(marks.is_banner(one["id"]) for one in admin.get(front_page.BANNERS) or ()):
        yield Thing("banners", partial(front_page.take_down, admin, marks))


def _collections(admin: WebUI, marks: Marks) -> Iterator[Thing]:
    """One into which somebody put files of their own is left to them, without its mark."""
    own = files.stored(admin, marks.label)
    for row in files.pages(admin, knowledge.PATH):
        if knowledge.is_ours(row, marks):
            yield Thing(f"knowledge {row['name']}", partial(knowledge.remove, admin, row, own, marks))
    for file in own:
        yield Thing(f"file {file.name}", partial(files.delete, admin, file.id))


def _disconnect(admin: WebUI, marks: Marks) -> None:
    """Read again: others may have changed the form since."""
    admin.post(WRITE, house.without_row(admin.get(READ), marks.label), repeatable=True)


def _accounts(admin: WebUI, going: list[dict[str, str]]) -> Iterator[Thing]:
    """With what their owners put there: the server itself deletes no more than their chats."""
    ids = {one["id"] for one in going}
    if not ids:
        return
    for row in files.pages(admin, knowledge.PATH):
        if row.get("user_id") in ids:
            yield Thing(f"knowledge {row['name']}", partial(admin.delete, f"{knowledge.PATH}{row['id']}/delete"))
    for row in files.listed(admin):
        if row.get("user_id") in ids:
            yield Thing(f"file {row['filename']}", partial(files.delete, admin, row["id"]))
    for one in going:
        yield Thing(f"account {one['email']}", partial(admin.delete, f"{USERS}/{one['id']}"))


def _groups(admin: WebUI, marks: Marks, there: Iterable[Mapping[str, Any]]) -> Iterator[Thing]:
    for group in there:
        if _said(group) == marks.kept:
            yield Thing(f"group {group['name']}", partial(groups.delete, admin, group))


def _members_of_others(admin: WebUI, marks: Marks, there: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Ids of accounts in the groups of other workshops, and the group's name."""
    found: dict[str, str] = {}
    for name, group in sorted(there.items()):
        if marks.is_of_another(_said(group)):
            found = dict.fromkeys(groups.members(admin, group["id"]), name) | found  # that of all is before its teams
    return found


def _said(group: Mapping[str, Any]) -> str:
    return str(group["description"])
