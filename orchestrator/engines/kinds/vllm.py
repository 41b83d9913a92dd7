"""vLLM: `vllm serve --help`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from orchestrator.engines.arguments import (
    EVERYWHERE,
    OFFLINE,
    argument,
    curl_health,
    flags,
    not_whole,
    number,
    on_the_host,
    split_environment,
    words,
)
from orchestrator.engines.capacity import LEAST_REQUESTS, Allotment, Serves, not_reckoned, request_tokens
from orchestrator.engines.container import MESSAGES, RESPONSES, Container, Served
from orchestrator.engines.engine import Engine, Metrics, PracticeEngine, Start, Unavailable
from orchestrator.engines.image import Recipe
from orchestrator.engines.parsers import Parsers
from orchestrator.engines.practice import CHECKPOINT, CONTEXT, EMBEDS, stand_in, tried_here
from orchestrator.engines.said_elsewhere import SET
from orchestrator.engines.size import GIB, ModelSize
from orchestrator.engines.weights import HUGGING_FACE, repository_fetch
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem

GPU, CPU = Component("vllm"), Component("vllm_cpu")
PORT = 8000
SHARE = 0.92
"""Of a GPU's memory, where nothing else is said: gpu_memory_utilization in vllm/config/cache.py of vLLM 0.32."""
OVERHEAD_GIB = 3.5
"""What it takes of each GPU besides weights and KV cache. https://github.com/vllm-project/vllm/pull/10511 measured
1.79 GiB outside PyTorch and 1.26 GiB of activations (Llama 3 8B, 80 GB); CUDA graphs, 0.36 GiB in
https://github.com/gpustack/runner/pull/251, count since vLLM 0.21. Smaller GPUs take less: it errs to the safe side."""
OVERHEAD_SHARED_GIB = 5.5
"""The same where several GPUs work together: 3.58 and 1.26 GiB in that pull request."""
MOST_REQUESTS = 256
"""At once unless max_num_seqs says otherwise: its default on GPUs below 70 GiB."""
BATCHES = ((160, 16384), (70, 8192), (0, 2048))
"""max_num_batched_tokens of a server, by the GPU's GiB: get_batch_defaults in vllm/engine/arg_utils.py. Two are
under way at once (max_in_flight_tokens in vllm/config/vllm.py); what left a sliding window is kept that long."""
KV_WIDTHS = {  # bytes per number, by kv_cache_dtype
    "auto": 2.0,
    "float16": 2.0,
    "half": 2.0,
    "bfloat16": 2.0,
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
}
SAID_BY_FIELDS = {
    **dict.fromkeys(("model", "model_tag"), "source"),
    "served_model_name": "name",
    "max_model_len": "context",
    **dict.fromkeys(("tensor_parallel_size", "tp", "pipeline_parallel_size", "pp"), "gpus"),
    **dict.fromkeys(("data_parallel_size", "dp", "data_parallel_size_local", "dpl"), "replicas"),
    "kv_cache_memory_bytes": "memory_gib",
    **dict.fromkeys(("tool_call_parser", "enable_auto_tool_choice"), "tools"),
    "reasoning_parser": "reasoning",
    **dict.fromkeys(("host", "port", "uds", "api_key", "root_path", "ssl_keyfile", "ssl_certfile"), SET),
}
NOT_IN_PRACTICE = words(  # about GPUs, the real weights and their context; `vllm serve --help`
    """
    tensor_parallel_size pipeline_parallel_size data_parallel_size decode_context_parallel_size enable_expert_parallel
    distributed_executor_backend nnodes node_rank master_addr master_port gpu_memory_utilization kv_cache_dtype
    kv_cache_memory_bytes calculate_kv_scales cpu_offload_gb swap_space block_size attention_backend enforce_eager
    compilation_config cudagraph_capture_sizes max_cudagraph_capture_size optimization_level quantization dtype
    load_format model_loader_extra_config model tokenizer tokenizer_mode config_format hf_config_path hf_overrides
    hf_token revision code_revision tokenizer_revision trust_remote_code chat_template chat_template_content_format
    default_chat_template_kwargs tool_call_parser tool_parser_plugin enable_auto_tool_choice reasoning_parser
    reasoning_config enable_lora lora_modules max_loras max_lora_rank speculative_config max_model_len rope_scaling
    rope_theta limit_mm_per_prompt mm_processor_kwargs mm_encoder_tp_mode runner convert pooler_config
    served_model_name host port
    """
)
PRACTICE_TOOLS = "hermes"
PRACTICE_KV_GIB = 1
PRACTICE_TOKEN_BYTES = 512  # 2 layers, a key and a value, 64 numbers, two bytes each


class Vllm(Engine):
    title = "vLLM"
    images = {GPU: "vLLM for GPUs is not built here", CPU: Recipe("vllm", "bookworm", needs_torch=True)}
    practice_images = (CPU,)
    needs_gpus = True
    splits = True
    hub_repository = True
    has_parsers = True
    metrics = Metrics(
        "vllm:num_requests_waiting",
        "vllm:num_requests_running",
        ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    )
    batches = True
    smaller_cache = {"kv_cache_dtype": "fp8"}
    said_by_fields = SAID_BY_FIELDS
    variables_of_fields = {"VLLM_API_KEY": SET}
    abbreviates = True

    def problems(self, model: Model) -> Iterable[Problem]:
        yield from super().problems(model)
        share = argument(model, "gpu_memory_utilization")
        if share is not None and not 0 < (number(model, "gpu_memory_utilization") or 0) <= 1:
            yield Problem(("args",), f"gpu_memory_utilization: expected a number above 0, at most 1, not {share!r}")
        elif share is not None and model.memory_gib is not None:
            message = "gpu_memory_utilization and memory_gib both say what it takes of a GPU"
            yield Problem(("memory_gib",), message, "Leave one of them out")
        yield from not_whole(model, "max_num_seqs", 1)

    def image(self, model: Model) -> Component:
        return GPU

    def serve(self, model: Model, start: Start) -> Served:
        fetch = repository_fetch(model, GPU, consolidated=_takes_consolidated(model))
        return Served(_container(model, start, self.parsers(model)), model.name, fetch)

    def takes(self, model: Model, share: float | None) -> float:
        given = number(model, "gpu_memory_utilization")
        return given if given is not None else SHARE if share is None else share

    def overhead(self, gpus: int) -> float:
        return (OVERHEAD_GIB if gpus == 1 else OVERHEAD_SHARED_GIB) * GIB

    def kept_on_host(self, model: Model, gpus: int) -> float:
        return ((number(model, "cpu_offload_gb") or 0) * gpus + (number(model, "kv_offloading_size") or 0)) * GIB

    def kv_width(self, model: Model) -> float | None:
        return KV_WIDTHS.get(str(argument(model, "kv_cache_dtype") or "auto"))

    def least_kv(
        self, model: Model, size: ModelSize, gpus: int, assumed: Capacity, heads: int
    ) -> tuple[float | None, str]:
        """It won't start without room for one request of full length."""
        full, tokens, width = model.context or size.context, request_tokens(model, size, assumed), self.kv_width(model)
        ahead = _ahead(model, 70 * GIB)  # it is not known yet which GPU it gets
        one = size.kv(tokens, gpus, width, ahead)
        whole = size.kv(full, gpus, width, ahead) if full else None
        if one is not None and whole is not None and whole > LEAST_REQUESTS * one:
            return whole, f"one request of {full} tokens"
        return None if one is None else LEAST_REQUESTS * one, f"{LEAST_REQUESTS} requests of {tokens} tokens"

    def serves(self, model: Model, size: ModelSize, given: Allotment) -> Serves:
        """Requests = floor(free KV bytes / bytes of one request); free = budget - weights - overhead, on each GPU."""
        tokens, most = request_tokens(model, size, given.assumed), _most(model)
        why = not_reckoned(size, given.budget)
        one = size.kv(tokens, given.gpus, self.kv_width(model), _ahead(model, (given.budget or 0) / SHARE))
        if why or one is None or given.budget is None or size.weights is None:
            return Serves(None, tokens, None, size.origin, why or "its KV cache's kind is not known", most)
        free = given.budget - size.weights / given.gpus - self.overhead(given.gpus)
        requests = max(0, math.floor(free / one + 1e-9))
        kv_tokens = max(0, math.floor(free / one * tokens))
        return Serves(min(requests, most or requests), tokens, kv_tokens, size.origin, most=most)

    def practice(self, model: Model, service: str, unavailable: Unavailable) -> PracticeEngine:
        if model.embeds:
            return stand_in(model, EMBEDS)
        if CPU in unavailable:
            return stand_in(model, f"llama.cpp stands in for vLLM: {unavailable[CPU]}")
        args, left_out = tried_here(model, NOT_IN_PRACTICE)
        tokens = PRACTICE_KV_GIB * GIB // PRACTICE_TOKEN_BYTES  # that its KV space holds of the synthetic model's
        able = min(MOST_REQUESTS, tokens // CONTEXT)
        serves = Serves(able, CONTEXT, tokens, "the synthetic model", most=MOST_REQUESTS)
        return PracticeEngine(_on_a_cpu(model, args, self.parsers(model)), model.name, serves, left_out)


ENGINE = Vllm()


def _container(model: Model, start: Start, parsers: Parsers | None) -> Container:
    arguments: dict[str, object] = {"host": EVERYWHERE, "port": PORT, "tensor_parallel_size": start.gpus}
    if model.context:
        arguments["max_model_len"] = model.context
    if start.share is not None:
        arguments["gpu_memory_utilization"] = start.share
    if model.embeds:
        arguments["runner"] = "pooling"
    arguments |= _parsing(parsers) | model.args
    plain, secret = split_environment(model)
    return Container(
        component=GPU,
        port=PORT,
        entrypoint=("vllm", "serve"),
        command=(model.source, "--served-model-name", model.name, *flags(arguments)),
        environment={**OFFLINE, "VLLM_NO_USAGE_STATS": "1"} | plain,
        secret_environment=secret,
        health=curl_health(PORT),
        tells_cache=True,
        routes=(RESPONSES, MESSAGES),
        tools=parsers is not None and parsers.tools is not None,
        volumes=(HUGGING_FACE,),
        files=on_the_host(model),
        shm_gib=16 if start.gpus > 1 else 4,  # NCCL between the GPUs of one replica goes through shared memory
        start_seconds=model.start_timeout,
    )


def _parsing(parsers: Parsers | None) -> dict[str, object]:
    """Without a parser every chat with tools is refused."""
    if parsers is None:
        return {}
    return ({"enable_auto_tool_choice": True} if parsers.tools else {}) | parsers.options


def _on_a_cpu(model: Model, args: Mapping[str, object], parsers: Parsers | None) -> Container:
    """With a parser that any model's words will do for: others look for tokens that only their own models have."""
    tools = parsers is not None and parsers.tools is not None
    return Container(
        component=CPU,
        port=PORT,
        command=(
            "--model",
            "/models/tiny",
            "--served-model-name",
            model.name,
            "--max-model-len",
            str(CONTEXT),
            "--enforce-eager",
            *flags({**_parsing(Parsers(PRACTICE_TOOLS, None, "practice") if tools else None), **args}),
        ),
        environment={
            "VLLM_CPU_KVCACHE_SPACE": str(PRACTICE_KV_GIB),  # touched at start
            "OMP_NUM_THREADS": "1",
            "TORCHDYNAMO_DISABLE": "1",  # logprobs are compiled otherwise, by a C++ compiler that is not there
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
            "HF_HUB_OFFLINE": "1",
        },
        health=curl_health(PORT),
        tells_cache=True,
        routes=(RESPONSES, MESSAGES),
        tools=tools,
        files=((CHECKPOINT, "/models/tiny"),),
        shm_gib=1,
        memory_mib=6144,
        start_seconds=min(240, model.start_timeout),
    )


def _takes_consolidated(model: Model) -> bool:
    """Of Mistral's two forms of weights, unless it is told otherwise."""
    return str(argument(model, "load_format") or "auto") in {"auto", "mistral"}


def _most(model: Model) -> int:
    given = argument(model, "max_num_seqs")
    return given if isinstance(given, int) and not isinstance(given, bool) else MOST_REQUESTS


def _ahead(model: Model, gpu: float) -> int:
    """Tokens that it reads ahead, on a GPU of so many bytes."""
    batch = number(model, "max_num_batched_tokens") or next(batch for gib, batch in BATCHES if gpu >= gib * GIB)
    return 2 * max(1, round(batch))
