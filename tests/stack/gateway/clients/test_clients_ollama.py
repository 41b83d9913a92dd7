"""Ollama's own Python client at /ollama: list, show, chat, generate, embed. Behind the gateway a STAND-IN for Ollama."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ollama
import pytest

MODEL, EMBEDDINGS = "llama3.2", "nomic-embed"
MESSAGES = [{"role": "user", "content": "Say hello."}]


def connect(base: str, who: str) -> ollama.Client:
    return ollama.Client(host=f"{base}/ollama", headers={"Authorization": f"Bearer sk-{who}"}, timeout=60)


@pytest.fixture
def ada(base: str) -> Iterator[ollama.Client]:
    client = connect(base, "ada")
    yield client
    client._client.close()


def test_it_lists_and_shows_what_ollama_serves(ada: ollama.Client) -> None:
    assert {str(model.model).removesuffix(":latest") for model in ada.list().models} == {MODEL, EMBEDDINGS}
    assert ada.show(MODEL).details


def test_it_chats_at_once_and_piece_by_piece(ada: ollama.Client) -> None:
    whole = ada.chat(MODEL, MESSAGES, options={"num_predict": 8})
    pieces = list(ada.chat(MODEL, MESSAGES, options={"num_predict": 8}, stream=True))

    assert whole.message.content
    assert whole.eval_count == 8
    assert len(pieces) > 2
    assert pieces[-1].done


def test_it_generates_at_once_and_piece_by_piece(ada: ollama.Client) -> None:
    assert ada.generate(MODEL, "Once upon").response
    assert list(ada.generate(MODEL, "Once upon", stream=True))[-1].done


def test_it_makes_embeddings(ada: ollama.Client) -> None:
    assert len(ada.embed(EMBEDDINGS, ["one", "three"]).embeddings) == 2
    assert len(ada.embed(EMBEDDINGS, "one").embeddings) == 1


def test_the_asynchronous_one_chats_too(base: str) -> None:
    import asyncio

    async def ask() -> Any:
        client = ollama.AsyncClient(host=f"{base}/ollama", headers={"Authorization": "Bearer sk-ada"})
        try:
            return await client.chat(MODEL, MESSAGES)
        finally:
            await client._client.aclose()

    assert asyncio.run(ask()).message.content


@pytest.mark.parametrize(
    ("who", "model", "status", "said"),
    [
        ("nobody", MODEL, 401, "key"),
        ("ada", "no-such-model", 404, "does not exist"),
        ("ada", "tiny-chat", 404, "does not exist"),  # served, but not by Ollama
        ("spent", MODEL, 429, "You have used your"),
    ],
)
def test_refusals_are_its_own_error_with_the_reason(base: str, who: str, model: str, status: int, said: str) -> None:
    client = connect(base, who)
    with pytest.raises(ollama.ResponseError, match=said) as refused:
        client.chat(model, MESSAGES)
    client._client.close()

    assert refused.value.status_code == status


@pytest.mark.parametrize("call", ["pull", "push", "delete"])
def test_what_changes_ollama_is_closed(ada: ollama.Client, call: str) -> None:
    with pytest.raises(ollama.ResponseError) as refused:
        getattr(ada, call)(MODEL)

    assert refused.value.status_code in {403, 404, 405}
