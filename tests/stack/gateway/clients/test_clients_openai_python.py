"""OpenAI's own Python client: its usual calls, unchanged, against real llama.cpp behind the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

CHAT, EMBEDDINGS = "tiny-chat", "tiny-embedder"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello in one sentence."}]

Connect = Callable[..., openai.OpenAI]


@pytest.fixture
def connect(base: str) -> Iterator[Connect]:
    made: list[openai.OpenAI] = []

    def client(who: str, **more: Any) -> openai.OpenAI:
        made.append(openai.OpenAI(base_url=f"{base}/v1", api_key=f"sk-{who}", timeout=60, **more))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def ada(connect: Connect) -> openai.OpenAI:
    return connect("ada")


def test_it_chats(ada: openai.OpenAI) -> None:
    answer = ada.chat.completions.create(model=CHAT, messages=MESSAGES, max_tokens=8)

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in {"length", "stop"}
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_it_streams_and_gets_usage_if_it_asks(ada: openai.OpenAI) -> None:
    stream = ada.chat.completions.create(
        model=CHAT, messages=MESSAGES, max_tokens=8, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)

    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 2
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens > 2


def test_it_streams_without_usage_if_it_does_not(ada: openai.OpenAI) -> None:
    chunks = list(ada.chat.completions.create(model=CHAT, messages=MESSAGES, max_tokens=8, stream=True))

    assert [chunk for chunk in chunks if chunk.usage or not chunk.choices] == []


def test_its_stream_helper_collects_the_answer(ada: openai.OpenAI) -> None:
    with ada.chat.completions.stream(model=CHAT, messages=MESSAGES, max_tokens=8) as stream:
        events = [event.type for event in stream]
        whole = stream.current_completion_snapshot  # the final one may not end at the length limit

    assert "content.delta" in events
    assert whole.choices[0].message.content


def test_it_completes_a_text(ada: openai.OpenAI) -> None:
    assert ada.completions.create(model=CHAT, prompt="Once upon", max_tokens=8).choices[0].text


def test_it_makes_embeddings_in_both_encodings(ada: openai.OpenAI) -> None:
    """It asks for base64 by itself, and unpacks it."""
    packed = ada.embeddings.create(model=EMBEDDINGS, input=["one", "two"])
    plain = ada.embeddings.create(model=EMBEDDINGS, input=["one", "two"], encoding_format="float")

    assert [one.index for one in packed.data] == [0, 1]
    assert len(packed.data[0].embedding) > 8
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-5)


def test_it_lists_the_models_that_its_owner_may_use(connect: Connect, ada: openai.OpenAI) -> None:
    assert {model.id for model in ada.models.list()} >= {CHAT, EMBEDDINGS}
    assert [model.id for model in connect("one-a-minute").models.list()] == [CHAT]
    assert ada.models.retrieve(CHAT).id == CHAT


def test_it_asks_for_responses_and_streams_them(ada: openai.OpenAI) -> None:
    whole = ada.responses.create(model=CHAT, input="Say hello.", max_output_tokens=16)
    with ada.responses.create(model=CHAT, input="Say hello.", max_output_tokens=16, stream=True) as stream:
        kinds = [event.type for event in stream]

    assert whole.output_text
    assert whole.usage
    assert "response.output_text.delta" in kinds
    assert kinds[-1] == "response.completed"


def test_the_asynchronous_one_does_too(base: str) -> None:
    import asyncio

    async def ask() -> int:
        async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key="sk-ada") as client:
            calls = (client.chat.completions.create(model=CHAT, messages=MESSAGES, max_tokens=8) for _ in range(4))
            return len([answer for answer in await asyncio.gather(*calls) if answer.choices[0].message.content])

    assert asyncio.run(ask()) == 4


def test_a_foreign_key_is_an_authentication_error(connect: Connect) -> None:
    with pytest.raises(openai.AuthenticationError) as refused:
        connect("nobody").chat.completions.create(model=CHAT, messages=MESSAGES)

    assert refused.value.code == "invalid_api_key"


def test_an_unknown_model_is_not_found(ada: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        ada.chat.completions.create(model="no-such-model", messages=MESSAGES)
    with pytest.raises(openai.NotFoundError):
        ada.models.retrieve("no-such-model")

    assert refused.value.code == "model_not_found"
    assert refused.value.param == "model"


def test_a_route_that_is_not_served_is_not_found(ada: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        ada.files.list()

    assert refused.value.code == "unknown_url"


def test_a_body_that_the_model_server_refuses_is_a_bad_request(ada: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        ada.chat.completions.create(model=CHAT, messages=[{"role": "user"}])  # type: ignore[typeddict-item]


def test_too_many_requests_are_a_rate_limit_that_says_when(connect: Connect) -> None:
    client = connect("one-a-minute", max_retries=0)

    def ask(times: int) -> None:
        for _ in range(times):
            client.chat.completions.create(model=CHAT, messages=MESSAGES, max_tokens=4)

    with pytest.raises(openai.RateLimitError) as refused:
        ask(3)  # the second, or the third where a new minute begins between them

    assert refused.value.code == "rate_limit_exceeded"
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 60
    assert refused.value.response.headers["x-ratelimit-remaining-requests"] == "0"


def test_a_spent_budget_is_said_once_and_not_asked_for_again(connect: Connect, asked: Callable[[str], int]) -> None:
    """The client tries a 429 twice more by itself; it would ask a wall."""
    before = asked("spent")
    with pytest.raises(openai.RateLimitError) as refused:
        connect("spent").chat.completions.create(model=CHAT, messages=MESSAGES)

    assert refused.value.code == "insufficient_quota"
    assert asked("spent") == before + 1
