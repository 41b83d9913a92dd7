"""llama.cpp: tools/server/README.md."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.engines.arguments import curl_health, flags, not_whole, number, on_the_host, split_environment, words
from orchestrator.engines.container import MESSAGES, RESPONSES, Container, Served
from orchestrator.engines.engine import Metrics, PracticeEngine, Start, Unavailable
from orchestrator.engines.image import Recipe
from orchestrator.engines.llama_server import embeds, slots
from orchestrator.engines.practice import stand_in
from orchestrator.engines.said_elsewhere import SET
from orchestrator.engines.size import MIB
from orchestrator.engines.slots import SlotEngine, context_of
from orchestrator.engines.sources import gguf_problem
from orchestrator.engines.weights import GGUF_FILES, file_fetch, weights_file
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem

CPU, GPU = Component("llamacpp"), Component("llamacpp_cuda")
PORT = 8080
SLOTS = 256  # at most: LLAMA_MAX_SEQ of llama.cpp
CACHE_MIB = 1024  # of the host's memory, for prompts that come again; args: {cache_ram: MIB} says otherwise
ENTRYPOINT = (  # the project's own image has it in /app, Debian's package elsewhere
    "/bin/sh", "-c", 'exec "$(command -v llama-server || echo /app/llama-server)" "$@"', "llama-server"
)  # fmt: skip
KV_WIDTHS = {"f16": 2.0, "bf16": 2.0, "f32": 4.0, "q8_0": 34 / 32}  # bytes per number; 32 numbers and their scale

NOT_IN_PRACTICE = words(  # about GPUs, the real weights and their context
    """
    gpu_layers n_gpu_layers device list_devices main_gpu split_mode tensor_split override_tensor cpu_moe n_cpu_moe fit
    fit_target fit_ctx model model_url hf_repo hf_file hf_token mmproj mmproj_url mmproj_auto mmproj_offload lora
    lora_scaled control_vector control_vector_scaled model_draft spec_draft_model chat_template chat_template_file
    chat_template_kwargs ctx_size parallel batch_size ubatch_size threads threads_batch cache_ram rope_scaling
    rope_scale rope_freq_base rope_freq_scale yarn_orig_ctx yarn_ext_factor yarn_attn_factor override_kv pooling host
    port alias
    """
)


SAID_BY_FIELDS = {
    **dict.fromkeys(("model", "m", "model_url", "mu", "hf_repo", "hf", "hfr", "hf_file", "hff"), "source"),
    **dict.fromkeys(("alias", "a"), "name"),
    **dict.fromkeys(("ctx_size", "c"), "context"),
    "np": "args: parallel",
    **dict.fromkeys(("embedding", "embeddings"), "embeds"),
    **dict.fromkeys(("host", "port", "api_key", "api_key_file", "api_prefix", "ssl_key_file", "ssl_cert_file"), SET),
}
VARIABLES_OF_FIELDS = {
    **dict.fromkeys(("LLAMA_ARG_MODEL", "LLAMA_ARG_MODEL_URL", "LLAMA_ARG_HF_REPO", "LLAMA_ARG_HF_FILE"), "source"),
    "LLAMA_ARG_ALIAS": "name",
    "LLAMA_ARG_CTX_SIZE": "context",
    "LLAMA_ARG_N_PARALLEL": "args: parallel",
    "LLAMA_ARG_CACHE_RAM": "args: cache_ram",
    "LLAMA_ARG_EMBEDDINGS": "embeds",
    **dict.fromkeys(("LLAMA_ARG_HOST", "LLAMA_ARG_PORT", "LLAMA_API_KEY", "LLAMA_ARG_API_PREFIX"), SET),
}


class LlamaCpp(SlotEngine):
    title = "llama.cpp"
    images = {CPU: Recipe("llamacpp", "forky"), GPU: "llama.cpp for NVIDIA's GPUs is in no package"}
    hub_repository = True
    said_by_fields = SAID_BY_FIELDS
    variables_of_fields = VARIABLES_OF_FIELDS
    metrics = Metrics("llamacpp:requests_deferred", "llamacpp:requests_processing", ("llamacpp:kv_cache_usage_ratio",))

    def source_problem(self, source: str) -> Problem | None:
        return gguf_problem(source)

    def image(self, model: Model) -> Component:
        return _image(model.gpus_wanted)

    def serve(self, model: Model, start: Start) -> Served:
        plain, secret = split_environment(model)
        context = context_of(model)
        environment = {"LLAMA_ARG_MODEL": weights_file(model.source)} | slots(context, start.parallel, CACHE_MIB)
        if model.embeds:
            environment |= embeds(context)
        if start.gpus:
            environment["LLAMA_ARG_N_GPU_LAYERS"] = "999"
        container = Container(
            component=_image(start.gpus),
            port=PORT,
            entrypoint=ENTRYPOINT,
            command=("--alias", model.name, *flags(model.args)),
            environment=environment | plain,
            secret_environment=secret,
            health=curl_health(PORT),
            routes=(RESPONSES, MESSAGES),
            volumes=(GGUF_FILES,),
            files=on_the_host(model),
            start_seconds=model.start_timeout,
        )
        return Served(container, model.name, file_fetch(model, container.component))

    def parallel(self, model: Model, heads: int) -> int:
        return int(number(model, "parallel") or super().parallel(model, heads))

    def problems(self, model: Model) -> Iterable[Problem]:
        yield from super().problems(model)
        yield from not_whole(model, "parallel", 1, SLOTS)
        yield from not_whole(model, "cache_ram", 0, what="MiB of the host's memory,")

    def kept_on_host(self, model: Model, gpus: int) -> float:
        """Prompts."""
        given = number(model, "cache_ram")
        return (CACHE_MIB if given is None else given) * MIB

    def kv_width(self, model: Model) -> float | None:
        names = {str(model.args.get(f"cache_type_{part}", "f16")) for part in "kv"}
        return KV_WIDTHS.get(names.pop()) if len(names) == 1 else None

    def practice(self, model: Model, service: str, unavailable: Unavailable) -> PracticeEngine:
        return stand_in(model, None, NOT_IN_PRACTICE)


ENGINE = LlamaCpp()


def _image(gpus: int) -> Component:
    return GPU if gpus else CPU
