"""The gateway beside a bare nginx `proxy_pass`, LiteLLM and sglang-router, in turns, before the same model servers.

About four minutes, without the first time's installation of the two from PyPI. `pytest tests/bench/gateway --capture=no`
"""

from __future__ import annotations

import secrets
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from orchestrator.spec.components import Component
from tests.bench.gateway import targets
from tests.bench.gateway.load import STREAMS, Burst, burst, first_event_of_streams, memory, wait_for
from tests.bench.gateway.packages import LITELLM, SGLANG_ROUTER, NotInstalledError, installed
from tests.bench.gateway.targets import Bed, Target

if TYPE_CHECKING:
    import docker

    from tests.bench.conftest import Report

START_SECONDS = 120  # LiteLLM takes many
TURNS = 5
T = TypeVar("T")
DIRECT, BARE, OURS = "direct", "bare nginx", "this gateway"


@pytest.fixture
def bed(engine: docker.DockerClient, tmp_path: Path) -> Iterator[Bed]:
    network = engine.networks.create(
        f"workshop-bench-{secrets.token_hex(4)}", labels={"workshop.test": "1"}, internal=True
    )
    bed = Bed(engine, network, tmp_path)
    yield bed
    bed.remove()


@pytest.fixture
def standing(bed: Bed, image: Callable[[Component], str], report: Report) -> list[Target]:
    """All that could be started, the model servers themselves first."""
    nginx, python = image(Component("gateway")), image(Component("webui"))
    version = "import sys; print('%d.%d' % sys.version_info[:2])"
    of_image = bed.engine.containers.run(python, ["python3", "-c", version], entrypoint="", remove=True)
    started = [targets.direct(bed, nginx, python), targets.bare(bed, nginx), targets.this_gateway(bed, nginx)]
    for name, requirement, start in (
        ("LiteLLM", LITELLM, targets.litellm),
        ("sglang-router", SGLANG_ROUTER, targets.sglang_router),
    ):
        try:
            started.append(start(bed, python, installed(requirement, of_image.decode().strip())))
        except NotInstalledError as error:
            report.missing(name, str(error))
    faults = {target.name: wait_for(target, START_SECONDS) for target in started}
    for name, fault in faults.items():
        assert fault is None or name not in {DIRECT, BARE, OURS}, f"{name}: {fault}"
        if fault is not None:
            report.missing(name, fault)
    return [target for target in started if faults[target.name] is None]


def test_gateways_side_by_side(standing: list[Target], report: Report, tmp_path: Path) -> None:
    if not shutil.which("wrk"):
        pytest.skip("wrk is not installed: apt-get install wrk")
    for target in standing:
        burst(target, 32, tmp_path)  # caches and connections are warm from here
    one = in_turns(standing, lambda target: burst(target, 1, tmp_path))
    many = in_turns(standing, lambda target: burst(target, 32, tmp_path))
    events = in_turns(standing, first_event_of_streams)
    bad = {name: sum(turn.bad for turn in (*one[name], *many[name])) for name in many}
    assert not bad[OURS], f"{bad[OURS]} bad answers"
    assert not bad[BARE], f"{bad[BARE]} bad answers"

    for target in standing:
        name, said = target.name, f"{bad[target.name]} bad answers" if bad[target.name] else ""
        report("p50, one connection", "µs", [turn.median for turn in one[name]], of=name)
        report("added to direct", "µs", differences(medians(one[name]), medians(one[DIRECT])), of=name)
        report("32 connections", "a second", [turn.rate for turn in many[name]], of=name, beside=said)
        report("processor", "µs a request", [turn.cpu for turn in many[name]], of=name)
        report(f"first token, {STREAMS} streams", "ms", events[name], of=name)
        rss, pss = memory(target.containers["chat"])
        report("memory, Pss", "MiB", [pss], of=name, beside=f"RSS {rss:.0f}")
    judge(one, many, events, report)


def judge(
    one: dict[str, list[Burst]], many: dict[str, list[Burst]], events: dict[str, list[float]], report: Report
) -> None:
    """Against the floors and aims, turn by turn: noise that all of a turn had falls out."""
    rates = {name: [turn.rate for turn in turns] for name, turns in many.items()}
    for name, bounds in (("LiteLLM", {"floor": 100}), ("sglang-router", {"floor": 1.25}), (BARE, {"aim": 0.4})):
        if name in rates:
            report(
                f"gateway, requests per second at 32 connections, against {name}",
                "times",
                [ours / theirs for ours, theirs in zip(rates[OURS], rates[name], strict=True)],
                **bounds,
                more_is_better=True,
                beside=f"{statistics.median(rates[OURS]):.0f} to {statistics.median(rates[name]):.0f} a second",
            )
    added_to_bare = statistics.median(differences(medians(one[OURS]), medians(one[BARE])))
    report(
        "gateway, added p50 at one connection",
        "µs",
        differences(medians(one[OURS]), medians(one[DIRECT])),
        floor=120,
        aim=60,
        beside=f"added to the model server's own; {added_to_bare:.0f} added to bare nginx",
    )
    report(
        "gateway, processor time added to a request",
        "µs",
        [ours.cpu - bare.cpu for ours, bare in zip(many[OURS], many[BARE], strict=True)],
        beside=f"at least {min(turn.cpu for turn in many[OURS]):.0f}, bare nginx {min(turn.cpu for turn in many[BARE]):.0f}",
    )
    report(
        f"gateway, time to first token added at {STREAMS} streams",
        "ms",
        differences(events[OURS], events[BARE]),
        floor=1,
        aim=0,
        beside=f"{statistics.median(events[OURS]):.2f}, bare nginx {statistics.median(events[BARE]):.2f} ms; the aim is no difference",
    )


def in_turns(standing: Sequence[Target], measure: Callable[[Target], T]) -> dict[str, list[T]]:
    turns = [{target.name: measure(target) for target in standing} for _ in range(TURNS)]
    return {target.name: [turn[target.name] for turn in turns] for target in standing}


def medians(bursts: Sequence[Burst]) -> list[float]:
    return [turn.median for turn in bursts]


def differences(these: Sequence[float], those: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(these, those, strict=True)]
