"""Where each replica goes: GPUs and their memory are shared out, replicas spread, and what has no room is told in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.plan.placement import Placed, Unplaced, place
from orchestrator.spec.hosts import Gpus, Host
from orchestrator.spec.models import Model
from orchestrator.workflow.wanted.desired import planned
from tests.unit.spec_samples import spec_of, with_models


def host(name: str, gpus: int = 0, memory: float | None = None) -> Host:
    return Host(name=name, roles=["inference"], gpus=Gpus(count=gpus, memory_gib=memory))


def model(name: str, **fields: object) -> Model:
    return Model.model_validate({"name": name, "engine": "vllm", "source": "o/r", **fields})


def spread(models: Sequence[Model], hosts: Sequence[Host]) -> tuple[tuple[Placed, ...], tuple[Unplaced, ...]]:
    found = place(models, hosts)
    return found.placed, found.unplaced


def test_replicas_of_a_model_are_spread_over_hosts() -> None:
    placed, unplaced = spread([model("m", replicas=2)], [host("a", 2), host("b", 2)])
    assert [(p.host.name, p.gpus) for p in placed] == [("a", (0,)), ("b", (0,))]
    assert unplaced == ()


def test_a_replica_with_several_gpus_gets_them_on_one_host() -> None:
    placed, _ = spread([model("big", gpus=2), model("small")], [host("a", 1), host("b", 2)])
    assert {p.model.name: (p.host.name, p.gpus) for p in placed} == {"big": ("b", (0, 1)), "small": ("a", (0,))}


def test_models_share_a_gpu_when_their_memory_fits_and_know_their_share() -> None:
    models = [model("a", memory_gib=12), model("b", memory_gib=10), model("c", memory_gib=3)]
    placed, unplaced = spread(models, [host("gpu", 1, 24)])
    assert [(p.model.name, p.gpus, p.share) for p in placed] == [("a", (0,), 0.5), ("b", (0,), 0.41)]
    assert [lack.model.name for lack in unplaced] == ["c"]


def test_a_whole_gpu_has_no_share() -> None:
    placed, _ = spread([model("m")], [host("gpu", 1, 24)])
    assert placed[0].share is None


def test_a_pinned_model_goes_to_its_host_or_nowhere() -> None:
    placed, _ = spread([model("m", host="b")], [host("a", 4), host("b", 1)])
    assert placed[0].host.name == "b"
    _, unplaced = spread([model("m", host="b", replicas=2)], [host("a", 4), host("b", 1)])
    assert "replica 2 of 2 does not fit: b has 0 of 1 GPUs" in unplaced[0].reason


def test_what_is_lacking_is_told_host_by_host() -> None:
    _, unplaced = spread([model("m", gpus=2, memory_gib=40)], [host("a", 1, 80), host("b", 2, 24)])
    assert unplaced[0].reason == (
        "replica 1 of 1 does not fit: a has 1 of 2 GPUs with 40 GiB free; b has 0 of 2 GPUs with 40 GiB free (16 GiB short)"
    )


@pytest.mark.parametrize(("gpus", "expected"), [(0, ()), (1, (0,))])
def test_ollama_takes_a_gpu_where_there_is_one(gpus: int, expected: tuple[int, ...]) -> None:
    placed, _ = spread([model("m", engine="ollama")], [host("a", gpus)])
    assert placed[0].gpus == expected


def test_an_external_model_needs_no_host() -> None:
    external = model("m", engine="external", base_url="https://api.example.org/v1")
    assert spread([external], []) == ((), ())


def test_a_host_without_the_role_gets_nothing() -> None:
    front = Host(name="front", roles=["gateway", "webui"], gpus=Gpus(count=8))
    _, unplaced = spread([model("m")], [front])
    assert "no host has the role inference" in unplaced[0].reason


# what comes of it in a whole plan


TWO_HOSTS = """\
hosts:
  - {name: front, address: 10.0.0.1, roles: [gateway, webui]}
  - {name: a, address: 10.0.0.2, roles: [inference], gpus: {count: 2, memory_gib: 24}}
  - {name: b, address: 10.0.0.3, roles: [inference], gpus: {count: 2, memory_gib: 24}}
"""


def placed(folder: Path, hosts: str, *models: str) -> list[tuple[str, str, tuple[int, ...]]]:
    """Model, host and GPUs of each replica."""
    deployment = planned(spec_of(folder, with_models(*models) + hosts), {})
    return [(backend.model, backend.host, backend.gpus) for backend in deployment.backends]


def refused(folder: Path, hosts: str, *models: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        placed(folder, hosts, *models)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_vllm_is_told_the_share_of_the_gpu_that_is_its_own(tmp_path: Path) -> None:
    host = "hosts: [{name: a, gpus: {count: 1, memory_gib: 24}}]\n"
    models = [f"name: {name}, engine: vllm, source: o/m, memory_gib: 12" for name in ("m", "n")]
    assert placed(tmp_path, host, *models) == [("m", "a", (0,)), ("n", "a", (0,))]
    deployment = planned(spec_of(tmp_path, with_models(*models) + host), {})
    commands = [backend.container.command for backend in deployment.backends]
    assert [command[command.index("--gpu-memory-utilization") + 1] for command in commands] == ["0.5", "0.5"]


def test_a_share_is_never_nothing(tmp_path: Path) -> None:
    host = "hosts: [{name: a, gpus: {count: 1, memory_gib: 24}}]\n"
    text = with_models("name: m, engine: vllm, source: o/m, memory_gib: 0.1") + host
    (backend,) = planned(spec_of(tmp_path, text), {}).backends
    command = backend.container.command
    assert command[command.index("--gpu-memory-utilization") + 1] == "0.01"


def test_a_model_whose_memory_is_not_known_gets_a_gpu_for_itself(tmp_path: Path) -> None:
    host = "hosts: [{name: a, gpus: {count: 2, memory_gib: 24}}]\n"
    models = ["name: m, engine: vllm, source: o/m", "name: n, engine: vllm, source: o/m, memory_gib: 1"]
    assert sorted(gpus for _, _, gpus in placed(tmp_path, host, *models)) == [(0,), (1,)]


def test_what_does_not_fit_is_told_with_the_line_of_its_model(tmp_path: Path) -> None:
    models = ["name: n, engine: ollama, source: x", "name: m, engine: vllm, source: o/m, memory_gib: 40"]
    (line,) = refused(tmp_path, TWO_HOSTS, *models)
    assert line.startswith(
        "workshop.yaml:6:5: m: replica 1 of 1 does not fit: a has 0 of 1 GPUs with 40 GiB free (16 GiB short); b has 0 of"
        " 1 GPUs with 40 GiB free (16 GiB short). Lower replicas, gpus or memory_gib, or add a host"
    )


def test_all_models_without_room_are_told_at_once(tmp_path: Path) -> None:
    models = [f"name: {name}, engine: vllm, source: o/m, replicas: 3" for name in ("m", "n")]
    lines = refused(tmp_path, TWO_HOSTS, *models)
    assert ["replica" in line for line in lines] == [True]
    lines = refused(tmp_path, "hosts: [{name: a}]\n", *models)
    assert [line.split(": ")[1] for line in lines] == ["m", "n"]


def test_practice_mode_needs_no_gpu(tmp_path: Path) -> None:
    text = with_models("name: m, engine: vllm, source: o/m, gpus: 8, replicas: 2") + TWO_HOSTS + "practice: true\n"
    deployment = planned(spec_of(tmp_path, text), {})
    assert [(backend.host, backend.gpus) for backend in deployment.backends] == [("here", ()), ("here", ())]


def test_fifty_hosts_and_a_hundred_replicas_are_placed(tmp_path: Path) -> None:
    hosts = "hosts:\n  - {name: front, roles: [gateway, webui]}\n" + "".join(
        f"  - {{name: g{n}, address: 10.0.1.{n}, roles: [inference], gpus: {{count: 2, memory_gib: 80}}}}\n"
        for n in range(50)
    )
    models = [f"name: m{n}, engine: vllm, source: o/m, replicas: 10" for n in range(10)]
    found = placed(tmp_path, hosts, *models)
    assert len({(host, gpu) for _, host, gpus in found for gpu in gpus}) == 100


def test_a_model_is_not_split_over_slices_of_gpus() -> None:
    """CUDA shows a program one of them at most."""
    cut = Host(name="a", roles=["inference"], gpus=Gpus(count=3, memory_gib=20, devices=["MIG-1", "MIG-2", "GPU-3"]))
    placed, unplaced = spread([model("one", memory_gib=10), model("two", gpus=2)], [cut])
    assert [p.model.name for p in placed] == ["one"]
    assert "a has 1 of 2 GPUs (a model can't be split over slices of a GPU)" in unplaced[0].reason
    whole = Host(name="a", roles=["inference"], gpus=Gpus(count=3, memory_gib=20, devices=["MIG-1", "GPU-2", "GPU-3"]))
    assert spread([model("two", gpus=2)], [whole])[0][0].gpus == (1, 2)
