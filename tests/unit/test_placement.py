"""Which replica goes on which host and GPUs, and what is said when one does not fit."""

from __future__ import annotations

import pytest

from orchestrator.plan.placement import place
from orchestrator.spec.models import Engine, Model
from orchestrator.spec.sections import Gpus, Host


def host(name: str, gpus: int = 0, memory: float | None = None) -> Host:
    return Host(name=name, roles=["inference"], gpus=Gpus(count=gpus, memory_gib=memory))


def model(name: str, **fields: object) -> Model:
    return Model.model_validate({"name": name, "engine": Engine.VLLM, "source": "o/r", **fields})


def test_replicas_of_a_model_are_spread_over_hosts() -> None:
    placed, unplaced = place([model("m", replicas=2)], [host("a", 2), host("b", 2)])
    assert [(p.host.name, p.gpus) for p in placed] == [("a", (0,)), ("b", (0,))]
    assert unplaced == ()


def test_a_replica_with_several_gpus_gets_them_on_one_host() -> None:
    placed, _ = place([model("big", gpus=2), model("small")], [host("a", 1), host("b", 2)])
    assert {p.model.name: (p.host.name, p.gpus) for p in placed} == {"big": ("b", (0, 1)), "small": ("a", (0,))}


def test_models_share_a_gpu_when_their_memory_fits_and_know_their_share() -> None:
    models = [model("a", memory_gib=12), model("b", memory_gib=10), model("c", memory_gib=3)]
    placed, unplaced = place(models, [host("gpu", 1, 24)])
    assert [(p.model.name, p.gpus, p.share) for p in placed] == [("a", (0,), 0.5), ("b", (0,), 0.41)]
    assert [lack.model.name for lack in unplaced] == ["c"]


def test_a_whole_gpu_has_no_share() -> None:
    placed, _ = place([model("m")], [host("gpu", 1, 24)])
    assert placed[0].share is None


def test_a_pinned_model_goes_to_its_host_or_nowhere() -> None:
    placed, _ = place([model("m", host="b")], [host("a", 4), host("b", 1)])
    assert placed[0].host.name == "b"
    _, unplaced = place([model("m", host="b", replicas=2)], [host("a", 4), host("b", 1)])
    assert "replica 2 of 2 does not fit: b has 0 of 1 GPUs" in unplaced[0].reason


def test_what_is_lacking_is_told_host_by_host() -> None:
    _, unplaced = place([model("m", gpus=2, memory_gib=40)], [host("a", 1, 80), host("b", 2, 24)])
    assert unplaced[0].reason == (
        "replica 1 of 1 does not fit: a has 1 of 2 GPUs with 40 GiB free; b has 0 of 2 GPUs with 40 GiB free"
    )


@pytest.mark.parametrize(("gpus", "expected"), [(0, ()), (1, (0,))])
def test_ollama_takes_a_gpu_where_there_is_one(gpus: int, expected: tuple[int, ...]) -> None:
    placed, _ = place([model("m", engine=Engine.OLLAMA)], [host("a", gpus)])
    assert placed[0].gpus == expected


def test_an_external_model_needs_no_host() -> None:
    external = model("m", engine=Engine.EXTERNAL, base_url="https://api.example.org/v1")
    assert place([external], []) == ((), ())


def test_a_host_without_the_role_gets_nothing() -> None:
    front = Host(name="front", roles=["gateway", "webui"], gpus=Gpus(count=8))
    _, unplaced = place([model("m")], [front])
    assert "no host has the role inference" in unplaced[0].reason
