"""LiteLLM's usual calls, as a participant would write them; prints what came of each as one line of JSON.

Run by test_clients_litellm.py in an environment of its own. Its argument is the gateway's address.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import litellm

BASE = sys.argv[1]
MESSAGES = [{"role": "user", "content": "Say hello."}]


def complete(model: str = "tiny-chat", who: str = "ada", **more: Any) -> Any:
    return litellm.completion(
        model=f"openai/{model}", messages=MESSAGES, api_base=f"{BASE}/v1", api_key=f"sk-{who}", max_tokens=8, **more
    )


def refusal(**asked: str) -> str | None:
    try:
        complete(**asked)
    except Exception as error:  # noqa: BLE001 - its kind is what is asked for
        return type(error).__name__
    return None


answer = complete()
pieces = [chunk.choices[0].delta.content or "" for chunk in complete(stream=True)]
vectors = litellm.embedding(
    model="openai/tiny-embedder", input=["one", "two"], api_base=f"{BASE}/v1", api_key="sk-ada", encoding_format="float"
)
native = litellm.completion(
    model="ollama_chat/llama3.2", messages=MESSAGES, api_base=f"{BASE}/ollama", api_key="sk-ada"
)
print(
    json.dumps(
        {
            "chat": {"text": answer.choices[0].message.content, "completion_tokens": answer.usage.completion_tokens},
            "stream": [piece for piece in pieces if piece],
            "embeddings": len(vectors.data),
            "ollama": native.choices[0].message.content,
            "refused": {
                "nobody": refusal(who="nobody"),
                "no-such-model": refusal(model="no-such-model"),
                "spent": refusal(who="spent"),
            },
        }
    )
)
