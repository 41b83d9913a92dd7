"""Knowledge: collections of the workshop's files, for everybody or for teams; what others made stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.files import StoredFile, delete, pages, stored
from orchestrator.webui.groups import are_same, grants
from orchestrator.webui.library import LibraryCollection
from orchestrator.webui.marks import Marks
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.shelf import Shelf, pieces
from orchestrator.webui.wanted import Seed, Tally

PATH = "/api/v1/knowledge/"
SEARCHED = " Searched with "  # which model, so that another one makes all embeddings anew
REINDEX_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class _There:
    """A collection of ours at the server."""

    row: dict[str, Any]
    files: tuple[StoredFile, ...]

    @property
    def id(self) -> str:
        return str(self.row["id"])


def apply(webui: WebUI, wanted: Seed, groups: dict[str, str], tally: Tally, *, concurrency: int) -> None:
    """A file that could not be read is a failure of the tally; the others are there. `groups`: ids by name."""
    collections = wanted.library.collections if wanted.library else ()
    model = wanted.library.model if wanted.library else ""
    marks = wanted.marks
    rows = sorted(pages(webui, PATH), key=lambda row: row["created_at"])
    files = stored(webui, marks.label) if collections or any(is_ours(row, marks) for row in rows) else []
    ours = [
        _There(row, own)
        for row in rows
        if (own := tuple(file for file in files if file.collection == row["id"])) or is_ours(row, marks)
    ]
    stale = bool(collections) and not _made_anew(webui, ours, model, tally)
    for collection in collections:
        there = next((one for one in ours if one.row["name"] == collection.name), None)
        if there:
            ours.remove(there)
        there = _put_right(webui, collection, _description(collection, model, marks), there, tally, stale=stale)
        _share(webui, there, grants(collection.teams, groups), tally)
        Shelf(webui, there.id, collection, there.files, tally, marks.label).fill(concurrency=concurrency)
    for there in ours:
        _remove(webui, there, marks, tally)
    known = {row["id"] for row in rows}
    for file in files:
        if file.collection not in known:  # somebody deleted the collection by hand
            delete(webui, file.id)


def is_ours(row: Mapping[str, Any], marks: Marks) -> bool:
    return marks.kept in (row["description"] or "")


def _description(collection: LibraryCollection, model: str, marks: Marks) -> str:
    own = f"{collection.description}\n\n" if collection.description else ""
    searched = f"{SEARCHED}{model}." if model else ""
    return f"{own}{marks.kept}{searched}"


def _put_right(
    webui: WebUI, wanted: LibraryCollection, description: str, there: _There | None, tally: Tally, *, stale: bool
) -> _There:
    form = {"name": wanted.name, "description": description}
    if there is None:
        row = webui.post(f"{PATH}create", {**form, "access_grants": []})
        tally.create(f"knowledge {wanted.name}")
        return _There(row, ())
    if there.row["description"] != description and not stale:
        webui.post(f"{PATH}{there.id}/update", form, repeatable=True)
        tally.change(f"knowledge {wanted.name}", "described anew")
    else:
        tally.keep()
    return there


def _share(webui: WebUI, there: _There, needed: list[dict[str, str]], tally: Tally) -> None:
    if not are_same(there.row.get("access_grants") or (), needed):
        webui.post(f"{PATH}{there.id}/access/update", {"access_grants": needed}, repeatable=True)
        tally.change(f"knowledge {there.row['name']}", "shared as wanted")


def _made_anew(webui: WebUI, ours: Sequence[_There], model: str, tally: Tally) -> bool:
    """Embeddings of one model say nothing to another: all are made again. Whether all could be.

    Without a `model` the server has one of its own, of which its administrators take care.
    """
    if not model or all(f"{SEARCHED}{model}." in one.row["description"] for one in ours if one.files):
        return True
    webui.patient(REINDEX_SECONDS).post(f"{PATH}reindex", None, repeatable=True)
    tally.change("knowledge", f"made searchable anew, with {model}")
    whole = True
    for one in ours:
        found = _searchable(webui, one)
        if lacking := [file.name for file in one.files if not found[file.id]]:
            whole = False
            tally.fail(f"knowledge {one.row['name']}", f"{len(lacking)} files could not be made searchable anew")
    return whole


def _searchable(webui: WebUI, there: _There) -> Counter[str]:
    """None, where not even the question gets an embedding."""
    try:
        return pieces(webui, there.id) if there.files else Counter()
    except WebUIRefused:
        return Counter()


def remove(webui: WebUI, row: dict[str, Any], files: Sequence[StoredFile], marks: Marks) -> None:
    """One of the workshop's, as the server lists it; `files` are the workshop's."""
    own = tuple(file for file in files if file.collection == row["id"])
    _remove(webui, _There(row, own), marks, Tally(lambda _: None))


def _remove(webui: WebUI, there: _There, marks: Marks, tally: Tally) -> None:
    """With its files. One into which somebody put files of their own is left to them."""
    own = {file.id for file in there.files}
    others = [row["id"] for row in pages(webui, f"{PATH}{there.id}/files") if row["id"] not in own]
    for file in own:
        delete(webui, file)
    name = there.row["name"]
    if others:
        text = there.row["description"].partition(marks.kept)[0].strip()
        webui.post(f"{PATH}{there.id}/update", {"name": name, "description": text}, repeatable=True)
        tally.change(f"knowledge {name}", f"left to who put {len(others)} files of their own into it")
    else:
        webui.delete(f"{PATH}{there.id}/delete")
        tally.change(f"knowledge {name}", "removed")
