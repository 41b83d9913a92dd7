"""Ollama: docs/faq.mdx. Its own API is served beside OpenAI's, on /ollama/."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.engines.arguments import EVERYWHERE, on_the_host, split_environment
from orchestrator.engines.container import MESSAGES, RESPONSES, Container, Fetch, Served
from orchestrator.engines.engine import PracticeEngine, Start, Unavailable
from orchestrator.engines.practice import CONTEXT, EMBEDS, GGUF, IN_SLOTS, PUT_SCRIPT, SLOTS, STAND_IN, stand_in
from orchestrator.engines.said_elsewhere import SET
from orchestrator.engines.slots import SlotEngine, context_of
from orchestrator.engines.sources import tag_problem
from orchestrator.engines.weights import SCRIPTS, fetch, safe
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem

IMAGE = Component("ollama")
PORT = 11434
VOLUME = ("weights-ollama", "/root/.ollama")
KV_WIDTHS = {"f16": 2.0, "q8_0": 34 / 32}  # bytes per number; of q8_0, 32 numbers and their scale


VARIABLES_OF_FIELDS = {
    "OLLAMA_CONTEXT_LENGTH": "context",
    **dict.fromkeys(("OLLAMA_HOST", "OLLAMA_MODELS", "OLLAMA_NUM_PARALLEL"), SET),
}


class Ollama(SlotEngine):
    title = "Ollama"
    images = {IMAGE: "Ollama's server is in no Debian, PyPI or npm package"}
    practice_images = (IMAGE,)
    takes_args = False
    variables_of_fields = VARIABLES_OF_FIELDS
    own_hub = "https://registry.ollama.ai"

    def source_problem(self, source: str) -> Problem | None:
        return tag_problem(source)

    def image(self, model: Model) -> Component:
        return IMAGE

    def serve(self, model: Model, start: Start) -> Served:
        plain, secret = split_environment(model)
        container = _container(context_of(model), start.parallel)
        return Served(
            replace(
                container,
                entrypoint=("/bin/ollama",),
                environment=container.environment | plain | _models(model),
                secret_environment=secret,
                volumes=(VOLUME,),
                start_seconds=model.start_timeout,
            ),
            model.name if on_the_host(model) else model.source,
            _fetch(model),
        )

    def gpus(self, model: Model, there: int) -> int:
        """One where the host has one."""
        return min(1, there) if model.gpus is None else model.gpus

    def kv_width(self, model: Model) -> float | None:
        return KV_WIDTHS.get(str(model.environment.get("OLLAMA_KV_CACHE_TYPE", "f16")))

    def practice(self, model: Model, service: str, unavailable: Unavailable) -> PracticeEngine:
        if model.embeds:
            return stand_in(model, EMBEDS)
        if IMAGE in unavailable:
            why = unavailable[IMAGE]
            return stand_in(
                model,
                f"llama.cpp stands in for Ollama, so its native routes /ollama/api/* are not served: {why}",
            )
        container = replace(_container(CONTEXT, SLOTS), memory_mib=2048, start_seconds=min(60, model.start_timeout))
        return PracticeEngine(container, model.source, IN_SLOTS, tuple(model.args), fetch=_put(model, service))


ENGINE = Ollama()


def _container(context: int, parallel: int) -> Container:
    """It serves one request at a time unless told otherwise; beyond the queue it answers 503."""
    return Container(
        component=IMAGE,
        port=PORT,
        command=("serve",),
        environment={
            "OLLAMA_HOST": f"{EVERYWHERE}:{PORT}",
            "OLLAMA_NUM_PARALLEL": str(parallel),
            "OLLAMA_CONTEXT_LENGTH": str(context),
            "OLLAMA_MAX_QUEUE": "1024",
            "OLLAMA_KEEP_ALIVE": "-1",
            "OLLAMA_MAX_LOADED_MODELS": "1",
            "OLLAMA_NO_CLOUD": "1",
        },
        health=("ollama", "list"),
        ready="/api/version",
        metrics=False,
        routes=(RESPONSES, MESSAGES),  # docs/api/openai-compatibility.mdx, anthropic-compatibility.mdx
        native=True,
    )


def _fetch(model: Model) -> Fetch:
    """Pulled; or made under the model's name, of what lies on the host."""
    key, files = _key(model), on_the_host(model)
    what = ("create", model.name, model.source) if files else ("pull", model.source)
    command = ("/bin/sh", f"{SCRIPTS}/fetch_ollama.sh", *what)
    found = fetch(model, IMAGE, command, VOLUME, key=key, tree=key)
    return replace(found, files=files, environment=found.environment | _models(model), plain=False)


def _models(model: Model) -> dict[str, str]:
    """A folder of Ollama's for each model: it can be copied, and an engine sees no other model."""
    return {"OLLAMA_MODELS": f"{VOLUME[1]}/{_key(model)}"}


def _key(model: Model) -> str:
    return safe(f"{model.name}--{model.source.strip('/')}" if on_the_host(model) else model.source)


def _put(model: Model, service: str) -> Fetch:
    """The synthetic model goes in through Ollama's own API: a blob, then `create`."""
    return Fetch(
        STAND_IN,  # for its curl
        ("/bin/sh", "/put-model.sh", f"http://{service}:{PORT}", model.source, "/models/tiny.gguf"),
        files=((GGUF, "/models/tiny.gguf"), (PUT_SCRIPT, "/put-model.sh")),
        after_start=True,
    )
