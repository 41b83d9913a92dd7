"""A class that is larger than what its models can serve at once is told so, with the figures that it was reckoned with."""

from __future__ import annotations

from pathlib import Path

from orchestrator.identity.participant import Participant
from orchestrator.plan.crowd import at_once, crowd_remarks
from orchestrator.workflow.wanted.desired import planned
from tests.unit.spec_samples import spec_of, with_models

LLAMA = "name: m, engine: vllm, source: meta-llama/Llama-3.1-8B-Instruct, context: 8192"
HOST = "hosts: [{name: a, gpus: {count: 2, memory_gib: 24}}]\n"
PEOPLE = [Participant(f"p{n:02}", team="staff" if n < 4 else None) for n in range(40)]


def said(folder: Path, model: str, more: str = "") -> tuple[str, ...]:
    spec = spec_of(folder, with_models(model) + HOST + more)
    return crowd_remarks(spec, planned(spec, {}), PEOPLE)


def test_a_class_that_asks_for_more_than_a_model_serves_is_told(tmp_path: Path) -> None:
    (line,) = said(tmp_path, LLAMA)
    assert line == (
        "workshop.yaml:5: m can serve about 7 at once (requests of 4096 tokens), and 10 of 40 people may ask in the"
        " same moment (capacity.at_once: 0.25): the others wait"
    )


def test_replicas_a_smaller_share_or_shorter_requests_are_enough(tmp_path: Path) -> None:
    assert said(tmp_path, LLAMA + ", replicas: 2") == ()
    assert said(tmp_path, LLAMA, "capacity: {at_once: 0.1}\n") == ()
    assert said(tmp_path, LLAMA, "capacity: {request_tokens: 2048}\n") == ()


def test_only_those_who_may_use_a_model_count(tmp_path: Path) -> None:
    assert said(tmp_path, LLAMA + ", teams: [staff]", "capacity: {at_once: 1}\n") == ()


def test_what_cannot_be_reckoned_is_not_held_against_a_class(tmp_path: Path) -> None:
    assert said(tmp_path, "name: m, engine: vllm, source: o/r") == ()
    spec = spec_of(tmp_path, with_models("name: m, engine: vllm, source: o/r, replicas: 2") + HOST)
    assert at_once(planned(spec, {}), "m") is None


def test_practice_mode_promises_nothing(tmp_path: Path) -> None:
    assert said(tmp_path, LLAMA, "practice: true\n") == ()
