"""Part: the files of every collection as they were put there, and a list of which lies where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.archive.names import safe
from orchestrator.webui.away import patiently
from orchestrator.webui.client import WebUI
from orchestrator.webui.files import name_of, pages
from orchestrator.webui.knowledge import PATH, is_ours
from orchestrator.webui.marks import Marks
from orchestrator.webui.refused import WebUIRefused
from orchestrator.workflow.archives.gathering import Gathering, Owner
from orchestrator.workflow.archives.stored import NOT_HAD, put_stored

FOLDER = "knowledge"


def put_knowledge(
    gathering: Gathering, servers: Iterable[WebUI], owners: Mapping[str, Owner], *, marks: Marks | None = None
) -> None:
    """`owners` by their account's id. With `marks`, of a server of others: theirs and the workshop's collections alone.

    A file, or a server, that refuses is named.
    """
    told: list[dict[str, object]] = []
    try:
        for webui in servers:
            told += _collections(gathering, webui, owners, marks=marks)
    finally:
        gathering.writer.json(f"{FOLDER}/collections.json", told)


def _collections(
    gathering: Gathering, webui: WebUI, owners: Mapping[str, Owner], *, marks: Marks | None
) -> Iterator[dict[str, object]]:
    for row in patiently(webui, lambda: list(pages(webui, PATH))):
        if marks and not is_ours(row, marks) and row.get("user_id") not in owners:
            continue
        folder = gathering.writer.place(FOLDER, safe(row["name"], "collection"))
        owner = owners.get(row.get("user_id") or "")
        yield {
            "id": row["id"],
            "name": row["name"],
            "description": row.get("description") or "",
            "owner": owner.label if owner else None,
            "access_grants": row.get("access_grants") or [],
            "files": list(_files(gathering, webui, row, folder)),
        }
        gathering.counts["collections"] += 1


def _files(gathering: Gathering, webui: WebUI, collection: dict[str, Any], folder: str) -> Iterator[dict[str, object]]:
    what = f"the collection {collection['name']}"
    try:
        rows = patiently(webui, lambda: list(pages(webui, f"{PATH}{collection['id']}/files")))
    except WebUIRefused as refused:
        gathering.lacks(f"files of {what}", refused)
        return
    for row in rows:
        name = name_of(row)
        place = gathering.writer.place(folder, safe(name, "file"))
        try:
            put_stored(gathering, webui, row["id"], place)
        except NOT_HAD as problem:
            gathering.lacks(f"the file {name} of {what}", problem)
            yield {"id": row["id"], "name": name, "place": None}
        else:
            gathering.counts["files"] += 1
            yield {"id": row["id"], "name": name, "place": place}
