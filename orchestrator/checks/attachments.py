"""A file beside a question, as participants' programs send one: uploaded, waited for, asked about, taken away again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from orchestrator.checks import reading
from orchestrator.checks.answers import TOKENS, WORDS, judge, who_may_use
from orchestrator.checks.asking import OK, Attachment, Server
from orchestrator.checks.check import Lane, Outcome, Question
from orchestrator.checks.subject import Subject
from orchestrator.checks.wire import FileRow, FileStatus, NamedRow, NamedRows, Sourced

CHAT, FILES, KNOWLEDGE = "/api/chat/completions", "/api/v1/files/", "/api/v1/knowledge/"
FILE = Attachment("workshop-verify.txt", b"The workshop's verification asks about this file.\n", "text/plain")
COLLECTION = "workshop-verify"
ASKING = [{"role": "user", "content": "What does the file say?"}]
COMPLETED, FAILED = "completed", "failed"
PAUSE = 0.25
NOT_KNOWN = "not asked: no API key is known for this verifier; run `provision` again"


class _NotDoneError(Exception):
    """Which step failed, in few words."""


@dataclass(frozen=True, slots=True)
class _Caller:
    """A participant's program: its key, and a model that it may ask."""

    webui: Server
    key: SecretStr
    model: str

    @contextmanager
    def file(self) -> Iterator[str]:
        """The id of one that was read; gone with the block."""
        self._clear(FILES, FILE.name, "{}{}")
        sent = reading.read(FileRow, self._done("POST", FILES, FILE, "an upload"))
        if sent is None:
            raise _NotDoneError("an upload was answered with something that is not understood")
        try:
            self._wait(sent.id)
            yield sent.id
        finally:
            self._done("DELETE", f"{FILES}{sent.id}", None, "taking the file away")

    @contextmanager
    def collection(self) -> Iterator[str]:
        """The id of an empty one; gone with the block."""
        self._clear(KNOWLEDGE, COLLECTION, "{}{}/delete")
        form = {"name": COLLECTION, "description": "Made by verify, and taken away by it", "access_grants": []}
        made = reading.read(NamedRow, self._done("POST", f"{KNOWLEDGE}create", form, "making a collection"))
        if made is None:
            raise _NotDoneError("making a collection was answered with something that is not understood")
        try:
            yield made.id
        finally:
            self._done("DELETE", f"{KNOWLEDGE}{made.id}/delete", None, "taking the collection away")

    def add(self, collection: str, file: str) -> None:
        self._done("POST", f"{KNOWLEDGE}{collection}/file/add", {"file_id": file}, "adding the file to it")

    def ask(self, kind: str, identity: str) -> Outcome:
        return ask_with(self.webui, self.key, self.model, kind, identity)

    def _clear(self, path: str, name: str, deletion: str) -> None:
        """What a verification left that was killed; nobody else has this account."""
        found = reading.read(NamedRows, self._done("GET", f"{path}?content=false", None, "what is there already"))
        for row in found.items if found else ():
            if name in {row.name, row.filename}:
                self._done("DELETE", deletion.format(path, row.id), None, "taking away what was left")

    def _wait(self, file: str) -> None:
        end = time.monotonic() + self.webui.patience.answer
        while time.monotonic() < end:
            status = reading.read(FileStatus, self._done("GET", f"{FILES}{file}/process/status", None, "its status"))
            if status is not None and status.status == COMPLETED:
                return
            if status is not None and status.status == FAILED:
                raise _NotDoneError("the file could not be read there")
            time.sleep(PAUSE)
        raise _NotDoneError(f"the file was not read within {self.webui.patience.answer:g} seconds")

    def _done(self, method: str, path: str, body: object, what: str) -> str:
        answer = self.webui.ask(method, path, self.key, body, seconds=self.webui.patience.answer)
        if answer.status != OK:
            raise _NotDoneError(f"{what} was answered {answer.words}")
        return answer.text


def lanes(subject: Subject, webui: Server) -> Iterator[Lane]:
    """Once, with the first model that answers in words: it is the way that is proved, not the models."""
    for model in subject.models:
        verifier = who_may_use(model.name, subject)
        if model.embeds or verifier is None:
            continue
        target = f"Open WebUI, {model.name}"
        questions = [
            Question("Question with a file", target, WORDS, _asking(webui, verifier.webui_api_key, model.name))
        ]
        if subject.own_knowledge:
            ask = _asking(webui, verifier.webui_api_key, model.name, collected=True)
            questions.append(Question("Question with a collection of one's own", target, WORDS, ask))
        yield tuple(questions)
        return


def ask_with(webui: Server, key: SecretStr, model: str, kind: str, identity: str) -> Outcome:
    """An answer for which the file, or the collection (`kind`), was read."""
    body = {"model": model, "messages": ASKING, "max_tokens": TOKENS, "files": [{"type": kind, "id": identity}]}

    def verdict(text: str) -> Outcome:
        answered, found = reading.completion(text), reading.read(Sourced, text)
        if answered.ok and (found is None or not found.sources):
            return Outcome(ok=False, got=f"an answer for which the {kind} was not read")
        return answered

    return judge(webui.question(CHAT, key, {**body, "stream": False}), verdict)


def _asking(webui: Server, key: SecretStr | None, model: str, *, collected: bool = False) -> Callable[[], Outcome]:
    def ask() -> Outcome:
        if key is None:
            return Outcome(ok=False, got=NOT_KNOWN)
        caller = _Caller(webui, key, model)
        try:
            with caller.file() as file:
                if not collected:
                    return caller.ask("file", file)
                with caller.collection() as collection:
                    caller.add(collection, file)
                    return caller.ask("collection", collection)
        except _NotDoneError as problem:
            return Outcome(ok=False, got=str(problem))

    return ask
