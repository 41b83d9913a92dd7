"""Backends that are about to stop get no new requests, and time to end those that run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from typing import Any

from orchestrator.errors import HostError
from orchestrator.fleet.gateway_admin import GatewayAdmin

LIFETIME, BEAT = (
    90,
    30,
)  # s that the gateway remembers it, and until it hears it again: who is killed drains nobody for long
LOOK = 0.5  # s between looks at what is under way
PATIENCE = 60  # s for answers that are under way
NEWER_THAN_ANY_FILE = 2**53 - 1


@contextmanager
def resting(
    gateway: GatewayAdmin | None, backends: AbstractSet[str], drained: AbstractSet[str], report: Callable[[str], None]
) -> Iterator[tuple[str, ...]]:
    """Meanwhile nobody is sent to `backends`; gives notes on those whose answers did not end in time.

    `drained` are those that stay so, by command. Without a running gateway nothing is under way.
    """
    asked = _states(gateway)
    known = {name for name in backends if name in asked}
    if gateway is None or not known:
        yield ()
        return
    _tell(gateway, dict.fromkeys(known, True), LIFETIME)
    done = threading.Event()
    beating = threading.Thread(target=_remind, args=(gateway, known, done), daemon=True)
    beating.start()
    try:
        yield tuple(_wait(gateway, known, report))
    finally:
        done.set()
        beating.join()
        with suppress(HostError):  # a gateway that has gone meanwhile remembers nothing
            _tell(gateway, {name: name in drained for name in known}, 1)


def _remind(gateway: GatewayAdmin, known: AbstractSet[str], done: threading.Event) -> None:
    while not done.wait(BEAT):
        with suppress(HostError):  # it may be made anew just now
            _tell(gateway, dict.fromkeys(known, True), LIFETIME)


def _wait(gateway: GatewayAdmin, known: AbstractSet[str], report: Callable[[str], None]) -> Iterator[str]:
    end, busy, told = time.monotonic() + PATIENCE, dict[str, int](), False
    while time.monotonic() < end:
        states = _states(gateway)
        busy = {
            name: states[name]["in_flight"] for name in sorted(known) if name in states and states[name]["in_flight"]
        }
        if not busy:
            return
        if not told:
            report(f"waiting for answers under way: {_in_words(busy)}")
            told = True
        time.sleep(LOOK)
    yield f"after {PATIENCE} s these were cut: {_in_words(busy)}"


def _in_words(busy: dict[str, int]) -> str:
    return ", ".join(f"{number} at {name}" for name, number in busy.items())


def _tell(gateway: GatewayAdmin, drained: dict[str, bool], seconds: int) -> None:
    gateway.post("/changes", {"revision": NEWER_THAN_ANY_FILE, "seconds": seconds, "drained": drained})


def _states(gateway: GatewayAdmin | None) -> dict[str, Any]:
    try:
        return dict(gateway.get("/backends")) if gateway else {}
    except HostError:
        return {}
