"""LangChain's agent with one tool, as its documentation makes it. Arguments: the API's address, a key, a model.

Run by test_clients_agents.py in an environment of its own; prints how the question ended.
"""

from __future__ import annotations

import sys

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphRecursionError
from pydantic import SecretStr

BASE, KEY, MODEL = sys.argv[1:]
TURNS = 3


def weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}."


model = ChatOpenAI(model=MODEL, base_url=BASE, api_key=SecretStr(KEY), max_completion_tokens=64, max_retries=0)
question = {"messages": [{"role": "user", "content": "What is the weather in Ulm?"}]}
try:
    told = create_agent(model, tools=[weather]).invoke(question, {"recursion_limit": 2 * TURNS})
    assert told["messages"][-1].type == "ai"
    print("answer")
except GraphRecursionError:  # the model calls the tool again and again
    print("turns")
