"""Takes away what a workshop made in an Open WebUI that belongs to others, and asks what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from orchestrator.webui import files, front_page, functions, groups, house, knowledge, models, tool_servers
from orchestrator.webui.client import WebUI
from orchestrator.webui.guests import domain
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
    there = groups.named(admin)
    if marks.label in there and marks.is_of_another(str(there[marks.label]["description"])):
        return Found(())
    users = admin.get(f"{USERS}/all")["users"]
    mine = [one for one in users if one["id"] in made or one["email"].lower().endswith(f"@{_domain(marks)}")]
    elsewhere = _members_of_others(admin, marks) if mine else {}
    shared = [one for one in mine if one["id"] in elsewhere]
    going = [one for one in mine if one["id"] not in elsewhere]
    return Found(
        (*_things(admin, marks), *_collections(admin, marks), *_accounts(admin, going), *_groups(admin, marks)),
        (
            *(f"account {one['email']}: {elsewhere[one['id']]} has it too" for one in shared),
            *(
                f"group {name}: its description does not say any more that it is the workshop's"
                for name, group in sorted(there.items())
                if (name == marks.label or marks.is_team(name)) and group["description"] != marks.kept
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
    form = admin.get(house.CONNECTIONS)
    if house.place_of(form, marks.label) is not None:
        yield Thing("connection to the gateway", partial(_disconnect, admin, marks))
    if any(tool_servers.is_ours(one, marks.label) for one in admin.get(tool_servers.SERVERS)[tool_servers.LIST] or ()):
        yield Thing("tool servers", partial(tool_servers.remove, admin, marks.label))
    for name, one in functions.stored(admin).items():
        if marks.label in (one["meta"] or {}):
            yield Thing(f"function {name}", partial(functions.delete, admin, name))
    for name, record in models.records(admin).items():
        if models.is_ours(record, marks.label):
            yield Thing(f"model {name}", partial(admin.post, "/api/v1/models/model/delete", {"id": name}))
    if any(marks.is_banner(one["id"]) for one in admin.get(front_page.BANNERS) or ()):
        yield Thing("banners", partial(_take_down, admin, marks))


def _collections(admin: WebUI, marks: Marks) -> Iterator[Thing]:
    """One into which somebody put files of their own is left to them, without its mark."""
    for row in files.pages(admin, knowledge.PATH):
        if knowledge.is_ours(row, marks):
            yield Thing(f"knowledge {row['name']}", partial(knowledge.remove, admin, row, marks))
    for file in files.stored(admin, marks.label):
        yield Thing(f"file {file.name}", partial(files.delete, admin, file.id))


def _disconnect(admin: WebUI, marks: Marks) -> None:
    """Read again: others may have changed the form since."""
    form = house.without_row(admin.get(house.CONNECTIONS), marks.label)
    admin.post(f"{house.CONNECTIONS}/update", form, repeatable=True)


def _take_down(admin: WebUI, marks: Marks) -> None:
    others = [one for one in admin.get(front_page.BANNERS) or () if not marks.is_banner(one["id"])]
    admin.post(front_page.BANNERS, {"banners": others}, repeatable=True)


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


def _groups(admin: WebUI, marks: Marks) -> Iterator[Thing]:
    for group in admin.get("/api/v1/groups/"):
        if group["description"] == marks.kept:
            yield Thing(f"group {group['name']}", partial(admin.delete, f"/api/v1/groups/id/{group['id']}/delete"))


def _members_of_others(admin: WebUI, marks: Marks) -> dict[str, str]:
    """Ids of accounts in the groups of other workshops, and the group's name."""
    found: dict[str, str] = {}
    for name, group in sorted(groups.named(admin).items()):
        if marks.is_of_another(str(group["description"])):
            rows = admin.post(f"/api/v1/groups/id/{group['id']}/users", None, repeatable=True)
            found = {row["id"]: name for row in rows} | found  # the group of all comes before its teams
    return found


def _domain(marks: Marks) -> str:
    return domain(marks.workshop or "")
