"""Anthropic's own Python client at /v1/messages, which llama.cpp serves too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anthropic
import pytest
from anthropic.types import MessageParam

CHAT = "tiny-chat"
MESSAGES: list[MessageParam] = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def connect(base: str) -> Iterator[Callable[[str], anthropic.Anthropic]]:
    made: list[anthropic.Anthropic] = []

    def client(who: str) -> anthropic.Anthropic:
        made.append(anthropic.Anthropic(base_url=base, api_key=f"sk-{who}", timeout=60))
        return made[-1]

    yield client
    for one in made:
        one.close()


def test_it_asks_and_counts(connect: Callable[[str], anthropic.Anthropic]) -> None:
    answer = connect("ada").messages.create(model=CHAT, messages=MESSAGES, max_tokens=8)

    assert answer.content[0].type == "text"
    assert answer.usage.output_tokens > 0
    assert answer.stop_reason in {"max_tokens", "end_turn"}


def test_it_streams(connect: Callable[[str], anthropic.Anthropic]) -> None:
    with connect("ada").messages.stream(model=CHAT, messages=MESSAGES, max_tokens=8) as stream:
        pieces = list(stream.text_stream)
        whole = stream.get_final_message()

    assert len(pieces) > 2
    assert whole.usage.output_tokens > 2


def test_refusals_are_its_own_kinds_of_error(connect: Callable[[str], anthropic.Anthropic]) -> None:
    for who, model, kind in (
        ("nobody", CHAT, anthropic.AuthenticationError),
        ("ada", "no-such-model", anthropic.NotFoundError),
        ("spent", CHAT, anthropic.RateLimitError),
    ):
        with pytest.raises(kind):
            connect(who).messages.create(model=model, messages=MESSAGES, max_tokens=8)
