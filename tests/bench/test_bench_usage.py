"""200,000 lines of the gateway's log, out of a container into the state, and the table made of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import docker

from orchestrator.fleet.docker_host import ContainerState, DockerHost
from orchestrator.fleet.gateway_log import GatewayLog
from orchestrator.plan.gateway import DATA_DIR
from orchestrator.spec.components import Component
from orchestrator.usage.collect import collect_file
from orchestrator.usage.report import By, Question
from orchestrator.usage.report import report as add_up
from orchestrator.usage.store import UsageStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.conftest import Report

LINES, PEOPLE = 200_000, 200
RUNS = 3


def line(number: int) -> str:
    document = {
        "time": f"2026-12-01T{number * 8 // LINES + 9:02}:{number // 60 % 60:02}:{number % 60:02}+00:00",
        "participant": f"p{number % PEOPLE:03}",
        "via": "_webui" if number % 2 else None,
        "method": "POST",
        "path": "/v1/chat/completions",
        "model": f"model-{number % 5}",
        "upstream": f"model-{number % 5}",
        "backend": f"model-{number % 5}-1",
        "attempts": 1,
        "status": 429 if number % 50 == 0 else 200,
        "error": "rate_limit_exceeded" if number % 50 == 0 else None,
        "prompt_tokens": number % 1000,
        "completion_tokens": number % 300,
        "estimated": False,
        "ttft": number % 997 / 1000,
        "complete": True,
        "duration": 1.234,
        "bytes": 4321,
        "id": f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}",
    }
    return json.dumps(document, separators=(",", ":"))


def test_usage(report: Report, image: Callable[[Component], str], engine: docker.DockerClient, tmp_path: Path) -> None:
    (tmp_path / "access.jsonl").write_text("".join(f"{line(number)}\n" for number in range(LINES)), encoding="utf-8")
    container = engine.containers.create(
        image(Component("gateway")),
        ["sleep", "600"],
        labels={"workshop.test": "1"},
        volumes={str(tmp_path): {"bind": DATA_DIR, "mode": "rw"}},
    )
    try:
        container.start()
        state = ContainerState(container.id, "g", "gateway", "gateway", None, "running", None, "", "", "", 0, "")
        log = GatewayLog(DockerHost(engine, "here"), state)
        collecting, showing = [], []
        for number in range(RUNS):
            with UsageStore.open(tmp_path / f"usage-{number}.sqlite3") as store:
                begun = time.perf_counter()
                with log.files() as files:
                    collect_file(store, files["access.jsonl"])
                collecting.append(time.perf_counter() - begun)
                assert store.requests() == LINES
                begun = time.perf_counter()
                rows = add_up(store, Question(by=(By.PARTICIPANT, By.MODEL), names={}))
                showing.append(time.perf_counter() - begun)
                assert sum(row.requests for row in rows) == LINES
    finally:
        container.remove(force=True)
    report(f"{LINES:,} lines of the gateway's log collected", "s", collecting)
    report(f"{LINES:,} requests added up by participant and model", "s", showing)
