"""Ordinary requests with every sampling option there is, and its edges: none of them may end an engine.

Sources: OpenAI's API reference; vLLM "OpenAI-compatible server", extra parameters; llama.cpp tools/server/README.md.
"""

from __future__ import annotations

from typing import Any

CHAT, TEXT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"], "additionalProperties": False}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}


def _chat(**more: Any) -> tuple[str, dict[str, Any]]:
    return CHAT, {"messages": HELLO, "max_tokens": 8, **more}


def _text(**more: Any) -> tuple[str, dict[str, Any]]:
    return TEXT, {"prompt": "Hello", "max_tokens": 8, **more}


ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat logprobs": _chat(logprobs=True),
    "chat top_logprobs": _chat(logprobs=True, top_logprobs=5),
    "chat top_logprobs too many": _chat(logprobs=True, top_logprobs=1000),
    "chat top_logprobs alone": _chat(top_logprobs=2),
    "chat logprobs streamed": _chat(logprobs=True, top_logprobs=2, stream=True),
    "chat prompt_logprobs": _chat(prompt_logprobs=1),
    "chat prompt_logprobs -1": _chat(prompt_logprobs=-1),
    "text logprobs": _text(logprobs=1),
    "text logprobs 0": _text(logprobs=0),
    "text logprobs too many": _text(logprobs=1000),
    "text prompt_logprobs": _text(prompt_logprobs=1),
    "text echo": _text(echo=True),
    "text echo logprobs": _text(echo=True, logprobs=1),
    "text echo no tokens": _text(echo=True, max_tokens=0),
    "text best_of": _text(best_of=3, n=2),
    "text suffix": _text(suffix="!"),
    "text prompts": _text(prompt=["a", "b"]),
    "text tokens": _text(prompt=[1, 2, 3]),
    "text no prompt": _text(prompt=""),
    "text no tokens": _text(prompt=[]),
    "n": _chat(n=3),
    "n 0": _chat(n=0),
    "n too many": _chat(n=2000),
    "frequency_penalty": _chat(frequency_penalty=2, presence_penalty=-2),
    "frequency_penalty out of range": _chat(frequency_penalty=9),
    "repetition_penalty": _chat(repetition_penalty=1.3),
    "repetition_penalty 0": _chat(repetition_penalty=0),
    "logit_bias": _chat(logit_bias={"5": -100, "6": 100}),
    "logit_bias unknown token": _chat(logit_bias={"999999": 1}),
    "logit_bias a word": _chat(logit_bias={"x": 1}),
    "temperature 0": _chat(temperature=0),
    "temperature high": _chat(temperature=2),
    "temperature below 0": _chat(temperature=-1),
    "top_p 0": _chat(top_p=0),
    "top_p small": _chat(top_p=0.01),
    "top_k 1": _chat(top_k=1),
    "top_k -1": _chat(top_k=-1),
    "min_p": _chat(min_p=0.2),
    "min_p 1": _chat(min_p=1),
    "seed": _chat(seed=7),
    "seed -1": _chat(seed=-1),
    "seed large": _chat(seed=1 << 62),
    "stop": _chat(stop=["a", "e"]),
    "stop empty": _chat(stop=[""]),
    "stop many": _chat(stop=[str(number) for number in range(40)]),
    "stop_token_ids": _chat(stop_token_ids=[5, 6]),
    "min_tokens": _chat(min_tokens=4),
    "ignore_eos": _chat(ignore_eos=True),
    "beam search": _chat(use_beam_search=True, n=2),
    "max_tokens 0": _chat(max_tokens=0),
    "max_tokens too many": _chat(max_tokens=10_000_000),
    "max_completion_tokens": _chat(max_completion_tokens=4),
    "json object": _chat(response_format={"type": "json_object"}),
    "json schema": _chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}),
    "json schema that is none": _chat(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nothing"}}}
    ),
    "structured choice": _chat(structured_outputs={"choice": ["yes", "no"]}),
    "structured regex": _chat(structured_outputs={"regex": "[ab]{3}"}),
    "structured regex that is none": _chat(structured_outputs={"regex": "(["}),
    "structured grammar": _chat(structured_outputs={"grammar": 'root ::= "yes" | "no"'}),
    "structured grammar that is none": _chat(structured_outputs={"grammar": "root ::= nowhere"}),
    "grammar": _chat(grammar='root ::= "yes" | "no"'),
    "grammar that is none": _chat(grammar="root ::= nowhere"),
    "tools": _chat(tools=[WEATHER]),
    "tools required": _chat(tools=[WEATHER], tool_choice="required"),
    "tools none": _chat(tools=[], tool_choice="auto"),
    "tool that is not there": _chat(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "x"}}),
    "no messages": _chat(messages=[]),
    "an empty message": _chat(messages=[{"role": "user", "content": ""}]),
    "a message without content": _chat(messages=[{"role": "user"}]),
    "a role that is none": _chat(messages=[{"role": "robot", "content": "Hello"}]),
    "an image": _chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]),
    "a long prompt": _chat(messages=[{"role": "user", "content": "a" * 6000}]),
    "a prompt too long": _chat(messages=[{"role": "user", "content": "a" * 200_000}]),
    "responses": (RESPONSES, {"input": "Hello", "max_output_tokens": 16}),
    "responses logprobs": (
        RESPONSES,
        {"input": "Hello", "max_output_tokens": 16, "top_logprobs": 2, "include": ["message.output_text.logprobs"]},
    ),
    "responses tools": (
        RESPONSES,
        {
            "input": "Hello",
            "max_output_tokens": 16,
            "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA}],
        },
    ),
    "messages": (MESSAGES, {"messages": HELLO, "max_tokens": 8}),
    "messages tools": (
        MESSAGES,
        {"messages": HELLO, "max_tokens": 8, "tools": [{"name": "weather", "input_schema": SCHEMA}]},
    ),
}
