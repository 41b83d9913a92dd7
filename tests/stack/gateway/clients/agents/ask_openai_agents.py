"""OpenAI's agents SDK with one tool, by its default way, /v1/responses. Arguments: the API's address, a key, a model.

Run by test_clients_agents.py in an environment of its own; prints how the question ended.
"""

from __future__ import annotations

import sys

from agents import (
    Agent,
    MaxTurnsExceeded,
    ModelBehaviorError,
    ModelSettings,
    Runner,
    function_tool,
    set_default_openai_client,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

BASE, KEY, MODEL = sys.argv[1:]


def weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}."


set_tracing_disabled(disabled=True)
set_default_openai_client(AsyncOpenAI(base_url=BASE, api_key=KEY, max_retries=0), use_for_tracing=False)
agent = Agent(name="A guide", model=MODEL, tools=[function_tool(weather)], model_settings=ModelSettings(max_tokens=64))
try:
    told = Runner.run_sync(agent, "What is the weather in Ulm?", max_turns=3)
    assert isinstance(told.final_output, str)
    print("answer")
except MaxTurnsExceeded:
    print("turns")
except ModelBehaviorError:  # a tool that is not there, arguments that are none
    print("nonsense")
