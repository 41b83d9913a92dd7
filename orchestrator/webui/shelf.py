"""The files of one collection: each there once, with the content that it has now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from orchestrator.webui.client import WebUI
from orchestrator.webui.files import NotReadError, StoredFile, delete, pages, send
from orchestrator.webui.library import LibraryCollection, LibraryFile
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.wanted import Tally

PATH = "/api/v1/knowledge/"
AT_ONCE = 4  # more made nothing quicker: the server cuts and stores one after the other
FIRST_PIECES, MOST_PIECES = 500, 1_000_000
TRIES = 2


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection at the server, by its id; `there` was sent for it before, and is in it or not yet."""

    webui: WebUI
    id: str
    wanted: LibraryCollection
    there: Sequence[StoredFile]
    tally: Tally
    mark: str  # of the workshop, by which its files are found again

    def fill(self, *, concurrency: int) -> None:
        """A file that can't be in it with its content of now is a failure of the tally."""
        members = {row["id"] for row in pages(self.webui, f"{PATH}{self.id}/files")}
        names = {file.name for file in self.wanted.files}
        for file in self.there:
            if file.name not in names:
                delete(self.webui, file.id)
                self.tally.change(self._called(file.name), "removed")
        missing = [file for file in self.wanted.files if not self._has(file, members)]
        if missing:
            self._send(missing, min(concurrency, AT_ONCE, len(missing)))

    def _has(self, wanted: LibraryFile, members: set[str]) -> bool:
        good = [file for file in self._named(wanted) if file.sha256 == wanted.sha256 and file.completed]
        if not good:
            return False
        inside = next((file for file in good if file.id in members), None)
        if inside:
            self._keep_only(wanted, inside.id)
            self.tally.keep()
        else:  # the last run ended after it was sent
            self._put(wanted, good[0].id)
        return True

    def _send(self, files: Sequence[LibraryFile], workers: int) -> None:
        pool = ThreadPoolExecutor(max_workers=workers)
        try:
            sent = {pool.submit(send, self.webui, file, self.id, self.mark): file for file in files}
            for future in as_completed(sent):
                try:
                    self._put(sent[future], future.result())
                except NotReadError as problem:
                    self._fail(sent[future], str(problem))
        finally:
            pool.shutdown(cancel_futures=True)

    def _put(self, wanted: LibraryFile, new: str) -> None:
        """What had the name goes first: the server refuses the same text twice, and takes out by the text."""
        replaced, why = self._keep_only(wanted, new), ""
        for _ in range(TRIES):
            try:
                self.webui.post(f"{PATH}{self.id}/file/add", {"file_id": new}, repeatable=True)
            except WebUIRefused as refused:
                why = refused.detail
                continue
            if replaced:
                self.tally.change(self._called(wanted.name), "replaced")
            else:
                self.tally.create(self._called(wanted.name))
            return
        delete(self.webui, new)
        self._fail(wanted, why)

    def _keep_only(self, wanted: LibraryFile, file: str) -> bool:
        gone = [other for other in self._named(wanted) if other.id != file]
        for other in gone:
            delete(self.webui, other.id)
        return bool(gone)

    def _named(self, wanted: LibraryFile) -> list[StoredFile]:
        return [file for file in self.there if file.name == wanted.name]

    def _fail(self, wanted: LibraryFile, why: str) -> None:
        self.tally.fail(self._called(wanted.name), why)
        self.tally.report(f"{self._called(wanted.name)}: {why}")

    def _called(self, name: str) -> str:
        return f"{name} of {self.wanted.name}"


def pieces(webui: WebUI, collection: str) -> Counter[str]:
    """How many pieces of each file, by its id, a search in the collection finds that asks for all of them."""
    most = FIRST_PIECES
    while True:
        body = {"collection_names": [collection], "query": "all", "k": most}
        found = webui.post("/api/v1/retrieval/query/collection", body, repeatable=True)
        rows = ((found or {}).get("metadatas") or [[]])[0]
        if len(rows) < most or most >= MOST_PIECES:
            return Counter(row.get("file_id", "") for row in rows)
        most *= 10
