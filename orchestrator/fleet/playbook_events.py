"""What Ansible tells while a playbook runs: tasks that take their time, and how they ended, host by host."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

DID = "did: "
PATIENCE = 0.3  # s after which a task is told of before it ended: one that is skipped ends sooner


@dataclass(slots=True)
class HostResult:
    """How the playbook went on one host."""

    changed: int = 0
    failed: str | None = None  # the task and its reason, in one line
    notes: list[str] = field(default_factory=list)  # of tasks that may fail
    did: list[str] = field(default_factory=list)  # changes in words: what commands printed after `did: `


class Listener:
    """Takes ansible-runner's events. `report` hears of each task once, and of none that was skipped."""

    def __init__(self, hosts: Iterable[str], report: Callable[[str], None]) -> None:
        self.results = {host: HostResult() for host in hosts}
        self._report = report
        self._untold: dict[str, tuple[str, float]] = {}  # host to its task, and since when

    def heed(self, event: dict[str, Any]) -> None:
        kind, data = event.get("event"), event.get("event_data", {})
        host, answer = data.get("host", ""), data.get("res") or {}
        result = self.results.get(host)
        if result is None:
            return
        if kind == "runner_on_start":
            self._untold[host] = (str(data.get("task", "")), time.monotonic())
        elif kind == "runner_on_skipped":
            self._untold.pop(host, None)
        elif kind in {"runner_on_ok", "runner_on_failed", "runner_on_unreachable"}:
            self._tell(host)
            lines = str(answer.get("stdout") or "").splitlines()
            result.did += [line.removeprefix(DID).strip() for line in lines if line.startswith(DID)]
        if kind == "runner_on_ok" and answer.get("changed"):
            result.changed += 1
        elif kind in {"runner_on_failed", "runner_on_unreachable"}:
            line = f"{data.get('task', 'a task')}: {_reason(answer)}"
            if data.get("ignore_errors"):
                result.notes.append(line)
            else:
                result.failed = line

    def tell_what_lasts(self) -> None:
        """To be called now and then."""
        now = time.monotonic()
        for host, (_, since) in list(self._untold.items()):
            if now - since > PATIENCE:
                self._tell(host)

    def _tell(self, host: str) -> None:
        if host in self._untold:
            task, _ = self._untold.pop(host)
            self._report(task if len(self.results) == 1 else f"{host}: {task}")


def _reason(answer: dict[str, Any]) -> str:
    """The last line that says why, of what the module or the command told."""
    text = answer.get("stderr") or answer.get("msg") or answer.get("stdout") or json.dumps(answer)[:200]
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    why = [line for line in lines if "[emerg]" in line]  # nginx tells the reason first, and that it failed last
    return next(iter([*why, *lines[-1:]]), "no reason given")
