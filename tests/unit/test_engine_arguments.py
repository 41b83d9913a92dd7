"""Arguments that say what the spec has a field for: heeded by the plan, or refused with that field."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engines.registry import all_engines
from orchestrator.errors import SpecError
from orchestrator.plan.deployment import Backend
from orchestrator.spec.models import Model
from orchestrator.workflow.wanted.desired import planned
from tests.unit.spec_samples import spec_of, with_models

SOURCES = {"llamacpp": "o/r/f.gguf", "ollama": "m:1b"}
GPUS = "hosts: [{name: a, gpus: {count: 4, memory_gib: 80}}]\n"


def spec_text(engine: str, more: str) -> str:
    return with_models(f"name: m, engine: {engine}, source: {SOURCES.get(engine, 'o/r')!r}, {more}") + GPUS


def backend(folder: Path, engine: str, more: str) -> Backend:
    (found,) = planned(spec_of(folder, spec_text(engine, more)), {}).backends
    return found


def refused(folder: Path, engine: str, more: str) -> str:
    with pytest.raises(SpecError) as problem:
        spec_of(folder, spec_text(engine, more))
    return str(problem.value)


@pytest.mark.parametrize(
    ("engine", "more", "told"),
    [
        ("vllm", "args: {max_model_len: 131072}", "args.max_model_len: max_model_len says what context says"),
        ("vllm", "args: {max-model-len: 131072}", "Write context: 131072"),
        ("vllm", "args: {max_model: 131072}", "Write context: 131072"),  # argparse takes the first letters for all
        ("vllm", "args: {max_model_len: 32k}", "Use context"),
        ("vllm", "args: {tensor_parallel_size: 2}", "Write gpus: 2"),
        ("vllm", "args: {tp: 2}", "Write gpus: 2"),
        ("vllm", "args: {pipeline_parallel_size: 2}", "Write gpus: 2"),
        ("vllm", "args: {data_parallel_size: 2}", "Write replicas: 2"),
        ("vllm", "args: {tool_call_parser: hermes}", "Use tools"),
        ("vllm", "args: {api_key: sk-x}", "is set by this program. Leave it out"),
        ("vllm", "args: {gpu_memory_utilization: 0.5}, memory_gib: 20", "Leave one of them out"),
        ("vllm", "args: {gpu_memory_utilization: 90}", "expected a number above 0, at most 1"),
        ("vllm", "args: {max_num_seqs: many}", "expected a whole number from 1"),
        ("vllm", "environment: {CUDA_VISIBLE_DEVICES: '1'}", "Use hosts[].gpus"),
        ("sglang", "args: {context_length: 4096}", "Write context: 4096"),
        ("sglang", "args: {tp: 2}", "Write gpus: 2"),
        ("tgi", "args: {max_total_tokens: 4096}", "Write context: 4096"),
        ("tgi", "args: {cuda_memory_fraction: 0.5}", "memory_gib"),
        ("llamacpp", "args: {ctx_size: 8192}", "Write context: 8192"),
        ("llamacpp", "args: {c: 8192}", "Write context: 8192"),
        ("llamacpp", "args: {np: 4}", "Use args: parallel"),
        ("llamacpp", "args: {parallel: 0}", "expected a whole number, 1 to 256"),
        ("llamacpp", "environment: {LLAMA_ARG_CTX_SIZE: '8192'}", "Write context: 8192"),
        ("ollama", "environment: {OLLAMA_CONTEXT_LENGTH: '8192'}", "Write context: 8192"),
        ("ollama", "environment: {OLLAMA_HOST: '127.0.0.1'}", "Leave it out"),
        ("ollama", "args: {num_ctx: 8192}", "Ollama takes no arguments. Its settings are variables: environment"),
    ],
)
def test_what_a_field_says_is_refused_as_an_argument(tmp_path: Path, engine: str, more: str, told: str) -> None:
    assert told in refused(tmp_path, engine, more)


def test_what_is_no_field_is_heeded(tmp_path: Path) -> None:
    four = backend(tmp_path, "llamacpp", "context: 2048, args: {parallel: 4}")
    assert four.container.environment["LLAMA_ARG_CTX_SIZE"] == str(4 * 2048)
    assert four.container.environment["LLAMA_ARG_N_PARALLEL"] == "4"
    assert four.serves
    assert four.serves.requests == 4
    half = backend(
        tmp_path, "vllm", "size: {weights_gib: 16, kv_kib_per_token: 128}, args: {gpu_memory_utilization: 0.5}"
    )
    assert half.memory_gib == 40
    few = backend(tmp_path, "vllm", "size: {weights_gib: 16, kv_kib_per_token: 128}, args: {max_num_seqs: 3}")
    assert few.serves
    assert few.serves.requests == 3


@pytest.mark.parametrize("engine", [name for name, engine in all_engines().items() if engine.said_by_fields])
def test_each_named_field_is_one(engine: str) -> None:
    named = {*all_engines()[engine].said_by_fields.values()} - {"", "args: parallel"}
    assert named <= Model.model_fields.keys()
