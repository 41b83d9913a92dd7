"""What an engine takes of its host's own memory, beside that of GPUs. Pure. docs/capacity.md has the sums."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.engines.size import GIB, MIB, ModelSize

SERVER = 4 * GIB  # the processes that take requests and deal them out
WORKER = 4 * GIB  # of each GPU: https://github.com/vllm-project/vllm/issues/57469 has 3.1 GB that are its own
RUNNER = 2 * GIB  # llama.cpp and what stands around it, with its buffers
SPARE = 1.25  # of what was reckoned: what pieces of memory leave between them


@dataclass(frozen=True, slots=True)
class HostMemory:
    """Bytes: what it `holds` once it is up, and the `most` that it is let take, weights on their way included.

    None: not known, and then there is no limit.
    """

    holds: float | None = None
    most: float | None = None

    def limit_mib(self, shm_gib: int) -> int | None:
        """With its shared memory, which counts beside what processes hold."""
        return None if self.most is None else round((self.most + shm_gib * GIB) / MIB)

    def with_gpus(self, taken: float) -> HostMemory:
        """Where the GPUs' memory is the host's own."""
        return HostMemory(*(None if part is None else part + taken for part in (self.holds, self.most)))


NOT_KNOWN = HostMemory()


def of_gpu_server(size: ModelSize, gpus: int, budget: float | None, more: float) -> HostMemory:
    """A process for each GPU; the weights go through the host's memory, and are no more than what the GPUs can hold.

    `budget`: bytes of each GPU that it may take; `more`: that it was told to keep in the host's memory.
    """
    holds = SERVER + WORKER * gpus + more
    weights = budget * gpus if budget is not None else size.weights
    return HostMemory(holds, None if weights is None else holds * SPARE + weights)


def of_slots(size: ModelSize, gpus: int, kv: float | None, prompts: float) -> HostMemory:
    """`kv`: bytes of all slots; `prompts`: of those that it keeps. On GPUs all of it lies there but for the prompts."""
    if gpus:
        holds = RUNNER + prompts
        return HostMemory(holds, None if size.weights is None else holds * SPARE + size.weights)
    if size.weights is None or kv is None:
        return NOT_KNOWN
    holds = RUNNER + prompts + size.weights + kv
    return HostMemory(holds, holds * SPARE)
