"""Text Generation Inference 3.3.5.

Sources: docs/source/reference/launcher.md, Dockerfile, tgi-entrypoint.sh, router/src/server.rs.
"""

from __future__ import annotations

from orchestrator.engines.arguments import OFFLINE, curl_health, flags, on_the_host, split_environment
from orchestrator.engines.container import Container, Served
from orchestrator.engines.engine import Engine, Metrics, PracticeEngine, Start, Unavailable
from orchestrator.engines.practice import stand_in
from orchestrator.engines.said_elsewhere import SET
from orchestrator.engines.weights import repository_fetch
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model

IMAGE = Component("tgi")
PORT = 80
VOLUME = ("weights-tgi", "/data")  # HF_HOME in its image
PYTHON = "/usr/src/.venv/bin/python"  # its own `download-weights` leaves the tokenizer to be fetched at start
SERVED_NAME = "tgi"  # any other name would be that of an adapter


SAID_BY_FIELDS = {
    "model_id": "source",
    "max_total_tokens": "context",
    **dict.fromkeys(("num_shard", "sharded"), "gpus"),
    "cuda_memory_fraction": "memory_gib",
    **dict.fromkeys(("port", "hostname", "api_key"), SET),
}


class Tgi(Engine):
    title = "TGI"
    images = {IMAGE: "TGI is in no package"}
    remark = "TGI's project was archived in March 2026, and gets no fixes: vllm and sglang serve the same repositories"
    needs_gpus = True
    splits = True
    embeds = False
    hub_repository = True
    said_by_fields = SAID_BY_FIELDS
    metrics = Metrics("tgi_queue_size", "tgi_batch_current_size")

    def image(self, model: Model) -> Component:
        return IMAGE

    def serve(self, model: Model, start: Start) -> Served:
        return Served(_container(model, start), SERVED_NAME, repository_fetch(model, IMAGE, VOLUME, PYTHON))

    def practice(self, model: Model, service: str, unavailable: Unavailable) -> PracticeEngine:
        return stand_in(model, "llama.cpp stands in for TGI, which is run on GPUs only")


ENGINE = Tgi()


def _container(model: Model, start: Start) -> Container:
    arguments: dict[str, object] = {
        "port": PORT,
        "num_shard": start.gpus,
        "max_concurrent_requests": 1024,  # beyond it the answer is 429; the gateway has its own limits
        "payload_limit": 32 * 1024 * 1024,  # bytes: images travel inside; its own default is 2 MB
        "usage_stats": "off",
    }
    if model.context:
        arguments["max_total_tokens"] = model.context
    if start.share is not None:
        arguments["cuda_memory_fraction"] = start.share
    arguments |= model.args
    plain, secret = split_environment(model)
    return Container(
        component=IMAGE,
        port=PORT,
        entrypoint=("/tgi-entrypoint.sh",),  # the launcher, with the paths of its Python
        command=("--model-id", model.source, *flags(arguments, negated=False)),
        environment=OFFLINE | plain,
        secret_environment=secret,
        health=curl_health(PORT),
        tools=False,  # nobody tried
        volumes=(VOLUME,),
        files=on_the_host(model),
        shm_gib=16 if start.gpus > 1 else 4,
        start_seconds=model.start_timeout,
    )
