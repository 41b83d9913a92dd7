"""What a replica needs of its GPUs, and how many requests it can serve at once, as values. Pure.

docs/capacity.md has the sums with an example. Where a part of it is not known the answer is None, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.engines.size import ModelSize, gib
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.models import Model

LEAST_REQUESTS = 2
"""Requests that a replica must be able to serve at once to be worth placing."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of each GPU of one replica; None: not known."""

    weights: float | None
    overhead: float
    kv: float | None
    kv_for: str = ""  # what that is for, in words

    @property
    def total(self) -> float | None:
        """At least this; without the KV cache where that is not known."""
        return None if self.weights is None else self.weights + self.overhead + (self.kv or 0)


@dataclass(frozen=True, slots=True)
class Serves:
    """What one replica can do at once; `why` is given where `requests` is None."""

    requests: int | None
    request_tokens: int
    kv_tokens: int | None = None  # that its KV cache holds
    origin: str | None = None  # of the model's size
    why: str | None = None
    most: int | None = None  # that the engine takes at once, however much room there is


@dataclass(frozen=True, slots=True)
class Allotment:
    """What one replica is given."""

    budget: float | None  # bytes of each of its GPUs that it may take; None: not known
    gpus: int  # at least 1
    assumed: Capacity  # of requests
    heads: int  # people of the class


def request_tokens(model: Model, size: ModelSize, assumed: Capacity) -> int:
    """Tokens of one request, as assumed."""
    return min(n for n in (assumed.request_tokens, model.context or size.context) if n)


def not_reckoned(size: ModelSize, budget: float | None) -> str | None:
    """Why nothing can be said, whatever the engine; None: it can."""
    if size.lacks:
        return size.lacks
    if size.weights is None:
        return "the size of its weights is not known"
    return "the memory of its GPUs is not known" if budget is None else None


def in_words(needed: Need) -> str:
    """The parts of a sum, for a message."""
    parts = [] if needed.weights is None else [f"{gib(needed.weights)} of weights"]
    parts += [f"{gib(needed.overhead)} for the engine"] if needed.overhead else []
    parts += [f"{gib(needed.kv)} of KV cache for {needed.kv_for}"] if needed.kv else []
    return ", ".join(parts)
