"""Knowledge as a participant meets it: each file of each collection can be found, and only by whom it is meant for.

A search that asks for as many pieces as there are finds all of them, whatever the model thinks of their meaning: that
is what is proved, and nothing is said of their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import SecretStr

from orchestrator.checks import reading
from orchestrator.checks.answers import WORDS
from orchestrator.checks.asking import OK, Server
from orchestrator.checks.attachments import ask_with
from orchestrator.checks.check import Lane, Outcome, Question
from orchestrator.checks.subject import CollectionUnderTest, Subject, Verifier
from orchestrator.checks.wire import FileStatus, KnowledgeFiles, KnowledgeList, Pieces

COLLECTIONS, FILES, SEARCH = "/api/v1/knowledge/", "/api/v1/files/", "/api/v1/retrieval/query/collection"
COMPLETED = "completed"
Rows = TypeVar("Rows", KnowledgeList, KnowledgeFiles)
REFUSED = {400, 401, 403, 404}
FIRST_PIECES = 500
MOST_BYTES = 256 << 20
ABSENT = "there is no such collection"


class _NotThereError(Exception):
    """Why nothing can be looked up, in few words."""


@dataclass
class _Shelf:
    """One collection, asked with one key; what was found is kept for the next question of the lane."""

    webui: Server
    wanted: CollectionUnderTest
    key: SecretStr | None
    label: str = "workshop"  # the mark of its files
    id: str = ""
    stored: dict[str, tuple[str, str]] = field(default_factory=dict)  # by name: id and SHA-256
    pieces: dict[str, list[str]] | None = None  # by the file's id
    listed: bool = False  # all collections were seen

    def open(self) -> None:
        if self.key is None:
            raise _NotThereError("not asked: no API key is known for this verifier; run `provision` again")
        named = [row.id for row in self._list(COLLECTIONS, KnowledgeList) if row.name == self.wanted.name]
        for one in named:
            rows = self._list(f"{COLLECTIONS}{one}/files", KnowledgeFiles)
            marked = ((row.id, row.mark(self.label)) for row in rows)
            marks = {mark.name: (file, mark.sha256) for file, mark in marked if mark and mark.collection == one}
            if marks or not self.id:
                self.id, self.stored = one, marks
        self.listed = True
        if not self.id:
            raise _NotThereError(ABSENT)

    def search(self) -> dict[str, list[str]]:
        """All pieces."""
        most, found = FIRST_PIECES, Pieces()
        while True:
            body = {"collection_names": [self.id], "query": "Hello", "k": most}
            answer = self.webui.ask("POST", SEARCH, self.key, body, seconds=self.webui.patience.answer, most=MOST_BYTES)
            if answer.status != OK:
                raise _NotThereError(f"a search was answered {answer.words}")
            found = reading.read(Pieces, answer.text) or Pieces()
            if len(found.all) < most:
                break
            most *= 10
        pieces = defaultdict(list)
        for file, text in found.all:
            pieces[file].append(text)
        return pieces

    def _list(self, path: str, kind: type[Rows]) -> list[Any]:
        """The items of all pages."""
        items: list[Any] = []
        page = 0
        while True:
            page += 1
            answer = self.webui.get(f"{path}?page={page}", self.key)
            rows = reading.read(kind, answer.text) if answer.status == OK else None
            if rows is None:
                raise _NotThereError(answer.words)
            items += rows.items
            if not rows.items or len(items) >= rows.total:
                return items


def lanes(subject: Subject, webui: Server) -> Iterator[Lane]:
    for collection in subject.knowledge:
        able = [one for one in subject.verifiers if collection.open_to(one.participant.team)]
        shelf = _Shelf(webui, collection, able[0].webui_api_key if able else None, subject.mark)
        others = [one for one in subject.verifiers if one not in able]
        yield (
            *(_file(shelf, name, sha256) for name, sha256 in collection.files),
            *_asked(shelf, able, subject),
            *(_others(shelf, verifier, webui) for verifier in others),
        )


def own_questions(
    collection: CollectionUnderTest, key: SecretStr, webui: Server, who: str, *, theirs: bool, model: str | None
) -> Lane:
    """At an Open WebUI of somebody's own, `who` in words: their collection, or not `theirs` and so not there.

    `model` is asked with it; None: none is.
    """
    shelf = _Shelf(webui, collection, key)
    if not theirs:
        return (_absent(shelf, who),)
    files = tuple(_file(shelf, name, sha256, who) for name, sha256 in collection.files)
    return (*files, _with(shelf, model, f"{who}: {collection.name}, {model}")) if model else files


def _absent(shelf: _Shelf, who: str) -> Question:
    def ask() -> Outcome:
        try:
            shelf.open()
        except _NotThereError as problem:
            return Outcome(shelf.listed, str(problem))
        return Outcome(not shelf.stored, f"there, with {len(shelf.stored)} files" if shelf.stored else "one of theirs")

    return Question("Another team's knowledge", f"{who}: {shelf.wanted.name}", ABSENT, ask)


def _file(shelf: _Shelf, name: str, sha256: str | None, who: str = "") -> Question:
    def ask() -> Outcome:
        try:
            if not shelf.id:
                shelf.open()
            if shelf.pieces is None:
                shelf.pieces = shelf.search()
        except _NotThereError as problem:
            return Outcome(ok=False, got=str(problem))
        file, stored = shelf.stored.get(name, ("", ""))
        if not file:
            return Outcome(ok=False, got="not in the collection")
        if sha256 is not None and stored != sha256:
            return Outcome(ok=False, got="in the collection with what was in it before: run `provision`")
        status = reading.read(FileStatus, shelf.webui.get(f"{FILES}{file}/process/status", shelf.key).text)
        if status is None or status.status != COMPLETED:
            return Outcome(ok=False, got=f"its status is {status.status if status else 'not known'}")
        texts = [text for text in shelf.pieces.get(file, []) if text.strip()]
        return Outcome(bool(texts), f"{_count(texts)}, found" if texts else "no piece of it is found")

    place = f"{who}: {shelf.wanted.name}" if who else shelf.wanted.name
    return Question("Knowledge", f"{place}, {name}", "searchable, and found", ask)


def _asked(shelf: _Shelf, able: list[Verifier], subject: Subject) -> Iterator[Question]:
    """A question for which the collection is read, by who may use it and a model."""
    talking = [model.name for model in subject.models if not model.embeds and able and model.name in able[0].models]
    if talking:
        yield _with(shelf, talking[0], f"{shelf.wanted.name}, {talking[0]}")


def _with(shelf: _Shelf, model: str, target: str) -> Question:
    def ask() -> Outcome:
        if shelf.key is None or not shelf.id:
            return Outcome(ok=False, got="not asked: the collection was not found, or no API key is known")
        return ask_with(shelf.webui, shelf.key, model, "collection", shelf.id)

    return Question("Question with a collection", target, WORDS, ask)


def _count(texts: list[str]) -> str:
    return f"{len(texts)} piece{'s' if len(texts) > 1 else ''}"


def _others(shelf: _Shelf, verifier: Verifier, webui: Server) -> Question:
    def ask() -> Outcome:
        if verifier.webui_api_key is None or not shelf.id:
            return Outcome(ok=False, got="not asked: the collection was not found, or no API key is known")
        body = {"collection_names": [shelf.id], "query": "Hello", "k": 1}
        answer = webui.post(SEARCH, verifier.webui_api_key, body)
        return Outcome(answer.status in REFUSED, answer.words)

    return Question("Another team's knowledge", f"Open WebUI, {verifier.label}: {shelf.wanted.name}", "refused", ask)
