"""What befalls a class that runs: hosts that part, full disks, a slow way, one that hangs. The rest goes on meanwhile."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from orchestrator.plan.gateway import ADMIN_PORT
from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.ssh_host import HostSetup, SshHost
from tests.fleet.bed.streaming_load import Stream, begun, load
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full("hosts part, hang and fill up, minutes; test_fleet_machine has one that is off")

Record = Callable[[str, object], None]
DISKS = {"/var/lib/docker": "1400m", "/root/.local": "64m"}
STANDING = {"model-tiny-1": "up", "model-tiny-2": "up"}
DOWN, UP = 30.0, 30.0  # s at most, on a machine that does much else
LONG = 3900  # tokens of an answer: some seconds
SLOW = 0.1  # s each way


@dataclass(frozen=True)
class Class:
    front: SshHost
    first: SshHost
    second: SshHost
    workshop: FleetWorkshop
    keys: tuple[str, ...]
    api: str

    def backends(self) -> dict[str, dict[str, Any]]:
        """As the gateway itself has them."""
        asked = ["curl", "-s", "-m", "5", f"http://127.0.0.1:{ADMIN_PORT}/backends"]
        told: dict[str, dict[str, Any]] = json.loads(self.front.docker("exec", "workshop-fleet-gateway-1", *asked))
        return told

    def states(self) -> dict[str, str]:
        return {name: backend["state"] for name, backend in self.backends().items()}

    def has_one_stream_each(self) -> bool:
        return all(backend["in_flight"] == 1 for backend in self.backends().values())

    def seconds_until(self, states: dict[str, str], most: float) -> float:
        begin = time.monotonic()
        while (found := self.states()) != states:
            assert time.monotonic() - begin < most, found
            time.sleep(0.1)
        return time.monotonic() - begin

    def status_of(self, key: str) -> int:
        """200, or what a question with this key is refused with."""
        try:
            self.workshop.ask(key)
        except urllib.error.HTTPError as refusal:
            return refusal.code
        return 200


@pytest.fixture(scope="module")
def running(bed: Bed, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    front, first, second = hosts(
        HostSetup(name="front", disks=DISKS), HostSetup(name="gpu-1", disks=DISKS), HostSetup(name="gpu-2")
    )
    give_weights(tmp_path_factory.mktemp("weights"), first, second)
    sections = [host_section(front, bed, "gateway"), *(host_section(h, bed, "inference") for h in (first, second))]
    tiny = model("tiny", replicas=2, context=4096)
    limits = {"requests_per_minute": 2000, "concurrent_requests": 8}
    folder = tmp_path_factory.mktemp("trouble")
    with fleet_workshop(bed, folder, hosts=sections, models=[tiny], limits=limits) as workshop:
        assert workshop.provision()["ok"]
        people = workshop.people()
        keys = tuple(str(person["api_key"]) for person in people)
        yield Class(front, first, second, workshop, keys, people[0]["api_base"])


def cut_of(streams: Sequence[Stream]) -> list[Stream]:
    return [stream for stream in streams if stream.ended and not stream.whole]


def stalled(streams: Sequence[Stream]) -> bool:
    """Whether one of them is under way and gets nothing for a second."""
    before = [(stream, stream.events) for stream in streams]
    time.sleep(1)
    return any(not stream.ended and stream.events == events for stream, events in before)


def parted_under_streams(running: Class) -> tuple[list[Stream], float]:
    """Two, one from each backend, and when the hosts were parted under one: an answer may be too quick for it."""
    for _ in range(10):
        streams = begun(running.api, running.keys, tokens=LONG)
        if running.has_one_stream_each():
            running.front.partition(running.first)
            parted = time.monotonic()
            if stalled(streams):
                return streams, parted
            running.front.heal()
        for stream in streams:
            stream.join(60)
    raise AssertionError("no answers of both backends lasted long enough")


def test_a_partition_costs_the_streams_of_one_backend_and_heals_by_itself(
    running: Class, record_property: Record
) -> None:
    streams, parted = parted_under_streams(running)
    with load(running.api, running.keys[0], askers=1) as asked:
        try:
            down = running.seconds_until({"model-tiny-1": "down", "model-tiny-2": "up"}, DOWN)
            eventually(lambda: cut_of(streams) or None, DOWN)
        finally:
            running.front.heal()
        up = running.seconds_until(STANDING, UP)
    cut = cut_of(streams)
    (other,) = set(streams) - set(cut)
    seen = other.events
    eventually(lambda: other.whole or other.events > seen or None, 60)
    figures = {
        "streams cut": f"{len(cut)} of {len(streams)}",
        "seconds until a client was told": [round(stream.ended - parted, 1) for stream in cut],
        "questions lost": f"{len(asked.lost())} of {len(asked.answers)}",
        "slowest answer, s": round(asked.slowest(), 1),
        "seconds to down": round(down, 1),
        "seconds to heal": round(up, 1),
    }
    for name, value in figures.items():
        record_property(name, value)
    print(f"a partition of the gateway's host and one of two backends: {figures}")
    assert cut[0].ended - parted < DOWN
    assert asked.lost() == []
    assert running.workshop.ask(running.keys[0])


def test_a_full_disk_of_the_gateways_host_stops_no_answer_and_no_revocation(running: Class) -> None:
    running.front.fill_disk()
    running.front.fill_disk("/root/.local")
    try:
        assert running.status_of(running.keys[1]) == 200
        refused = running.workshop.run("participants revoke", "p02", "--output", "json", code=3).json["error"]
        assert (refused["code"], refused["host"]) == ("file_not_written", "front")
        assert "in effect, but a gateway that starts anew forgets it" in refused["message"]
        assert "policy.json can't be written: No space left on device" in refused["message"]
        assert running.status_of(running.keys[1]) == 401
        assert running.status_of(running.keys[0]) == 200
        told = running.workshop.run("status", "--output", "json", code=None).json
        assert not told["ok"]
        assert "the disk is full: /root/.local" in next(h["docker"] for h in told["hosts"] if h["name"] == "front")
    finally:
        running.front.free_disk()
        running.front.free_disk("/root/.local")
    assert running.workshop.provision()["ok"]
    running.front.docker("restart", "workshop-fleet-gateway-1")
    running.seconds_until(STANDING, UP)
    assert (running.status_of(running.keys[1]), running.status_of(running.keys[0])) == (401, 200)
    running.workshop.run("participants restore", "p02")
    assert running.status_of(running.keys[1]) == 200
    assert running.workshop.run("usage", "--output", "json").json["ok"]


def test_a_provision_onto_a_full_disk_changes_nothing_there_and_heals(running: Class) -> None:
    before = running.first.docker("ps", "-q", "--no-trunc")
    there = f"{running.first.read('/root/.local/share/workshop/workshop-fleet/compose.yaml')}"
    running.first.fill_disk(leave=1 << 20)
    larger = model("tiny", replicas=2, context=4096, args={"threads": 1})
    running.workshop.write(models=[larger])
    try:
        done = running.workshop.provision(code=3)
        (problem,) = [host["problem"] for host in done["hosts"] if not host["ok"]]
        assert "the disk is full: /var/lib/docker has 1 MiB free, 1" in problem
        assert "MiB are missing" in problem
        assert running.first.docker("ps", "-q", "--no-trunc") == before
        assert running.first.read("/root/.local/share/workshop/workshop-fleet/compose.yaml") == there
        assert running.status_of(running.keys[0]) == 200
    finally:
        running.first.free_disk()
    assert running.workshop.provision()["ok"]
    assert running.first.docker("ps", "-q", "--no-trunc") != before


def started_at(host: SshHost) -> float:
    """When the engine's container was started."""
    name = host.docker("ps", "--format", "{{.Names}}", "--filter", "name=model-tiny").strip()
    started = host.docker("inspect", "--format", "{{.State.StartedAt}}", name).strip()
    return datetime.fromisoformat(started).timestamp()


def without_engines(*hosts: SshHost) -> None:
    for host in hosts:
        host.run("sh", "-c", "docker rm -f $(docker ps -q -f name=model-tiny)")


def test_a_slow_host_delays_no_other_and_one_that_hangs_fails_alone(
    running: Class, bed: Bed, record_property: Record
) -> None:
    """The second host is reached by a detour; it is the same one."""
    workshop = running.workshop
    with bed.slow_route(running.second, delay=SLOW) as route:
        detour = {"address": route.address, "port": route.port, "private": running.second.address}
        direct = workshop.spec["hosts"]
        workshop.write(hosts=[*direct[:2], {**direct[2], **detour}])
        without_engines(running.first, running.second)
        begin = time.time()
        assert workshop.provision()["ok"]
        fast, slow = (started_at(host) - begin for host in (running.first, running.second))
        record_property("seconds until containers start, fast and slow host", (round(fast, 1), round(slow, 1)))
        print(
            f"{2 * SLOW} s round trip: containers start after {fast:.1f} s on the fast host, {slow:.1f} s on the slow"
        )
        assert fast < slow

        without_engines(running.first, running.second)
        with subprocess.Popen(
            workshop.command("provision", str(workshop.file), "--output", "json"),
            cwd=workshop.folder,
            env=workshop.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            next(line for line in process.stderr if "gpu-2: Make the stack's folder" in line)
            route.stall()
            stalled = time.monotonic()
            out, _ = process.communicate(timeout=workshop.patience)
        took = time.monotonic() - stalled
        route.resume()
        record_property("seconds until a hanging host was given up and the rest stood", round(took, 1))
        print(f"a host that hangs: the run ends after {took:.1f} s")
        done = json.loads(out)
        assert process.returncode == 3
        assert [host["name"] for host in done["hosts"] if not host["ok"]] == ["gpu-2"]
        assert running.status_of(running.keys[0]) == 200
        assert took < 120
        assert workshop.provision()["ok"]
        workshop.write(hosts=direct)
