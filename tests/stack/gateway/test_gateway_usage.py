"""Usage: every request of a real gateway is collected once, whatever happens to its log in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from orchestrator.errors import HostError
from orchestrator.fleet.docker_host import ContainerState, DockerHost
from orchestrator.fleet.gateway_log import GatewayLog
from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import DATA_DIR, GatewayConfig, RoutedModel, Server, Upstream
from orchestrator.usage.collect import collect_file
from orchestrator.usage.store import UsageStore
from tests.unit.gateway_bed import Gateway

ALWAYS = 0  # bytes from which on the log is rotated
NEVER = 1 << 40


@dataclass
class Collector:
    """`workshop usage` without a workshop around it."""

    gateway: Gateway
    engine: docker.DockerClient
    file: Path

    def collect(self, rotate_bytes: int = NEVER) -> int:
        """How many requests are known now."""
        self.gateway.container.reload()
        state = self.gateway.container.status
        container = ContainerState(
            self.gateway.container.id, "gateway", "gateway", "gateway", None, state, None, "", "", "", 0, ""
        )
        log = GatewayLog(DockerHost(self.engine, "here"), container, rotate_bytes=rotate_bytes)
        with UsageStore.open(self.file) as store:
            with log.files() as files:
                ends = {name: collect_file(store, file) for name, file in files.items()}
            log.tidy(ends)
            return store.requests()

    def ids(self) -> set[str]:
        with UsageStore.open(self.file) as store:
            return {row["id"] for row in store.rows("SELECT id FROM requests")}

    def wait_for(self, ids: set[str], rotate_bytes: int = NEVER) -> None:
        """A line is written a moment after its answer."""

        def there() -> bool:
            self.collect(rotate_bytes)
            return ids <= self.ids()

        self.gateway.until(there)

    def logs(self) -> list[str]:
        return [name for name in self.gateway.run("ls", DATA_DIR).split() if name.startswith("access")]


@pytest.fixture
def own(start_gateway: Callable[[GatewayConfig], Gateway], stubs: tuple[str, str]) -> Gateway:
    """A gateway that nobody else looks at."""
    config = GatewayConfig(
        workshop="usage",
        title="Usage",
        callers=(
            Caller("ada", (fingerprint("sk-ada"),), ("stub",)),
            Caller("bob", (fingerprint("sk-bob"),), ("stub",), limits=CallerLimits(requests_per_minute=1)),
        ),
        models=(RoutedModel("stub", ("stub",), "llamacpp"),),
        upstreams=(Upstream("stub", (Server(stubs[0], 8000),), "stub"),),
    )
    return start_gateway(config)


@pytest.fixture
def collector(own: Gateway, engine: docker.DockerClient, tmp_path: Path) -> Collector:
    return Collector(own, engine, tmp_path / "usage.sqlite3")


def asked(gateway: Gateway, who: str = "ada") -> str:
    """Ask, and give the request's id."""
    return str(gateway.chat(who).headers["x-request-id"])


def test_every_request_is_there_once_with_what_it_cost(collector: Collector) -> None:
    gateway = collector.gateway
    ids = {asked(gateway), asked(gateway, "bob"), asked(gateway, "bob"), asked(gateway, "nobody")}
    collector.wait_for(ids)

    assert collector.collect() == len(ids) == 4
    with UsageStore.open(collector.file) as store:
        rows = store.rows(
            "SELECT participant, status, error, prompt_tokens > 0 AS cost, ttft_ms >= 0 AS ttft FROM requests"
        )
    assert sorted(tuple(row) for row in rows if row["status"] == 200) == [
        ("ada", 200, None, 1, 1),
        ("bob", 200, None, 1, 1),
    ]
    assert {row["status"] for row in rows} == {200, 401, 429}
    assert all(row["error"] and row["cost"] is None for row in rows if row["status"] != 200)


def test_the_log_of_a_stopped_gateway_is_collected_too(collector: Collector) -> None:
    gateway = collector.gateway
    before = {asked(gateway) for _ in range(3)}
    collector.wait_for(before)
    last = {asked(gateway) for _ in range(3)}
    gateway.container.stop()

    assert collector.collect() == 6
    assert collector.collect() == 6
    assert collector.ids() == before | last


@pytest.mark.full("logs that are cut, rotated or lost; tests/unit/test_usage_collect has the same on files")
def test_the_log_goes_on_after_a_restart_and_after_it_was_removed(collector: Collector) -> None:
    gateway = collector.gateway
    ids = {asked(gateway)}
    collector.wait_for(ids)
    gateway.restart()
    ids |= {asked(gateway)}
    collector.wait_for(ids)
    gateway.run("rm", f"{DATA_DIR}/access.jsonl")
    assert collector.collect() == 2  # and nginx is told to begin a new one
    ids |= {asked(gateway)}
    collector.wait_for(ids)
    assert collector.collect() == 3


@pytest.mark.full("logs that are cut, rotated or lost; tests/unit/test_usage_collect has the same on files")
def test_nothing_is_lost_while_the_log_is_rotated_under_load_and_nginx_reloads(collector: Collector) -> None:
    gateway = collector.gateway
    done = threading.Event()
    collections: list[int] = []

    def rotate() -> None:
        while not done.wait(0.2):
            collections.append(collector.collect(ALWAYS))

    rotating = threading.Thread(target=rotate)
    rotating.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(asked, gateway) for _ in range(200)]
            gateway.reload_files()
            answers += [pool.submit(asked, gateway) for _ in range(200)]
            ids = {answer.result() for answer in answers}
    finally:
        done.set()
        rotating.join()

    collector.wait_for(ids, ALWAYS)
    assert len(ids) == 400
    assert collector.ids() == ids
    assert len(collector.logs()) > 2, "the log was rotated while it was written"
    assert collections == sorted(collections)


@pytest.mark.full("logs that are cut, rotated or lost; tests/unit/test_usage_collect has the same on files")
def test_a_stream_that_outlives_a_reload_and_a_rotation_is_counted(collector: Collector) -> None:
    """Its worker is an old one that only finishes what it has."""
    gateway = collector.gateway
    asked(gateway)
    body = {"model": "stub", "stream": True, "stub": {"gap": 0.2, "events": 15}}
    connection = gateway.connect()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": "Bearer sk-ada"})
    response = connection.getresponse()
    assert response.read1(65536)
    gateway.reload_files()
    collector.collect(ALWAYS)
    collector.collect(ALWAYS)
    response.read()
    connection.close()

    collector.wait_for({str(response.headers["x-request-id"])})


@pytest.mark.full("logs that are cut, rotated or lost; tests/unit/test_usage_collect has the same on files")
def test_a_rotation_that_was_killed_halfway_is_finished(collector: Collector) -> None:
    gateway = collector.gateway
    ids = {asked(gateway)}
    gateway.run("mv", f"{DATA_DIR}/access.jsonl", f"{DATA_DIR}/access-1.jsonl")
    ids |= {asked(gateway)}
    collector.wait_for(ids)
    gateway.until(lambda: "access.jsonl" in collector.logs())
    ids |= {asked(gateway)}
    collector.wait_for(ids)
    assert collector.ids() == ids
    assert sorted(collector.logs()) == ["access-1.jsonl", "access.jsonl"]


@pytest.mark.full("logs that are cut, rotated or lost; tests/unit/test_usage_collect has the same on files")
def test_an_old_log_is_removed_once_it_is_collected_and_quiet(collector: Collector) -> None:
    gateway = collector.gateway
    ids = {asked(gateway)}
    collector.wait_for(ids, ALWAYS)
    (old,) = set(collector.logs()) - {"access.jsonl"}
    collector.collect()
    assert old in collector.logs(), "somebody may still be writing into it"

    gateway.run("sh", "-c", f"echo 'not a line' >> {DATA_DIR}/{old}; printf unfinished > {DATA_DIR}/access-2.jsonl")
    gateway.run("touch", "-d", "1 hour ago", f"{DATA_DIR}/{old}", f"{DATA_DIR}/access-2.jsonl")
    collector.collect()

    assert old not in collector.logs()
    assert "access-2.jsonl" in collector.logs(), "it was not collected"
    assert collector.ids() == ids
    with UsageStore.open(collector.file) as store:
        assert store.unreadable() == 1


@pytest.mark.full("logs that are cut, rotated or lost; tests/unit/test_usage_collect has the same on files")
def test_a_log_that_cannot_be_read_is_one_line(collector: Collector) -> None:
    collector.gateway.run(
        "sh", "-c", f"mv {DATA_DIR}/access.jsonl {DATA_DIR}/x && ln -s nowhere {DATA_DIR}/access-1.jsonl"
    )
    container = ContainerState(
        collector.gateway.container.id, "g", "gateway", "gateway", None, "running", None, "", "", "", 0, ""
    )
    log = GatewayLog(DockerHost(collector.engine, "here"), container)
    with log.files() as files:
        assert "access-1.jsonl" not in files
    with pytest.raises(HostError, match="could not be read"):
        list(log._output(["tail", "nothing-there"]))
