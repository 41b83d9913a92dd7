"""Part: the files that chats name, each once, in the folder of whose chat named it first."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from orchestrator.archive.attached import attached
from orchestrator.archive.names import safe
from orchestrator.webui.away import patiently
from orchestrator.webui.client import WebUI
from orchestrator.webui.files import listed, name_of
from orchestrator.webui.refused import WebUIRefused
from orchestrator.workflow.archives.gathering import Gathering
from orchestrator.workflow.archives.stored import NOT_HAD, put_stored

FOLDER = "files"  # beside the chats


class Attachments:
    """Of one server. A file that it does not list any more was deleted there, and is no more missing than its chat."""

    def __init__(self, gathering: Gathering, webui: WebUI) -> None:
        self._gathering = gathering
        self._webui = webui
        self._names: dict[str, str] | None = None  # by id, of all that are there; None: not asked yet
        self._places: dict[str, str | None] = {}  # of those that were asked for; None: could not be had

    def put(self, chat: Mapping[str, Any], folder: str, what: str) -> dict[str, str]:
        """Links from `folder`, by the file's id. What can't be had is named, as one of `what`."""
        found = ((file.id, self._place(file.id, file.name, folder, what)) for file in attached(chat))
        return {key: quote(posixpath.relpath(place, folder)) for key, place in found if place}

    def _place(self, file: str, name: str, folder: str, what: str) -> str | None:
        if file not in self._there():
            return None
        if file not in self._places:
            self._places[file] = self._put(file, self._there()[file] or name, folder, what)
        return self._places[file]

    def _put(self, file: str, name: str, folder: str, what: str) -> str | None:
        place = self._gathering.writer.place(f"{folder}/{FOLDER}", safe(name, "file"))
        try:
            put_stored(self._gathering, self._webui, file, place)
        except NOT_HAD as problem:
            self._gathering.lacks(f"the file {name} of {what}", problem)
            return None
        self._gathering.counts["attachments"] += 1
        return place

    def _there(self) -> dict[str, str]:
        if self._names is None:
            try:
                self._names = patiently(self._webui, lambda: {row["id"]: name_of(row) for row in listed(self._webui)})
            except WebUIRefused as refused:
                self._gathering.lacks("the files of chats", refused)
                self._names = {}
        return self._names
