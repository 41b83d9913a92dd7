"""How each engine is started for a model: image, arguments, environment, health, weights. Pure.

Sources: vLLM `vllm serve --help`; Ollama docs/faq.mdx; llama.cpp tools/server/README.md; TGI 3.3.5:
docs/source/reference/launcher.md, Dockerfile, tgi-entrypoint.sh, router/src/server.rs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.plan.deployment import Container, Fetch
from orchestrator.plan.weights import (
    HUGGING_FACE,
    LLAMACPP,
    OLLAMA,
    TGI,
    file_fetch,
    ollama_fetch,
    ollama_models,
    ollama_name,
    on_the_host,
    repository_fetch,
    split_environment,
    weights_file,
)
from orchestrator.spec.components import Component
from orchestrator.spec.models import Engine, Model

TGI_NAME = "tgi"  # any other name would be that of an adapter
OLLAMA_PORT = 11434
LLAMA_SERVER = (  # the project's own image has it in /app, Debian's package elsewhere
    "/bin/sh", "-c", 'exec "$(command -v llama-server || echo /app/llama-server)" "$@"', "llama-server"
)  # fmt: skip

_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DO_NOT_TRACK": "1"}


def real_engine(model: Model, *, gpus: int, share: float | None, parallel: int) -> tuple[Container, Fetch | None, str]:
    """Container, how to fetch the weights, and the model's name at that engine.

    `gpus` of one replica; `share` is the fraction of each GPU's memory that is this replica's (None: all of it);
    `parallel` is how many requests it must expect at once.
    """
    match model.engine:
        case Engine.VLLM:
            return _vllm(model, gpus, share), repository_fetch(model, Component.VLLM, HUGGING_FACE), model.name
        case Engine.TGI:
            return _tgi(model, gpus, share), repository_fetch(model, Component.TGI, TGI), TGI_NAME
        case Engine.OLLAMA:
            return _ollama(model, parallel), ollama_fetch(model), ollama_name(model)
        case Engine.LLAMACPP:
            return _llamacpp(model, gpus, parallel), file_fetch(model, _llamacpp_component(gpus)), model.name
        case Engine.EXTERNAL:
            raise ValueError(model.engine)


def flags(arguments: Mapping[str, object]) -> Iterator[str]:
    """`{"max_num_seqs": 64, "enable_x": True}` as `--max-num-seqs 64 --enable-x`, in the order given."""
    for name, value in arguments.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            yield option
        elif value is False:
            yield option.replace("--", "--no-", 1)
        elif isinstance(value, list):
            yield from (option, *map(str, value))
        else:
            yield from (option, str(value))


def curl_health(port: int, path: str = "/health") -> tuple[str, ...]:
    return ("curl", "-fsS", "-o", "/dev/null", "-m", "3", f"http://127.0.0.1:{port}{path}")


def _vllm(model: Model, gpus: int, share: float | None) -> Container:
    arguments: dict[str, object] = {"host": "0.0.0.0", "port": 8000, "tensor_parallel_size": gpus}  # noqa: S104 - inside its network
    if model.context:
        arguments["max_model_len"] = model.context
    if share is not None:
        arguments["gpu_memory_utilization"] = share
    if model.embeds:
        arguments["runner"] = "pooling"
    arguments |= model.args
    plain, secret = split_environment(model)
    return Container(
        component=Component.VLLM,
        port=8000,
        entrypoint=("vllm", "serve"),
        command=(model.source, "--served-model-name", model.name, *flags(arguments)),
        environment={**_OFFLINE, "VLLM_NO_USAGE_STATS": "1"} | plain,
        secret_environment=secret,
        health=curl_health(8000),
        volumes=(HUGGING_FACE,),
        files=on_the_host(model),
        shm_gib=16 if gpus > 1 else 4,  # NCCL between the GPUs of one replica goes through shared memory
        start_seconds=model.start_timeout,
    )


def _tgi(model: Model, gpus: int, share: float | None) -> Container:
    arguments: dict[str, object] = {
        "port": 80,
        "num_shard": gpus,
        "max_concurrent_requests": 1024,  # beyond it the answer is 429; the gateway has its own limits
        "payload_limit": 32 * 1024 * 1024,  # bytes: images travel inside; its own default is 2 MB
        "usage_stats": "off",
    }
    if model.context:
        arguments["max_total_tokens"] = model.context
    if share is not None:
        arguments["cuda_memory_fraction"] = share
    arguments |= model.args
    given = {name: value for name, value in arguments.items() if value is not False}  # it knows no --no-...
    plain, secret = split_environment(model)
    return Container(
        component=Component.TGI,
        port=80,
        entrypoint=("/tgi-entrypoint.sh",),  # the launcher, with the paths of its Python
        command=("--model-id", model.source, *flags(given)),
        environment=_OFFLINE | plain,
        secret_environment=secret,
        health=curl_health(80),
        volumes=(TGI,),
        files=on_the_host(model),
        shm_gib=16 if gpus > 1 else 4,
        start_seconds=model.start_timeout,
    )


def ollama_environment(context: int | None, parallel: int) -> dict[str, str]:
    """Ollama serves one request at a time unless told otherwise; beyond the queue it answers 503."""
    return {
        "OLLAMA_HOST": f"0.0.0.0:{OLLAMA_PORT}",
        "OLLAMA_NUM_PARALLEL": str(parallel),
        "OLLAMA_CONTEXT_LENGTH": str(context or 4096),
        "OLLAMA_MAX_QUEUE": "1024",
        "OLLAMA_KEEP_ALIVE": "-1",
        "OLLAMA_MAX_LOADED_MODELS": "1",
        "OLLAMA_NO_CLOUD": "1",
    }


def _ollama(model: Model, parallel: int) -> Container:
    plain, secret = split_environment(model)
    return Container(
        component=Component.OLLAMA,
        port=OLLAMA_PORT,
        entrypoint=("/bin/ollama",),
        command=("serve",),
        environment=ollama_environment(model.context, parallel) | plain | ollama_models(model),
        secret_environment=secret,
        health=("ollama", "list"),
        volumes=(OLLAMA,),
        start_seconds=model.start_timeout,
    )


def _llamacpp(model: Model, gpus: int, parallel: int) -> Container:
    path = model.source if model.source.startswith("/") else weights_file(model.source)
    plain, secret = split_environment(model)
    context = model.context or 4096
    environment = {"LLAMA_ARG_MODEL": path} | llamacpp_environment(context, parallel)
    if model.embeds:
        environment |= llamacpp_embeds(context)
    if gpus:
        environment["LLAMA_ARG_N_GPU_LAYERS"] = "999"
    return Container(
        component=_llamacpp_component(gpus),
        port=8080,
        entrypoint=LLAMA_SERVER,
        command=("--alias", model.name, *flags(model.args)),
        environment=environment | plain,
        secret_environment=secret,
        health=curl_health(8080),
        volumes=(LLAMACPP,),
        files=on_the_host(model),
        start_seconds=model.start_timeout,
    )


def llamacpp_environment(context: int, parallel: int) -> dict[str, str]:
    """llama-server shares its context over the slots, so each slot gets `context` tokens."""
    return {
        "LLAMA_ARG_HOST": "0.0.0.0",  # noqa: S104 - inside its network
        "LLAMA_ARG_PORT": "8080",
        "LLAMA_ARG_CTX_SIZE": str(context * parallel),
        "LLAMA_ARG_N_PARALLEL": str(parallel),
        "LLAMA_ARG_ENDPOINT_METRICS": "1",
    }


def llamacpp_embeds(context: int) -> dict[str, str]:
    """A text is embedded in one batch: one that is longer than the batch is refused."""
    return {"LLAMA_ARG_EMBEDDINGS": "1", "LLAMA_ARG_BATCH": str(context), "LLAMA_ARG_UBATCH": str(context)}


def _llamacpp_component(gpus: int) -> Component:
    return Component.LLAMACPP_CUDA if gpus else Component.LLAMACPP
