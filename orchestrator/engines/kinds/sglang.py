"""SGLang 0.5.23: srt/arg_groups/fields, srt/entrypoints/http_server.py, srt/observability/metrics_collector.py."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.engines.arguments import EVERYWHERE, OFFLINE, curl_health, flags, on_the_host, split_environment
from orchestrator.engines.container import MESSAGES, RESPONSES, Container, Served
from orchestrator.engines.engine import Engine, Metrics, PracticeEngine, Start, Unavailable
from orchestrator.engines.parsers import Parsers
from orchestrator.engines.practice import stand_in
from orchestrator.engines.said_elsewhere import SET
from orchestrator.engines.weights import HUGGING_FACE, repository_fetch
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem

IMAGE = Component("sglang")
PORT = 30000
READY = "/ready"  # /health has the model write a token


SAID_BY_FIELDS = {
    **dict.fromkeys(("model_path", "model"), "source"),
    "served_model_name": "name",
    "context_length": "context",
    **dict.fromkeys(("tp_size", "tensor_parallel_size", "tp", "pp_size", "pipeline_parallel_size", "pp"), "gpus"),
    **dict.fromkeys(("dp_size", "data_parallel_size", "dp"), "replicas"),
    "tool_call_parser": "tools",
    "reasoning_parser": "reasoning",
    "is_embedding": "embeds",
    **dict.fromkeys(("host", "port", "api_key", "enable_metrics"), SET),
}


class SgLang(Engine):
    title = "SGLang"
    images = {IMAGE: "SGLang for GPUs is not built here"}
    needs_gpus = True
    splits = True
    hub_repository = True
    has_parsers = True
    metrics = Metrics("sglang:num_queue_reqs", "sglang:num_running_reqs", ("sglang:token_usage",))
    batches = True
    said_by_fields = SAID_BY_FIELDS
    abbreviates = True

    def problems(self, model: Model) -> Iterable[Problem]:
        """`mem_fraction_static` leaves out what it takes besides weights and KV cache, which depends on the GPU."""
        yield from super().problems(model)
        if model.memory_gib is not None:
            message = "sglang takes whole GPUs here: how much it takes of a shared one is not known"
            yield Problem(("memory_gib",), message, "Leave it out, or engine: vllm")

    def image(self, model: Model) -> Component:
        return IMAGE

    def serve(self, model: Model, start: Start) -> Served:
        return Served(_container(model, start, self.parsers(model)), model.name, repository_fetch(model, IMAGE))

    def practice(self, model: Model, service: str, unavailable: Unavailable) -> PracticeEngine:
        return stand_in(model, "llama.cpp stands in for SGLang, which is run on GPUs only")


ENGINE = SgLang()


def _container(model: Model, start: Start, parsers: Parsers | None) -> Container:
    arguments: dict[str, object] = {
        "served_model_name": model.name,
        "host": EVERYWHERE,
        "port": PORT,
        "tp_size": start.gpus,
        "enable_metrics": True,
    }
    if model.context:
        arguments["context_length"] = model.context
    if model.embeds:
        arguments["is_embedding"] = True
    arguments |= (parsers.options if parsers else {}) | model.args
    plain, secret = split_environment(model)
    return Container(
        component=IMAGE,
        port=PORT,
        entrypoint=("python3", "-m", "sglang.launch_server"),  # `sglang serve` asks the hub what kind of model it is
        command=("--model-path", model.source, *flags(arguments, negated=False)),
        environment=OFFLINE | plain,
        secret_environment=secret,
        health=curl_health(PORT, READY),
        ready=READY,
        routes=(RESPONSES, MESSAGES),
        tools=parsers is not None and parsers.tools is not None,
        volumes=(HUGGING_FACE,),
        files=on_the_host(model),
        shm_gib=16 if start.gpus > 1 else 4,
        start_seconds=model.start_timeout,
    )
