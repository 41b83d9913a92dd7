"""A model that embeds: how it is started, who may ask it, and that nobody chats with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.identity.identity import EMBEDDINGS, Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Backend
from orchestrator.plan.policy import gateway_config
from orchestrator.plan.stacks import plan_stacks
from orchestrator.spec.components import Component
from orchestrator.spec.workshop import Workshop
from orchestrator.workflow.wanted.page import chosen, entries
from tests.unit.spec_samples import VALID, spec_of

SECRET = bytes(32)
SOURCES = {"vllm": "BAAI/bge-m3", "llamacpp": "a/b/c.gguf", "ollama": "bge-m3"}


def workshop(folder: Path, engine: str, more: str = "", *, practice: bool = False) -> Workshop:
    model = f'  - {{name: e, engine: {engine}, source: "{SOURCES[engine]}", embeds: true{more}}}\n'
    return spec_of(folder, f"{VALID}{model}webui: {{embeddings: e}}\npractice: {str(practice).lower()}\n").workshop


def backend(found: Workshop, unavailable: dict[Component, str] | None = None) -> Backend:
    deployment, _ = plan_stacks(found, 10, unavailable or {})
    (embedder,) = deployment.backends_of("e")
    return embedder


def test_llama_cpp_embeds_a_text_in_one_batch(tmp_path: Path) -> None:
    environment = backend(workshop(tmp_path, "llamacpp", ", context: 512")).container.environment

    assert environment["LLAMA_ARG_EMBEDDINGS"] == "1"
    assert environment["LLAMA_ARG_UBATCH"] == environment["LLAMA_ARG_BATCH"] == "512"


def test_vllm_is_told_to_pool_unless_the_spec_says_otherwise(tmp_path: Path) -> None:
    hosts = "hosts:\n  - {name: h, address: h.example.org, gpus: {count: 1, memory_gib: 80}}\n"
    text = VALID.split("models:")[0] + hosts
    text += "models:\n  - {name: e, engine: vllm, source: BAAI/bge-m3, embeds: true, memory_gib: 8%s}\n"
    for more, runner in (("", "pooling"), (", args: {runner: auto}", "auto")):
        command = backend(spec_of(tmp_path, text % more).workshop).container.command
        assert command[command.index("--runner") + 1] == runner


@pytest.mark.parametrize("engine", ["vllm", "ollama", "llamacpp"])
def test_in_practice_llama_cpp_embeds_for_every_engine(tmp_path: Path, engine: str) -> None:
    found = backend(workshop(tmp_path, engine, practice=True))

    assert found.container.component == Component("llamacpp")
    assert found.container.environment["LLAMA_ARG_POOLING"] == "mean"
    assert bool(found.stand_in) == (engine != "llamacpp")


def test_it_counts_for_no_chats(tmp_path: Path) -> None:
    found = backend(workshop(tmp_path, "llamacpp"))

    assert found.embeds
    assert found.serves is None


def test_the_key_for_embeddings_opens_that_model_alone(tmp_path: Path) -> None:
    found = workshop(tmp_path, "llamacpp")
    config = gateway_config(Identity(SECRET, found, (Participant("p01"),)), plan_stacks(found, 10, {})[0], {})
    callers = {caller.id: caller for caller in config.callers}

    assert callers[EMBEDDINGS].models == ("e",)
    assert not callers[EMBEDDINGS].service
    assert callers["p01"].models == ("m", "e")
    without = found.model_copy(update={"webui": found.webui.model_copy(update={"embeddings": None})})
    other = gateway_config(Identity(SECRET, without, ()), plan_stacks(without, 10, {})[0], {})
    assert EMBEDDINGS not in {caller.id for caller in other.callers}


def test_the_menu_lacks_it(tmp_path: Path) -> None:
    found = workshop(tmp_path, "llamacpp")

    assert [entry.name for entry in entries(found)] == ["m"]
    assert chosen(found) == ("m",)
