"""Collecting the gateway's log: whenever, in whatever order, cut wherever, the sums are the same."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.fleet.gateway_log import QUIET_SECONDS
from orchestrator.usage import collect
from orchestrator.usage.collect import collect_file
from orchestrator.usage.store import UsageStore
from tests.unit.usage_samples import Held, line


@pytest.fixture
def store(tmp_path: Path) -> Iterator[UsageStore]:
    with UsageStore.open(tmp_path / "usage" / "d.sqlite3") as opened:
        yield opened


def sums(store: UsageStore) -> tuple[int, ...]:
    row = store.rows(
        "SELECT count(*), total(prompt_tokens), total(completion_tokens), count(DISTINCT id) FROM requests"
    )
    return tuple(int(value) for value in row[0])


class PowerCutError(Exception):
    pass


@dataclass
class Cut(Held):
    """A file during whose reading the power goes, after so many pieces."""

    after: int = 0

    def read(self, offset: int) -> Iterator[bytes]:
        for number, piece in enumerate(super().read(offset)):
            if number == self.after:
                raise PowerCutError
            yield piece


def test_the_file_is_private(tmp_path: Path) -> None:
    with UsageStore.open(tmp_path / "usage" / "d.sqlite3"):
        assert (tmp_path / "usage" / "d.sqlite3").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "usage").stat().st_mode & 0o777 == 0o700


def test_only_what_is_new_is_read(store: UsageStore) -> None:
    read: list[int] = []

    class Watched(Held):
        def read(self, offset: int) -> Iterator[bytes]:
            read.append(offset)
            return super().read(offset)

    log = line(1) + line(2)
    assert collect_file(store, Watched(log)) == len(log)
    assert collect_file(store, Watched(log + line(3))) == len(log) + len(line(3))
    assert read == [0, len(log)]
    assert store.requests() == 3


def test_collecting_again_changes_nothing(store: UsageStore) -> None:
    for _ in range(3):
        collect_file(store, Held(line(1) + b"not a line\n" + line(2)))
        assert (sums(store), store.unreadable()) == ((2, 20, 10, 2), 1)


def test_a_new_log_begins_from_its_start(store: UsageStore) -> None:
    collect_file(store, Held(line(1) + line(2)))
    collect_file(store, Held(line(3)))
    assert store.requests() == 3


def test_a_renamed_log_goes_on_where_it_was(store: UsageStore) -> None:
    old = line(1) + line(2)
    collect_file(store, Held(old))
    for file in (Held(line(4)), Held(old + line(3))):
        collect_file(store, file)
    assert sums(store) == (4, 40, 20, 4)


def test_an_empty_log_and_an_unfinished_first_line_are_nothing_yet(store: UsageStore) -> None:
    assert collect_file(store, Held(b"")) == 0
    assert collect_file(store, Held(line(1)[:-1])) == 0
    assert store.requests() == 0
    collect_file(store, Held(line(1)))
    assert store.requests() == 1


def test_after_a_power_cut_that_took_the_last_lines_nothing_new_is_passed_over(store: UsageStore) -> None:
    """The file is shorter than what had been collected; new lines stand where those were."""
    before = b"".join(map(line, range(10)))
    collect_file(store, Held(before))
    for kept in (0, 1, 37, 200):
        after = before[: 5 * len(line(0)) + kept] + b"".join(line(100 + number) for number in range(10))
        collect_file(store, Held(after))
        assert store.requests() == 20


def test_a_collection_that_was_killed_is_gone_on_with(store: UsageStore) -> None:
    log = b"".join(map(line, range(100)))
    with patch.object(collect, "BATCH", 10):
        with pytest.raises(PowerCutError):
            collect_file(store, Cut(log, after=20))
        assert 0 < store.requests() < 100
        collect_file(store, Held(log))
    assert sums(store) == (100, 1000, 500, 100)


def test_two_at_once_count_nothing_twice(tmp_path: Path) -> None:
    """The command's lock keeps them apart; even without it the figures are right."""
    file, log = tmp_path / "d.sqlite3", b"".join(map(line, range(300)))

    def run() -> None:
        with UsageStore.open(file) as store:
            for end in range(0, len(log), len(log) // 7):
                collect_file(store, Held(log[:end]))
            collect_file(store, Held(log))

    with patch.object(collect, "BATCH", 10):
        threads = [Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with UsageStore.open(file) as store:
        assert sums(store) == (300, 3000, 1500, 300)


GARBAGE = st.binary(max_size=20).map(lambda text: text.replace(b"\n", b""))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 400)),
        st.tuples(st.just("collect"), st.integers(0, 1)),
        st.tuples(st.just("killed"), st.integers(0, 3)),
        st.tuples(st.just("rotate"), st.just(0)),
    ),
    max_size=20,
)


@dataclass
class Class:
    """A log that is written, rotated and collected; all of `log` has to come."""

    log: bytes
    store: UsageStore
    pieces: int
    written: int = 0
    files: list[bytes] = field(default_factory=lambda: [b""])

    def write(self, count: int) -> None:
        self.files[-1] += self.log[self.written : self.written + count]
        self.written += count

    def rotate(self, _: int) -> None:
        if self.files[-1].endswith(b"\n"):
            self.files.append(b"")

    def collect(self, backwards: int) -> None:
        for content in reversed(self.files) if backwards else self.files:
            collect_file(self.store, Held(content, self.pieces))

    def killed(self, after: int) -> None:
        with suppress(PowerCutError):
            collect_file(self.store, Cut(self.files[-1], self.pieces, after))


@given(garbage=st.lists(st.none() | GARBAGE, max_size=25), steps=STEPS, pieces=st.integers(20, 500))
def test_any_cut_of_the_log_and_any_order_of_collections_give_the_same_sums(
    garbage: list[bytes | None], steps: list[tuple[str, int]], pieces: int
) -> None:
    texts = [line(0)] + [line(number + 1) if text is None else text + b"\n" for number, text in enumerate(garbage)]
    good = 1 + garbage.count(None)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(collect, "BATCH", 2),
        UsageStore.open(Path(folder) / "d.sqlite3") as store,
    ):
        run = Class(b"".join(texts), store, pieces)
        for step, number in [*steps, ("write", len(run.log)), ("collect", 0)]:
            getattr(run, step)(number)

        assert sums(store) == (good, 10 * good, 5 * good, good)
        assert store.unreadable() <= len(texts) - good
        if len(run.files) == 1:  # else two files may begin with the same garbage, which then counts once
            assert store.unreadable() == len(texts) - good


def test_an_old_log_is_kept_for_longer_than_an_old_worker_lives() -> None:
    template = (Path(__file__).parents[2] / "templates" / "gateway" / "nginx.conf.j2").read_text(encoding="utf-8")
    (minutes,) = re.findall(r"worker_shutdown_timeout\s+(\d+)m;", template)
    assert int(minutes) * 60 < QUIET_SECONDS
