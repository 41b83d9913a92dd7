"""What a host more costs: a class on 1, 2 and 4 hosts over SSH, provisioned with images present, and again with nothing to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.spec.components import Component
from tests.fleet.bed.bed import Bed, bed_or_skip
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import HostSetup

if TYPE_CHECKING:
    from tests.bench.conftest import Report

AGAIN = 5


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with bed_or_skip(tmp_path_factory.mktemp("bed")) as opened:
        yield opened


@pytest.mark.parametrize(("number", "floor", "aim"), [(1, 5, 2), (2, None, None), (4, 8, 3)])
def test_hosts_over_ssh(
    bed: Bed,
    image: Callable[[Component], str],
    report: Report,
    tmp_path: Path,
    rounds: int,
    number: int,
    floor: float | None,
    aim: float | None,
) -> None:
    """On one host it has all roles; else one is the gateway's, and each other one has a replica."""
    images = [image(component) for component in (Component("gateway"), Component("llamacpp"))]
    names = ["front", *(f"gpu-{place}" for place in range(1, number))]
    with bed.hosts(*(HostSetup(name=name) for name in names)) as hosts:
        for each in images:
            bed.load(each, *hosts)
        give_weights(tmp_path, *hosts)
        roles = {"front": ["gateway"] if number > 1 else ["gateway", "inference"]}
        sections = [host_section(host, bed, *roles.get(host.name, ["inference"])) for host in hosts]
        tiny = model("tiny", replicas=max(1, number - 1))
        fresh: list[float] = []
        again: list[float] = []
        for turn in range(rounds):
            folder = tmp_path / str(turn)
            folder.mkdir()
            with fleet_workshop(bed, folder, hosts=sections, models=[tiny]) as workshop:
                fresh.append(seconds_of(workshop, lambda said: said["changed"] > 0))
                if turn + 1 == rounds:
                    again = [seconds_of(workshop, lambda said: said["changed"] == 0) for _ in range(AGAIN)]
    what = f"{number} host{'' if number == 1 else 's'} over SSH"
    report(f"{what}, images present, to verified", "s", fresh, beside="one llama.cpp replica on each engine's host")
    report(f"`provision` again, nothing changed: {what}", "s", again, floor=floor, aim=aim)


def seconds_of(workshop: FleetWorkshop, expected: Callable[[dict[str, Any]], bool]) -> float:
    begun = time.monotonic()
    said = workshop.provision()
    seconds = time.monotonic() - begun
    assert said["ok"]
    assert expected(said)
    return seconds
