"""Where each replica goes: GPUs and their memory are shared out, replicas spread, and what has no room is told in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_samples import spec_of, with_models

from orchestrator.errors import SpecError
from orchestrator.workflow.desired import planned

ROOT = Path(__file__).parents[2]
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


def test_two_models_share_a_gpu_when_their_memory_fits(tmp_path: Path) -> None:
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
        "workshop.yaml:6:5: m: replica 1 of 1 does not fit: a has 0 of 1 GPUs with 40 GiB free; b has 0 of 1 GPUs with 40"
        " GiB free. Lower replicas, gpus or memory_gib, or add a host"
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
