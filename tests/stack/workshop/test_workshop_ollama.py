"""The program's way to Ollama, for real: its own container, a model put in through its API, native routes served.

OLLAMA_IMAGE names a real Ollama; without it the stand-in of ollama_stand_in/ takes its place.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import ollama
import pytest
import requests

from orchestrator.spec.components import Component
from tests.stack.workshop.bed import Workshop, ask

pytestmark = pytest.mark.full("a stand-in for Ollama in a whole class; test_clients_ollama has it behind the gateway")

STAND_IN = Path(__file__).parent / "ollama_stand_in"
ADMIN = ("pull", "push", "create", "copy", "delete", "blobs/sha256:0", "ps")


@pytest.fixture(scope="module")
def ollama_image(make_workshop: Callable[..., Workshop], packaged: Callable[[Component], str]) -> Iterator[str]:
    if given := os.environ.get("OLLAMA_IMAGE"):
        yield given
        return
    engine, name = make_workshop("nobody").engine, "workshop-test-ollama-stand-in:latest"
    base = packaged(Component("webui"))  # any image with Python would do; this one is here
    engine.images.build(path=str(STAND_IN), tag=name, buildargs={"BASE": base}, rm=True)
    yield name
    engine.images.remove(name, force=True)


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop], ollama_image: str) -> Workshop:
    made = make_workshop(
        "ollama",
        models=[{"name": "llama3.2", "engine": "ollama", "source": "llama3.2:3b"}],
        images={"override": {"ollama": ollama_image}},
        webui={"mode": "shared"},
    )
    told = made.provision()
    assert told["ok"] is True
    assert told["notes"] == []
    asked = {check["name"] for check in told["checks"]}
    assert {"Question, Ollama API", "Ollama's admin routes"} <= asked
    below = [check["target"] for check in told["checks"] if "Open WebUI's Ollama API" in check["target"]]
    assert below == ["Open WebUI's Ollama API, everybody", "Open WebUI's Ollama API, llama3.2:latest"]
    return made


@pytest.fixture(scope="module")
def client(workshop: Workshop) -> Iterator[ollama.Client]:
    """Ollama's own client, as the guide tells a participant to make it."""
    key = workshop.people()[0]["api_key"]
    client = ollama.Client(host=f"{workshop.api}/ollama", headers={"Authorization": f"Bearer {key}"}, timeout=60)
    yield client
    client._client.close()


def test_the_synthetic_model_was_put_in_through_ollamas_api(workshop: Workshop) -> None:
    code, listed = workshop.container("model-llama3-2-1").exec_run(["ollama", "list"])

    assert code == 0
    assert b"llama3.2:3b" in listed
    assert set(workshop.containers()) == {"gateway", "webui", "model-llama3-2-1"}  # what put it there has gone


def test_openais_client_is_answered(workshop: Workshop) -> None:
    assert ask(workshop.client(workshop.people()[0]), "llama3.2")


def test_ollamas_client_lists_the_model_by_its_name_in_the_workshop(client: ollama.Client) -> None:
    assert [model.model for model in client.list().models] in (["llama3.2"], ["llama3.2:latest"])


def test_ollamas_client_chats_and_streams(client: ollama.Client) -> None:
    question = [{"role": "user", "content": "Hello"}]

    answer = client.chat("llama3.2", question, options={"num_predict": 8})
    assert answer.message.content
    assert answer.done
    pieces = list(client.chat("llama3.2", question, options={"num_predict": 8}, stream=True))
    assert len(pieces) > 2
    assert pieces[-1].done
    assert client.generate("llama3.2", "Hello", options={"num_predict": 8}).response


def test_ollamas_errors_come_through(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as refused:
        client.chat("nope", [{"role": "user", "content": "Hello"}])

    assert refused.value.status_code == 404


@pytest.mark.parametrize("route", ADMIN)
def test_routes_that_change_ollama_are_closed(workshop: Workshop, route: str) -> None:
    headers = {"Authorization": f"Bearer {workshop.people()[0]['api_key']}"}
    answer = requests.post(f"{workshop.api}/ollama/api/{route}", json={"model": "x"}, headers=headers, timeout=30)

    assert answer.status_code in {403, 404, 405}


def test_an_ollama_that_lost_its_model_gets_it_again(workshop: Workshop) -> None:
    """A daemon that was made anew is empty, for practice mode keeps no volume for it; so is one after a power cut."""
    workshop.container("model-llama3-2-1").remove(force=True)
    workshop.interrupt("Put the synthetic models", signal.SIGKILL)
    workshop.settle()

    assert workshop.provision()["ok"] is True
    assert workshop.provision()["changed"] == 0


def test_open_webuis_own_ollama_routes_answer_with_a_participants_key(workshop: Workshop) -> None:
    """As people know them from an Open WebUI of their own."""
    person = workshop.people()[0]
    headers, below = {"Authorization": f"Bearer {person['webui_api_key']}"}, f"{workshop.webui}/ollama/api"
    listed = requests.get(f"{below}/tags", headers=headers, timeout=60).json()["models"]
    assert [model["name"] for model in listed] == ["llama3.2:latest"]
    question = {"model": "llama3.2:latest", "prompt": "Hello", "stream": False, "options": {"num_predict": 8}}
    assert requests.post(f"{below}/generate", json=question, headers=headers, timeout=60).json()["response"]
    usage = workshop.workshop("usage", "--by", "participant", "--by", "via", "--output", "json").json
    assert [row["via"] for row in usage["rows"] if row["participant"] == person["id"]] == ["api", "webui"]
    assert workshop.provision()["changed"] == 0
