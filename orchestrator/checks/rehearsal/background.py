"""An event loop in a thread of its own: the main thread looks at the engines meanwhile, and signals end it cleanly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """A context manager. On the way out, whatever the reason, what still runs is cancelled and awaited."""

    def __init__(self, work: Coroutine[Any, Any, Result]) -> None:
        self._work = work
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[Result] | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rehearsal")

    def __enter__(self) -> Self:
        self._task = self._loop.create_task(self._work)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None and not self._done.is_set():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()
        self._loop.close()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within that time."""
        return self._done.wait(seconds)

    def result(self) -> Result:
        """What came of it, or what it raised."""
        if self._task is None:
            raise RuntimeError("not begun")
        return self._task.result()

    def _run(self) -> None:
        try:
            if self._task is not None:
                self._loop.run_until_complete(asyncio.wait({self._task}))
                self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._done.set()
