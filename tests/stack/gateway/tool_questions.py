"""What `verify` asks with a tool, asked of one engine behind a gateway."""

from __future__ import annotations

from dataclasses import replace

from pydantic import SecretStr

from orchestrator.checks import tools
from orchestrator.checks.asking import Patience, Server
from orchestrator.checks.check import Check
from orchestrator.checks.runner import ask
from orchestrator.checks.subject import ModelUnderTest
from orchestrator.checks.trust import authorities
from orchestrator.engines.container import Container
from orchestrator.redaction.redactor import Redactor
from tests.unit.checks_stub import subject, verifier
from tests.unit.gateway_bed import Gateway


def checked(gateway: Gateway, name: str, engine: Container) -> list[Check]:
    """As ada, of the model with that name."""
    model = ModelUnderTest(name, name, ollama=False, tools=engine.tools, routes=engine.routes)
    ada = replace(verifier("_verify"), key=SecretStr("sk-ada"), models=(name,))
    url = f"http://127.0.0.1:{gateway.port()}"
    asked = replace(subject(url), models=(model,), verifiers=(ada,))
    lanes = tools.lanes(asked, Server(url, authorities(None), Patience()))
    return [ask(question, Redactor(asked.secrets())) for lane in lanes for question in lane]
