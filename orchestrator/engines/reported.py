"""What vLLM itself says of its KV cache once it runs, in its metrics. Pure.

Source: vllm/v1/metrics/loggers.py of 0.32.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_METRIC = re.compile(r"^vllm:cache_config_info\{(.*)\} ", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Reported:
    tokens: int  # that the cache holds

    def requests(self, request_tokens: int) -> int:
        """Requests of so many tokens that it holds at once."""
        return self.tokens // request_tokens


def from_metrics(text: str) -> Reported | None:
    """Of /metrics; None where it does not say."""
    found = [dict(_LABEL.findall(match[1])) for match in _METRIC.finditer(text)]
    tokens = [_tokens(labels) for labels in found]
    known = [number for number in tokens if number]
    if not found or len(known) != len(found):
        return None
    return Reported(sum(known))


def _tokens(labels: dict[str, str]) -> int | None:
    """Older versions give blocks only; their product is right where all layers keep tokens alike."""
    said = _number(labels.get("kv_cache_size_tokens"))
    if said:
        return int(said)
    if "kv_cache_size_tokens" in labels:
        return None
    blocks, size = _number(labels.get("num_gpu_blocks")), _number(labels.get("block_size"))
    return int(blocks * size) if blocks and size else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
