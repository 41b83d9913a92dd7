"""What vLLM prints of its KV cache is read from its metrics, of this version and older ones."""

from __future__ import annotations

import pytest

from orchestrator.engines.reported import Reported, from_metrics

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
        (METRICS, Reported(2_097_152)),
        (BLOCKS, Reported(91_056)),
        (METRICS + METRICS.replace('engine="0"', 'engine="1"'), Reported(4_194_304)),
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
    assert Reported(8191).requests(4096) == 1
