"""The settings of llama.cpp's server, tools/server/README.md, which practice mode starts for others too. Pure."""

from __future__ import annotations

from orchestrator.engines.arguments import EVERYWHERE


def slots(context: int, parallel: int, cache_mib: int) -> dict[str, str]:
    """llama-server shares its context over the slots, so each slot gets `context` tokens.

    It keeps prompts in the host's memory beside that, up to `cache_mib`; its own default is 8 GiB.
    """
    return {
        "LLAMA_ARG_HOST": EVERYWHERE,
        "LLAMA_ARG_PORT": "8080",
        "LLAMA_ARG_CTX_SIZE": str(context * parallel),
        "LLAMA_ARG_N_PARALLEL": str(parallel),
        "LLAMA_ARG_CACHE_RAM": str(cache_mib),
        "LLAMA_ARG_ENDPOINT_METRICS": "1",
    }


def embeds(context: int) -> dict[str, str]:
    """A text is embedded in one batch: one that is longer than the batch is refused."""
    return {"LLAMA_ARG_EMBEDDINGS": "1", "LLAMA_ARG_BATCH": str(context), "LLAMA_ARG_UBATCH": str(context)}
