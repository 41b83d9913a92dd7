"""What the plan reckons with when it says how many people a model can serve at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.spec.section import Section


class Capacity(Section):
    """What the plan assumes when it says how many people a model can serve at once."""

    request_tokens: Annotated[int, Field(ge=64, le=10_000_000)] = 4096
    """Tokens of one request, prompt and answer together; where a model's context is smaller, its context counts."""
    at_once: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.25
    """The share of all participants who ask in the same moment; the plan warns where a model can't serve as many."""


class Size(Section):
    """How big a model is, where neither its files nor the table of common models tell."""

    weights_gib: Annotated[float, Field(gt=0, strict=False)] | None = None
    """All weights of one replica, in GiB; with several GPUs they are split evenly."""
    kv_kib_per_token: Annotated[float, Field(gt=0, strict=False)] | None = None
    """What one token takes in the KV cache, over all layers and heads, in KiB; with several GPUs split evenly."""
