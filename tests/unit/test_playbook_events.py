"""Of what Ansible tells, people hear of tasks that did something or take their time."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.fleet import playbook_events
from orchestrator.fleet.playbook_events import Listener


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def listener(told: list[str]) -> Listener:
    return Listener(["gpu-1", "gpu-2"], told.append)


def event(kind: str, host: str = "gpu-1", **data: Any) -> dict[str, Any]:
    return {"event": kind, "event_data": {"host": host, "task": "Start", **data}}


def test_a_task_is_told_with_its_host_when_it_ended(listener: Listener, told: list[str]) -> None:
    listener.heed(event("runner_on_start"))
    assert told == []
    listener.heed(event("runner_on_ok", res={"changed": True}))
    assert told == ["gpu-1: Start"]
    assert [result.changed for result in listener.results.values()] == [1, 0]


def test_a_task_that_is_skipped_is_never_told(listener: Listener, told: list[str]) -> None:
    listener.heed(event("runner_on_start"))
    listener.heed(event("runner_on_skipped"))
    listener.tell_what_lasts()
    assert told == []


def test_a_task_that_lasts_is_told_before_its_end_and_once(
    listener: Listener, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playbook_events, "PATIENCE", -1.0)
    listener.heed(event("runner_on_start"))
    listener.tell_what_lasts()
    listener.heed(event("runner_on_ok"))
    assert told == ["gpu-1: Start"]


def test_the_name_of_the_only_host_goes_without_saying(told: list[str]) -> None:
    listener = Listener(["here"], told.append)
    listener.heed(event("runner_on_start", host="here"))
    listener.heed(event("runner_on_ok", host="here"))
    assert told == ["Start"]


@pytest.mark.parametrize("kind", ["runner_on_failed", "runner_on_unreachable"])
def test_a_failure_is_its_hosts_alone_with_the_line_that_says_why(listener: Listener, kind: str) -> None:
    listener.heed(event(kind, host="gpu-2", res={"stderr": "much\n[emerg] the reason\nnginx: failed"}))
    assert listener.results["gpu-2"].failed == "Start: [emerg] the reason"
    assert listener.results["gpu-1"].failed is None


def test_a_failure_that_does_not_matter_is_a_note(listener: Listener) -> None:
    listener.heed(event("runner_on_failed", res={"msg": "no weights"}, ignore_errors=True))
    assert listener.results["gpu-1"].failed is None
    assert listener.results["gpu-1"].notes == ["Start: no weights"]


def test_events_of_nobody_are_passed_over(listener: Listener, told: list[str]) -> None:
    listener.heed({"event": "playbook_on_stats"})
    listener.heed(event("runner_on_ok", host="stranger"))
    assert told == []
