"""Plan and render for the largest class: 1000 participants, 50 hosts. In process, nothing but values and text."""

from __future__ import annotations

import json
import secrets
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.images import ImageChoice, reference_for
from orchestrator.spec.components import COMPONENTS
from orchestrator.spec.loader import load
from orchestrator.workflow.wanted.desired import Desired, desired, planned

if TYPE_CHECKING:
    from tests.bench.conftest import Report

RUNS = 7
PEOPLE, HOSTS = 1000, 50
IMAGES = {component: reference_for(component, ImageChoice()) for component in COMPONENTS}


def spec_text() -> str:
    front = {"name": "front", "address": "10.0.0.1", "roles": ["gateway", "webui"]}
    inference = [
        {
            "name": f"gpu-{number}",
            "address": f"10.0.1.{number}",
            "roles": ["inference"],
            "gpus": {"count": 2, "memory_gib": 80},
        }
        for number in range(1, HOSTS)
    ]
    model: dict[str, Any] = {"engine": "vllm", "source": "mistralai/Mistral-7B-Instruct-v0.3", "memory_gib": 40}
    models = [{**model, "name": f"model-{number}", "replicas": 24} for number in range(1, 4)]
    models += [
        {"name": "llama", "engine": "ollama", "source": "llama3.2:3b", "replicas": 20, "gpus": 1},
        {"name": "staff", "engine": "vllm", "source": "Qwen/Qwen2.5-7B-Instruct", "gpus": 2, "teams": ["staff"]},
    ]
    people = {"count": PEOPLE}
    public = {"host": "llm.example.org"}
    return json.dumps(
        {
            "name": "big",
            "title": "Big",
            "public": public,
            "participants": people,
            "hosts": [front, *inference],
            "models": models,
        }
    )


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def test_plan_and_render(report: Report, tmp_path: Path) -> None:
    file = tmp_path / "workshop.yaml"
    file.write_text(spec_text(), encoding="utf-8")
    spec = load(file)
    secret = secrets.token_bytes(32)
    people = tuple(Participant(f"p{number:04}") for number in range(1, PEOPLE + 1))

    def plan_and_render() -> Desired:
        return desired(
            spec,
            planned(spec, {}),
            Identity(secret, spec.workshop, people),
            deployment_id="0" * 32,
            images=IMAGES,
            cache=tmp_path,
            tls={},
        )

    first = seconds(plan_and_render)  # imports templates, reads the word list
    wanted = plan_and_render()
    assert len(wanted.files) == HOSTS
    assert len(wanted.gateway.callers) > PEOPLE
    policy = json.loads(wanted.files["front"]["gateway/policy.json"].content)
    runs, dumps = zip(
        *((seconds(plan_and_render), seconds(lambda: json.dumps(policy))) for _ in range(RUNS)), strict=True
    )
    report(
        f"plan and render, {PEOPLE} participants, {HOSTS} hosts",
        "s",
        runs,
        floor=1,
        aim=0.3,
        beside=f"the first time {first:.2f} s; reading the file {seconds(lambda: load(file)):.2f} s;"
        f" {statistics.median(runs) / statistics.median(dumps):.0f} times json.dumps of the gateway's policy",
    )
