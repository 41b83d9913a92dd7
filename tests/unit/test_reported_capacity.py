"""What vLLM prints of its KV cache is read from its log and its metrics, of this version and older ones."""

from __future__ import annotations

import pytest

from orchestrator.plan.reported import Reported, from_log, from_metrics

CPU = (  # vLLM 0.32 on a CPU, in practice mode
    "(EngineCore pid=27) INFO 11-21 12:33:30 [kv_cache_utils.py:2327] CPU KV cache size: 2,097,152 tokens,"
    " Maximum concurrency for 2,048 tokens per request: 1024.00x\n"
)
OLDER = (  # https://github.com/vllm-project/vllm/pull/17122
    "INFO 04-24 16:33:13 [kv_cache_utils.py:634] GPU KV cache size: 158,656 tokens\n"
    "INFO 04-24 16:33:13 [kv_cache_utils.py:637] Maximum concurrency for 32,768 tokens per request: 4.84x\n"
)
METRICS = """\
# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{block_size="128",cache_dtype="auto",engine="0",kv_cache_max_concurrency="1024.0",\
kv_cache_size_tokens="2097152",num_gpu_blocks="16384"} 1.0
vllm:num_requests_running{engine="0",model_name="m"} 0.0
"""
BLOCKS = 'vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="5691"} 1.0\n'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CPU, Reported(2_097_152, 1024.0)),
        (OLDER, Reported(158_656, 4.84)),
        (OLDER + CPU, Reported(2_097_152, 1024.0)),
        ("GPU KV cache size: 7 tokens", Reported(7, None)),
        ("INFO Starting", None),
        ("", None),
    ],
)
def test_the_last_start_in_a_log_counts(text: str, found: Reported | None) -> None:
    assert from_log(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (METRICS, Reported(2_097_152, 1024.0)),
        (BLOCKS, Reported(91_056, None)),
        (METRICS + METRICS.replace('engine="0"', 'engine="1"'), Reported(4_194_304, 2048.0)),
        (METRICS.replace("2097152", "None"), None),
        (BLOCKS.replace("5691", "None"), None),
        (BLOCKS.replace("5691", "many"), None),
        ("vllm:num_requests_running 0.0", None),
        ("<html>", None),
    ],
)
def test_metrics_give_the_tokens_or_nothing(text: str, found: Reported | None) -> None:
    assert from_metrics(text) == found


def test_requests_are_those_that_the_tokens_hold() -> None:
    assert Reported(8191, None).requests(4096) == 1
