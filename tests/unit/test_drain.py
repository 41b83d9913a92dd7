"""Backends that are about to stop get no new requests; what is under way has time to end, and no more."""

from __future__ import annotations

from typing import Any, cast

import pytest

from orchestrator.errors import HostError
from orchestrator.fleet.gateway_admin import GatewayAdmin
from orchestrator.workflow.rollout import drain
from orchestrator.workflow.rollout.drain import resting


class Gateway:
    """Stands in for a running gateway: so many answers are under way at each look."""

    def __init__(self, *in_flight: int) -> None:
        self._in_flight = list(in_flight)
        self.told: list[dict[str, Any]] = []

    def get(self, path: str) -> Any:
        assert path == "/backends"
        number = self._in_flight.pop(0) if len(self._in_flight) > 1 else self._in_flight[0]
        return {name: {"state": "up", "in_flight": number} for name in ("a-1", "a-2")}

    def post(self, path: str, document: Any) -> None:
        assert path == "/changes"
        self.told.append(document)


class Gone:
    """Stands in for one that does not answer."""

    def get(self, path: str) -> Any:
        raise HostError("container_down", "gone")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "LOOK", 0.0)


def rest(gateway: object, *backends: str, drained: frozenset[str] = frozenset()) -> tuple[tuple[str, ...], list[str]]:
    said: list[str] = []
    with resting(cast("GatewayAdmin", gateway), set(backends), drained, said.append) as notes:
        pass
    return notes, said


def test_it_waits_until_nothing_is_under_way_and_lets_them_work_again() -> None:
    gateway = Gateway(3, 2, 1, 0)
    assert rest(gateway, "a-1") == ((), ["waiting for answers under way: 2 at a-1"])
    assert [told["drained"] for told in gateway.told] == [{"a-1": True}, {"a-1": False}]
    assert [told["seconds"] for told in gateway.told] == [drain.LIFETIME, 1]


def test_what_does_not_end_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "PATIENCE", 0.05)
    notes, _ = rest(Gateway(2), "a-1", "a-2")
    assert notes == ("after 0.05 s these were cut: 2 at a-1, 2 at a-2",)


def test_one_that_is_drained_by_command_stays_so() -> None:
    gateway = Gateway(0)
    rest(gateway, "a-1", "a-2", drained=frozenset({"a-2"}))
    assert gateway.told[-1]["drained"] == {"a-1": False, "a-2": True}


@pytest.mark.parametrize("gateway", [None, Gone(), Gateway(1)])
def test_without_a_gateway_or_a_backend_that_it_knows_nobody_waits(gateway: object) -> None:
    assert rest(gateway, "unknown") == ((), [])
    assert not getattr(gateway, "told", [])


def test_they_work_again_where_the_change_failed() -> None:
    gateway = Gateway(0)
    with pytest.raises(KeyError), resting(cast("GatewayAdmin", gateway), {"a-1"}, frozenset(), print):
        raise KeyError
    assert gateway.told[-1]["drained"] == {"a-1": False}
