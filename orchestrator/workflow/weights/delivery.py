"""One model's weights to all hosts that need them.

In this order: what the host has; what is kept on this machine, the operator's own folder or an archive; a host that has
them, through this machine; the hub. Where no host has them, one fetches and the others copy. What is copied is checked
file by file, and fetched if it is wrong.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from orchestrator.errors import UserError
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.weights import STOPPED, TIMED_OUT, Ended, Holding, Weights, fetch, intact, look, receive, send
from orchestrator.fleet.weights_store import Kept, Store
from orchestrator.settings import Settings

EVERY = 5.0  # seconds between two lines of progress
GB, MB = 1_000_000_000, 1_000_000
NO_ROOM = re.compile(r"needs (\d+) bytes and (\d+) are free")  # as the scripts tell it
MOST_HOSTS = 32  # at once


@dataclass(frozen=True, slots=True)
class Parcel:
    """`model` is the name of one that needs these files; `services` are the backends that do, by host."""

    model: str
    weights: Mapping[str, Weights]  # by host
    services: Mapping[str, frozenset[str]]
    others: tuple[str, ...] = ()  # hosts that may have them and do not need them now
    store: Store | None = None  # of this machine
    fetches: bool = True  # also from hosts and the hub


@dataclass(slots=True)
class Delivered:
    """By host: how they came, or why not. Neither: they were there."""

    came: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class Delivery:
    """`places` bounds what goes on at once on each host; `stop` ends it early."""

    def __init__(
        self,
        parcel: Parcel,
        fleet: Mapping[str, Machine],
        places: Mapping[str, threading.Semaphore],
        settings: Settings,
        say: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self._parcel, self._fleet, self._places = parcel, fleet, places
        self._settings, self._say, self._stop = settings, say, stop
        self._any = next(iter(parcel.weights.values()))
        self._found: dict[str, Holding] = {}
        self._done = Delivered()

    def bring(self) -> Delivered:
        self._each(self._parcel.weights, self._look)
        store = self._parcel.store
        if self._lacking and store and (kept := store.kept(self._any.fetch)):
            self._each(self._lacking, lambda host: self._from_store(host, kept))
        if not self._parcel.fetches:
            return self._done
        if self._lacking and self._can_copy:
            self._each(self._parcel.others, self._look_for_copy)
            if not self._holders and len(self._lacking) > 1:
                self._each(self._lacking[:1], self._fetch)
            if self._holders:
                self._each(self._lacking, self._copy)
        self._each(self._lacking, self._fetch)
        return self._done

    @property
    def _can_copy(self) -> bool:
        return self._settings.copy_weights and bool(self._any.fetch.tree)

    @property
    def _lacking(self) -> list[str]:
        """In the parcel's order, whichever answered first."""
        return [
            host for host in self._parcel.weights
            if host in self._found and not self._found[host].files
            and host not in self._done.failed and host not in self._done.came
        ]  # fmt: skip

    @property
    def _holders(self) -> list[str]:
        return [host for host, found in self._found.items() if found.files]

    def _each(self, hosts: Iterable[str], do: Callable[[str], None]) -> None:
        """At once; a host that can't be reached is noted."""
        chosen = list(hosts)
        if not chosen:
            return
        with ThreadPoolExecutor(min(MOST_HOSTS, len(chosen))) as pool:
            for job in [pool.submit(self._placed, host, do) for host in chosen]:
                job.result()

    def _placed(self, host: str, do: Callable[[str], None]) -> None:
        with self._places[host]:
            if self._stop.is_set():
                return
            try:
                do(host)
            except UserError as problem:
                self._done.failed[host] = problem.message

    def _look(self, host: str) -> None:
        self._found[host] = look(self._fleet[host], self._parcel.weights[host], self._stop)

    def _look_for_copy(self, host: str) -> None:
        machine = self._fleet[host]
        try:
            if self._any.volume in machine.docker.weights(self._any.workshop):
                self._found[host] = look(machine, self._any, self._stop)
        except UserError:  # it has not the image, or is not there: it is no help
            return

    def _from_store(self, host: str, kept: Kept) -> None:
        machine, weights = self._fleet[host], self._parcel.weights[host]
        whole = intact(machine, weights, kept.parts, self._stop) if kept.parts else frozenset()
        there = sum(int(line.split(" ", 1)[0]) for line in kept.parts if line.split(" ", 2)[2] in whole)
        held = Holding(0, kept.files)
        self._take_over(host, kept.origin, held, kept.open(whole, self._stop), there)

    def _copy(self, host: str) -> None:
        holder = self._holders[0]
        source = send(self._fleet[holder], self._any, self._stop)
        self._take_over(host, holder, self._found[holder], source)

    def _take_over(self, host: str, origin: str, held: Holding, tar: Iterator[bytes], there: int = 0) -> None:
        """What does not arrive whole is left to the next way. `there`: bytes of it that the host has."""
        if (need := held.bytes - there) > self._found[host].free:
            self._done.failed[host] = self._no_room(need, self._found[host].free)
            return
        weights, tell = self._parcel.weights[host], self._progress(host, f"from {origin}")
        try:
            ended = receive(self._fleet[host], weights, held.files, _counted(tar, there, held.bytes, tell), self._stop)
            why = None if ended.code == 0 else ended.why
        except UserError as problem:
            why = problem.message
        if why is not None:
            if self._parcel.fetches:
                self._say(f"{host}: weights of {self._parcel.model} could not be copied from {origin}: {why}")
            else:
                self._done.failed[host] = why
            return
        self._done.came[host] = f"weights of {self._parcel.model}: copied from {origin} ({size_text(held.bytes)})"

    def _fetch(self, host: str) -> None:
        heard = [0]
        tell = self._progress(host, "fetched")

        def count(have: int, total: int | None) -> None:
            heard[0] = have
            tell(have, total)

        weights = self._parcel.weights[host]
        ended = fetch(self._fleet[host], weights, count, self._stop)
        if ended.code:
            self._done.failed[host] = self._why(ended)
            return
        if self._can_copy:
            self._found[host] = look(self._fleet[host], weights, self._stop)
            size = self._found[host].bytes
        else:
            size = heard[0]
        if not size:  # Ollama had it
            return
        self._done.came[host] = f"weights of {self._parcel.model}: fetched ({size_text(size)})"

    def _why(self, ended: Ended) -> str:
        kept = "; what came is kept, and the next run goes on with it" if ended.code in {STOPPED, TIMED_OUT} else ""
        if room := NO_ROOM.search(ended.why):
            return self._no_room(int(room[1]), int(room[2]))
        hint = ": raise fetch_timeout" if ended.code == TIMED_OUT else ""
        return f"{ended.why}{hint}{kept}"

    def _no_room(self, need: int, free: int) -> str:
        return (
            f"no room: it needs {size_text(need)} more and has {size_text(free)} free. Remove what is not needed there"
        )

    def _progress(self, host: str, how: str) -> Callable[[int, int | None], None]:
        last = [time.monotonic() - EVERY]

        def tell(have: int, total: int | None) -> None:
            if time.monotonic() - last[0] >= EVERY:
                last[0] = time.monotonic()
                of = f"{size_text(have)} of {size_text(total)}" if total else size_text(have)
                self._say(f"{host}: weights of {self._parcel.model}, {how}: {of}")

        return tell


def _counted(tar: Iterator[bytes], have: int, total: int, tell: Callable[[int, int | None], None]) -> Iterator[bytes]:
    for chunk in tar:
        have += len(chunk)
        tell(min(have, total), total)
        yield chunk


def size_text(value: int) -> str:
    """Bytes, as files are measured."""
    return f"{value / GB:.1f} GB" if value >= GB else f"{value / MB:.1f} MB"
