"""Asks questions: times them, puts what went wrong into words, keeps secrets out of them."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from orchestrator.checks.check import Check, Lane, Outcome, Question
from orchestrator.checks.silence import Silence
from orchestrator.errors import UserError
from orchestrator.redaction.redactor import Redactor

MOST_CHARACTERS = 300

_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


def ask(question: Question, redactor: Redactor) -> Check:
    began = time.monotonic()
    try:
        outcome = question.ask()
    except Silence as silence:
        outcome = Outcome(ok=False, got=str(silence))
    except UserError as error:
        outcome = Outcome(ok=False, got=str(error))
    seconds = time.monotonic() - began
    got = _line(redactor.text(outcome.got))
    return Check(question.name, question.target, question.expected, got, outcome.ok, seconds)


def _line(text: str) -> str:
    """A server's words, fit for a table: one line, of bounded length."""
    line = _CONTROL.sub(" ", text).strip()
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


def side_by_side(lanes: Sequence[Lane], redactor: Redactor, *, workers: int) -> Iterator[Check]:
    """Checks in the order of the lanes, each as soon as those before it are there.

    The threads are daemons: an interrupted program must not wait for a model that never answers.
    """
    waiting: queue.SimpleQueue[list[tuple[Question, Future[Check]]]] = queue.SimpleQueue()
    planned = [[(question, Future[Check]()) for question in lane] for lane in lanes]
    for lane in planned:
        waiting.put(lane)
    stopped = threading.Event()

    def work() -> None:
        while not stopped.is_set():
            try:
                lane = waiting.get_nowait()
            except queue.Empty:
                return
            for question, answer in lane:
                try:
                    answer.set_result(ask(question, redactor))
                except BaseException as bug:  # noqa: BLE001 - raised again where the answer is waited for
                    answer.set_exception(bug)

    for number in range(min(workers, len(planned))):
        threading.Thread(target=work, name=f"verify-{number + 1}", daemon=True).start()
    try:
        for lane in planned:
            for _, answer in lane:
                yield answer.result()
    finally:
        stopped.set()
