"""A first answer whose output Docker's client lost; what real engines and containers do is in tests/stack/checks."""

import json
from unittest.mock import Mock

import pytest
from docker import DockerClient

from orchestrator.checks.readiness import ask_all, first_answer
from orchestrator.engines.container import Container
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.plan.deployment import Backend
from orchestrator.spec.components import Component

TEXT = json.dumps({"choices": [{"message": {"content": "Gute Nacht, schöne Welt"}, "finish_reason": "stop"}]})
WHOLE = f"{TEXT}\n200 {len(TEXT.encode())}"
BACKEND = Backend("model-1", "m", "vllm", 1, "here", Container(Component("vllm"), 8000), served_name="m")


class LossyHost(DockerHost):
    """A stub: gives the outputs that it was given, then the last one for ever."""

    def __init__(self, *outputs: str) -> None:
        super().__init__(Mock(spec=DockerClient), "here")
        self.outputs = list(outputs)

    def ask(self, container: str, command: list[str]) -> tuple[int, str]:
        return 0, self.outputs.pop(0) if len(self.outputs) > 1 else self.outputs[0]


@pytest.mark.parametrize("lost", ["", "\n200 94", WHOLE[10:], WHOLE[-3:]])
def test_an_output_that_was_lost_is_asked_for_again(lost: str) -> None:
    assert first_answer(LossyHost(lost, WHOLE), "gateway", BACKEND, seconds=1) is None


def test_an_output_that_is_always_lost_is_no_answer() -> None:
    silent = ask_all(LossyHost(""), "gateway", [BACKEND], seconds=1)

    assert silent == {"model-1": "its answer was lost on the way out of the gateway's container"}


def test_an_empty_answer_is_none() -> None:
    assert first_answer(LossyHost("\n200 0"), "gateway", BACKEND, seconds=1) is not None
