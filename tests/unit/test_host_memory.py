"""What engines take of a host's own memory: reckoned, limited, added up for preflight, and told by the plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.engines.capacity import Allotment
from orchestrator.engines.registry import engine_of
from orchestrator.engines.size import GIB, UNKNOWN, common_models
from orchestrator.plan.deployment import Backend
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.models import Model
from orchestrator.workflow.wanted.desired import planned
from tests.unit.spec_samples import spec_of, with_models

LLAMA = common_models()["meta-llama/Llama-3.1-8B-Instruct"]
WEIGHTS = LLAMA.weights or 0
SOURCES = {"llamacpp": "o/r/f.gguf", "ollama": "m:1b"}
TOKEN = 128 << 10  # bytes of its KV cache


def memory(
    engine: str, gpus: int, budget_gib: float | None = None, **fields: object
) -> tuple[float | None, float | None]:
    """GiB that it holds, and that it is let take at most; a class of 40."""
    model = Model.model_validate({"name": "m", "engine": engine, "source": SOURCES.get(engine, "o/r"), **fields})
    given = Allotment(None if budget_gib is None else budget_gib * GIB, max(1, gpus), Capacity(), heads=40)
    found = engine_of(model).host_memory(model, LLAMA, gpus, given)
    return tuple(part / GIB if part is not None else None for part in (found.holds, found.most))  # type: ignore[return-value]


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tgi"])
def test_an_engine_on_gpus_holds_a_process_for_each_and_passes_the_weights_through(engine: str) -> None:
    assert memory(engine, 1, 22) == (8, 10 + 22)
    assert memory(engine, 2, 22) == (12, 15 + 44)
    assert memory(engine, 1) == (8, 10 + WEIGHTS / GIB)


def test_what_vllm_is_told_to_keep_on_the_host_counts() -> None:
    args = {"cpu_offload_gb": 10, "kv-offloading-size": 4}
    assert memory("vllm", 2, 22, args=args)[0] == 12 + 2 * 10 + 4


@pytest.mark.parametrize(("engine", "prompts"), [("llamacpp", 1), ("ollama", 0)])
def test_an_engine_on_the_cpu_holds_weights_and_slots(engine: str, prompts: int) -> None:
    slots = 10 * 4096 * TOKEN / GIB
    holds = 2 + prompts + WEIGHTS / GIB + slots
    assert list(memory(engine, 0)) == pytest.approx([holds, 1.25 * holds])
    assert list(memory(engine, 1)) == pytest.approx([2 + prompts, 1.25 * (2 + prompts) + WEIGHTS / GIB])


def test_prompts_that_llamacpp_keeps_are_as_many_as_it_is_told() -> None:
    assert (memory("llamacpp", 1, args={"cache_ram": 4096})[0], memory("llamacpp", 1, args={"cache_ram": 0})[0]) == (
        6,
        2,
    )


def test_what_is_not_known_is_not_limited() -> None:
    model = Model(name="m", engine="llamacpp", source="o/r/f.gguf")
    found = engine_of(model).host_memory(model, UNKNOWN, 0, Allotment(None, 1, Capacity(), 40))
    assert (found.holds, found.most, found.limit_mib(4)) == (None, None, None)


def backend(folder: Path, gpus: str, more: str = "") -> Backend:
    size = "size: {weights_gib: 14, kv_kib_per_token: 128}"
    text = with_models(f"name: m, engine: vllm, source: o/r, {size}{more}") + f"hosts: [{{name: a, gpus: {gpus}}}]\n"
    (found,) = planned(spec_of(folder, text), {}).backends
    return found


def test_the_container_gets_the_limit_with_its_shared_memory(tmp_path: Path) -> None:
    found = backend(tmp_path, "{count: 1, memory_gib: 24}")
    assert found.memory_gib == pytest.approx(24 * 0.92)
    assert found.container.shm_gib == 4
    assert found.container.memory_mib == round((10 + 24 * 0.92 + 4) * 1024)
    assert found.holds == 8 * GIB


def test_memory_that_gpus_have_together_with_the_machine_counts_there(tmp_path: Path) -> None:
    own = backend(tmp_path, "{count: 1, memory_gib: 120}")
    shared = backend(tmp_path, "{count: 1, memory_gib: 120, unified: true}")
    assert (shared.holds or 0) - (own.holds or 0) == pytest.approx(120 * 0.92 * GIB)
    assert (shared.container.memory_mib or 0) - (own.container.memory_mib or 0) == pytest.approx(
        120 * 0.92 * 1024, abs=1
    )


def test_in_practice_mode_the_limit_is_what_is_held(tmp_path: Path) -> None:
    text = with_models("name: m, engine: ollama, source: 'm:1b'") + "practice: true\n"
    (found,) = planned(spec_of(tmp_path, text), {}).backends
    assert found.holds == (found.container.memory_mib or 0) << 20
    assert replace(found, container=replace(found.container, memory_mib=None)).holds is None
