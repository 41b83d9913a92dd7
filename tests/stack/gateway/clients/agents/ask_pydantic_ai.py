"""pydantic-ai's agent with one tool, as its documentation makes it. Arguments: the API's address, a key, a model.

Run by test_clients_agents.py in an environment of its own; prints how the question ended.
"""

from __future__ import annotations

import sys

from pydantic_ai import Agent, UnexpectedModelBehavior, UsageLimitExceeded, UsageLimits
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

BASE, KEY, MODEL = sys.argv[1:]
NOT_UNDERSTOOD = "Invalid response"  # of the endpoint, not of the model's words


def weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}."


model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=BASE, api_key=KEY))
try:
    told = Agent(model, tools=[weather], retries=1).run_sync(
        "What is the weather in Ulm?", model_settings={"max_tokens": 64}, usage_limits=UsageLimits(request_limit=3)
    )
    assert isinstance(told.output, str)
    print("answer")
except UsageLimitExceeded:
    print("turns")
except UnexpectedModelBehavior as error:  # arguments that are none, again and again
    if NOT_UNDERSTOOD in str(error):
        raise
    print("nonsense")
