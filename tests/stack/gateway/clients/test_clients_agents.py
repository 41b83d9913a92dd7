"""Programs that bring tools to a class, each asked one question, at a real vLLM and a real llama.cpp behind the gateway.

The weights are random: no sensible call of a tool can come. What is proved is that a program's question is taken, that
it understands the answer, and that the engine still answers after it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engines.practice import CHECKPOINT, GGUF
from orchestrator.engines.registry import engine_of
from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream
from orchestrator.practice.gguf import write_gguf
from orchestrator.practice.huggingface import write_checkpoint
from orchestrator.spec.models import Model
from tests.stack.gateway.clients.installed import npm_with, python_with
from tests.unit.gateway_bed import Gateway, output_of

pytestmark = pytest.mark.full("hundreds of megabytes of other people's programs, and vLLM takes a minute to come up")

NAME = "tiny"
MODELS = (
    Model(name=NAME, engine="vllm", source="any/model", tools="hermes"),
    Model(name=NAME, engine="llamacpp", source="lab/tiny/tiny.gguf"),
)
LONG = 1 << 16  # tokens of context: a letter is one here, and Claude Code begins with fifteen thousand
CONTEXTS = (  # where practice mode's own is stated
    "orchestrator.practice.gguf.CONTEXT",
    "orchestrator.practice.huggingface.CONTEXT",
    "orchestrator.engines.practice.CONTEXT",
    "orchestrator.engines.kinds.vllm.CONTEXT",
)
MEMORY_MIB = 8192
START_SECONDS = 300
PATIENCE = 300  # seconds that a program has for its question

FOLDER = Path(__file__).parent / "agents"
PACKAGES = ("langchain==1.5.2", "langchain-openai==1.7.4", "pydantic-ai-slim[openai]==2.68.0", "openai-agents==0.24.0")
PYTHONS = {
    "langchain": "/v1/chat/completions",
    "pydantic_ai": "/v1/chat/completions",
    "openai_agents": "/v1/responses",
}
CLAUDE, CLAUDE_VERSION = "claude", "2.1.332"
NO_TOOL_RUNS = {"hooks": {"PreToolUse": [{"matcher": "*", "hooks": [{"type": "command", "command": "exit 2"}]}]}}
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}


@dataclass(frozen=True)
class Bed:
    gateway: Gateway

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.gateway.port()}"

    def asked(self, who: str) -> list[dict[str, Any]]:
        """The requests of one program, as soon as there are any."""
        self.gateway.wait_for(lambda line: line["participant"] == who)
        return [line for line in self.gateway.log() if line["participant"] == who]

    def answers_still(self) -> bool:
        return self.gateway.chat(model=NAME, max_tokens=4).status == 200


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: model.engine)
def bed(
    request: pytest.FixtureRequest,
    start_gateway: Callable[..., Gateway],
    start_engine: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bed]:
    """The engine as practice mode runs it, with more context. Each program has a key of its own."""
    model, folder = request.param, tmp_path_factory.mktemp("agents")
    host = f"agents-{model.engine}"
    with pytest.MonkeyPatch.context() as patch:
        for context in CONTEXTS:
            patch.setattr(context, LONG)
        write_gguf(folder / GGUF, name=NAME)
        write_checkpoint(folder / CHECKPOINT, name=NAME)
        engine = replace(engine_of(model).practice(model, host, {}).container, memory_mib=MEMORY_MIB)
    container = start_engine(engine, host, folder)
    gateway = start_gateway(
        GatewayConfig(
            workshop="agents",
            title="Agents",
            callers=tuple(Caller(who, (fingerprint(f"sk-{who}"),), (NAME,)) for who in ("ada", *PYTHONS, CLAUDE)),
            models=(RoutedModel(NAME, ("engine",), model.engine),),
            upstreams=(Upstream("engine", (Server(host, engine.port, name="engine-1"),), NAME),),
        )
    )
    health = ("curl", "-fsS", f"http://127.0.0.1:{engine.port}{engine.ready}")
    gateway.until(lambda: output_of(container, *health)[0] == 0, START_SECONDS)
    yield Bed(gateway)
    container.kill()


@pytest.fixture(scope="module")
def python() -> Path:
    versions = "-".join(package.rpartition("==")[2] for package in PACKAGES)
    return python_with(f"agents-{versions}", *PACKAGES)


@pytest.fixture(scope="module")
def claude() -> Path:
    """The program itself: what npm calls so starts it by Node.js."""
    modules = npm_with(f"claude-code-{CLAUDE_VERSION}", f"@anthropic-ai/claude-code@{CLAUDE_VERSION}")
    (found,) = modules.glob("@anthropic-ai/claude-code-*/claude")
    return found


@pytest.mark.parametrize("who", PYTHONS)
def test_an_agent_with_a_tool_gets_an_answer_that_it_understands(bed: Bed, python: Path, who: str) -> None:
    command = [str(python), str(FOLDER / f"ask_{who}.py"), f"{bed.base}/v1", f"sk-{who}", NAME]
    environment = {"PATH": str(Path(sys.executable).parent)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() in (["answer"], ["turns"], ["nonsense"])
    assert {(line["path"], line["status"], line["complete"]) for line in bed.asked(who)} == {(PYTHONS[who], 200, True)}
    assert bed.answers_still()


def test_claude_code_gets_an_answer_that_it_understands(bed: Bed, claude: Path, tmp_path: Path) -> None:
    command = [str(claude), "-p", "What is the weather in Ulm?", "--model", NAME, "--max-turns", "2"]
    command += ["--output-format", "json", "--settings", json.dumps(NO_TOOL_RUNS)]
    environment = {
        **QUIET,
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ANTHROPIC_BASE_URL": bed.base,
        "ANTHROPIC_AUTH_TOKEN": f"sk-{CLAUDE}",
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "64",
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    told = json.loads(ran.stdout)
    assert told["terminal_reason"] in {"completed", "max_turns"}, told  # a refusal would be api_error
    assert told["usage"]["output_tokens"] > 0
    questions = [line for line in bed.asked(CLAUDE) if line["path"] == "/v1/messages"]
    assert {(line["status"], line["complete"]) for line in questions} == {(200, True)}
    assert bed.answers_still()
