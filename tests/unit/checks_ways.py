"""Answers at the routes beside OpenAI's chat, whole and as events, as vLLM 0.32 gives them, without what nobody reads."""

from __future__ import annotations

import json
from typing import Any

RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"


def named(kind: str, **more: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "incomplete",
    "error": None,
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Good day"}]}],
    "usage": {"input_tokens": 9, "output_tokens": 2},
}
RESPONSE_EVENTS = (
    named("response.created", response={**RESPONSE, "status": "in_progress", "output": []}),
    named("response.output_text.delta", delta="Good day"),
    named("response.completed", response=RESPONSE),
)
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "c", "name": "weather", "input": {"city": "Ulm"}}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 9, "output_tokens": 2},
}
MESSAGE_EVENTS = (
    named("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
    named("ping"),
    named("content_block_delta", index=0, delta={"type": "text_delta", "text": "Good day"}),
    named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}),
    named("message_stop"),
)
WAYS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    RESPONSES: (RESPONSE, RESPONSE_EVENTS),
    MESSAGES: (MESSAGE, MESSAGE_EVENTS),
}
