"""Engines that serve a fixed number of requests at once, each with a context of its own. Pure."""

from __future__ import annotations

from orchestrator.engines.capacity import Allotment, Serves
from orchestrator.engines.engine import Engine
from orchestrator.engines.host_memory import HostMemory, of_slots
from orchestrator.engines.size import ModelSize
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.models import Model

LEAST, MOST = 2, 16  # that are batched; memory grows with each
AHEAD = 768
"""Tokens kept beyond a sliding window: a batch of 512, rounded up to 256. src/llama-kv-cache-iswa.cpp of llama.cpp"""
CONTEXT = 4096  # tokens that this program asks for where the spec says nothing


class SlotEngine(Engine):
    """A quarter of the room asks at once."""

    def parallel(self, model: Model, heads: int) -> int:
        return min(MOST, max(LEAST, -(-heads // (4 * model.replicas))))

    def least_kv(
        self, model: Model, size: ModelSize, gpus: int, assumed: Capacity, heads: int
    ) -> tuple[float | None, str]:
        slots, each = self.parallel(model, heads), context_of(model)
        return self._kv(model, size, gpus, slots), f"{slots} slots of {each} tokens"

    def host_memory(self, model: Model, size: ModelSize, gpus: int, given: Allotment) -> HostMemory:
        kv = self._kv(model, size, max(1, gpus), self.parallel(model, given.heads))
        return of_slots(size, gpus, kv, self.kept_on_host(model, gpus))

    def _kv(self, model: Model, size: ModelSize, gpus: int, slots: int) -> float | None:
        """Bytes of all slots on each GPU, or on the CPU; None: not known."""
        slot = size.kv(context_of(model), gpus, self.kv_width(model), AHEAD)
        return None if slot is None else slots * slot

    def serves(self, model: Model, size: ModelSize, given: Allotment) -> Serves:
        slots, each = self.parallel(model, given.heads), context_of(model)
        return Serves(slots, each, slots * each, "its slots", most=slots)


def context_of(model: Model) -> int:
    """Tokens of each slot."""
    return model.context or CONTEXT
