"""vLLM, as practice mode runs it, behind the gateway: its answers, its own count of tokens, its errors, and an abort."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator.engines.kinds.vllm import ENGINE
from orchestrator.engines.parsers import families
from orchestrator.engines.practice import CHECKPOINT
from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream
from orchestrator.practice.huggingface import write_checkpoint
from orchestrator.spec.models import Model
from tests.stack.gateway.sampling import ASKED
from tests.stack.gateway.tool_questions import checked
from tests.unit.gateway_bed import Gateway, output_of

pytestmark = pytest.mark.full("vLLM takes a minute to come up; what engines answer is in test_gateway_answers")

Make = Callable[[GatewayConfig], Gateway]

NAME = "tiny-vllm"
HOST = "vllm-test"
MODEL = Model(name=NAME, engine="vllm", source="any/model", tools="hermes")
START_SECONDS = 180
LEFT_AFTER = 10  # events
MESSAGES = [{"role": "user", "content": "What is 17 times 3?"}]
PATHS = {
    "/v1/chat/completions": {"messages": MESSAGES, "max_tokens": 12},
    "/v1/completions": {"prompt": "Once upon a time", "max_tokens": 12},
    "/v1/responses": {"input": "What is 17 times 3?", "max_output_tokens": 12},
    "/v1/messages": {"messages": MESSAGES, "max_tokens": 12},
}


@dataclass(frozen=True)
class Vllm:
    """The server itself, asked inside its container."""

    container: Any

    def is_healthy(self) -> bool:
        if output_of(self.container, "curl", "-fsS", "http://127.0.0.1:8000/health")[0] == 0:
            return True
        self.container.reload()
        assert self.container.status == "running", self.container.logs(tail=20).decode()
        return False

    def figure(self, series: str) -> int:
        """Of its own /metrics; https://docs.vllm.ai/en/stable/usage/metrics/"""
        code, output = output_of(self.container, "curl", "-fsS", "http://127.0.0.1:8000/metrics")
        assert code == 0
        (figure,) = re.findall(rf"^vllm:{series}\{{.*\}} (\S+)$", output.decode(), re.MULTILINE)
        return int(float(figure))

    def tokens(self) -> tuple[int, int]:
        """How many it has read and written since it began."""
        return self.figure("prompt_tokens_total"), self.figure("generation_tokens_total")

    def is_idle(self) -> bool:
        return self.figure("num_requests_running") == self.figure("num_requests_waiting") == 0


@pytest.fixture(scope="module")
def bed(
    start_gateway: Make,
    start_engine: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Gateway, Vllm]]:
    folder = tmp_path_factory.mktemp("vllm")
    write_checkpoint(folder / CHECKPOINT, name=NAME)
    engine = ENGINE.practice(MODEL, HOST, {}).container
    container = start_engine(engine, HOST, folder)
    vllm, server = Vllm(container), Server(HOST, engine.port, name="vllm-1", health="/health")
    gone = Server(HOST, 9, name="gone", health="/health")
    gateway = start_gateway(
        GatewayConfig(
            workshop="vllm",
            title="vLLM",
            callers=(Caller("ada", (fingerprint("sk-ada"),), (NAME,)),),
            models=(RoutedModel(NAME, ("vllm", "gone"), "vllm"),),
            upstreams=(Upstream("vllm", (server,), NAME), Upstream("gone", (gone,), NAME)),
        )
    )
    gateway.until(vllm.is_healthy, START_SECONDS)
    yield gateway, vllm
    container.kill()  # it takes much memory, and other tests may follow


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", PATHS)
def test_what_an_answer_cost_is_what_vllm_counted(bed: tuple[Gateway, Vllm], path: str, *, stream: bool) -> None:
    gateway, vllm = bed
    gateway.until(vllm.is_idle)
    before = vllm.tokens()
    answer = gateway.send(path, {"model": NAME, **PATHS[path], "stream": stream}, key="sk-ada")
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream" if stream else "application/json")

    line = gateway.record(answer)
    told = (line["prompt_tokens"], line["completion_tokens"])

    def counted() -> tuple[int, ...]:
        return tuple(now - then for now, then in zip(vllm.tokens(), before, strict=True))

    gateway.until(lambda: counted() == told)
    assert min(told) > 0
    assert (line["estimated"], line["complete"], line["backend"], line["path"]) == (False, True, "vllm-1", path)


def test_the_usage_event_is_there_for_those_who_ask_for_it_only(bed: tuple[Gateway, Vllm]) -> None:
    gateway, _ = bed
    plain = gateway.chat(model=NAME, stream=True)
    asked = gateway.chat(model=NAME, stream=True, stream_options={"include_usage": True})

    assert "usage" not in plain.text
    for answer in (plain, asked):
        *events, end = answer.events
        assert end == "[DONE]"
        assert [json.loads(event)["model"] for event in events] == [NAME] * len(events)
    *texts, last = [json.loads(event) for event in asked.events[:-1]]
    line = gateway.record(asked)
    assert all(text["choices"] for text in texts)
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == line["prompt_tokens"]
    assert last["usage"]["completion_tokens"] == line["completion_tokens"] == 5


def test_a_parameter_that_vllm_refuses_is_told_in_openais_form(bed: tuple[Gateway, Vllm]) -> None:
    gateway, _ = bed
    wrong = gateway.chat(model=NAME, max_tokens=-8)
    assert (wrong.status, wrong.error["param"], wrong.error["code"]) == (400, "max_tokens", None)  # vLLM's code is 400
    assert "max_tokens must be at least 1" in wrong.error["message"]

    typed = gateway.chat(model=NAME, temperature="hot")
    assert (typed.status, typed.error["param"]) == (400, "body.temperature")
    assert gateway.record(typed)["completion_tokens"] is None


def test_a_path_that_this_server_does_not_have_is_told_in_openais_form(bed: tuple[Gateway, Vllm]) -> None:
    gateway, _ = bed
    answer = gateway.send("/v1/embeddings", {"model": NAME, "input": "hello"}, key="sk-ada")
    assert (answer.status, answer.error["type"], answer.error["message"]) == (404, "invalid_request_error", "Not Found")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])  # the second begins with a figure: 0
def test_a_stream_that_is_left_is_charged_and_vllm_stops(bed: tuple[Gateway, Vllm], path: str) -> None:
    gateway, vllm = bed
    gateway.until(vllm.is_idle)
    before, most = vllm.tokens()[1], 1900
    used = gateway.counters("ada")["tokens"]
    # /v1/messages takes no notice of ignore_eos; without chance its answer does not end by itself.
    body = {"model": NAME, "messages": MESSAGES, "max_tokens": most, "stream": True}
    body |= {"temperature": 0, "ignore_eos": True}
    with closing(gateway.connect()) as connection:
        connection.request("POST", path, json.dumps(body), {"Authorization": "Bearer sk-ada"})
        with connection.getresponse() as response:
            assert response.status == 200
            request_id = response.headers["X-Request-Id"]
            received = b""
            while received.count(b"data:") < LEFT_AFTER:
                piece = response.read1(65536)
                assert piece, "it ended by itself"
                received += piece

    line = gateway.wait_for(lambda line: line["id"] == request_id)
    gateway.until(vllm.is_idle)
    assert (line["estimated"], line["complete"]) == (True, False)
    written = vllm.tokens()[1] - before
    assert LEFT_AFTER - 3 <= line["completion_tokens"] <= written + 3  # some events carry no text
    assert written < most
    assert gateway.counters("ada")["tokens"] - used == line["prompt_tokens"] + line["completion_tokens"]


REGISTERED = """
import ast, importlib.util, pathlib
folder = pathlib.Path(importlib.util.find_spec("vllm").submodule_search_locations[0])
for part in ("tool_parsers", "reasoning"):
    tree = ast.parse((folder / part / "__init__.py").read_text())
    print(*(key.value for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys))
"""


def test_it_has_the_parsers_of_each_family(bed: tuple[Gateway, Vllm]) -> None:
    output = bed[1].container.exec_run(["python3", "-c", REGISTERED]).output.decode()
    tools, reasoning = (set(line.split()) for line in output.splitlines())
    named = [family.engines["vllm"] for family in families() if "vllm" in family.engines]
    assert {one["tools"] for one in named if "tools" in one} - tools == set()
    assert {one["reasoning"] for one in named if "reasoning" in one} - reasoning == set()


OPTIONS = """
from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = ServeSubcommand().subparser_init(FlexibleArgumentParser().add_subparsers())
print(*(option for action in parser._actions for option in action.option_strings))
print(parser.parse_args(["source", "--max-model", "4096"]).max_model_len)
"""


def test_it_has_the_options_that_the_spec_has_fields_for(bed: tuple[Gateway, Vllm]) -> None:
    output = bed[1].container.exec_run(["python3", "-c", OPTIONS], stderr=False).output.decode()
    listed, abbreviated = output.splitlines()[-2:]
    options = {option.strip("-").replace("-", "_") for option in listed.split()}
    refused = {*ENGINE.said_by_fields} - {"model_tag"}  # which has no option
    assert refused - options == set()
    assert ENGINE.abbreviates is (abbreviated == "4096")


OBJECT = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 9}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": OBJECT}}


@pytest.mark.parametrize("choice", [None, "none", "required", {"type": "function", "function": {"name": "weather"}}])
def test_a_chat_with_tools_is_taken(bed: tuple[Gateway, Vllm], choice: object) -> None:
    gateway, _ = bed
    more: dict[str, Any] = {} if choice is None else {"tool_choice": choice}
    answer = gateway.chat(model=NAME, tools=[WEATHER], max_tokens=60, temperature=0, **more)
    assert answer.status == 200
    (told,) = answer.json["choices"]
    calls = told["message"].get("tool_calls") or []
    assert all(call["function"]["name"] == "weather" for call in calls)
    assert calls or told["message"]["content"] or told["finish_reason"] == "length"  # the weights know no better
    streamed = gateway.chat(model=NAME, tools=[WEATHER], max_tokens=20, temperature=0, stream=True, **more)
    assert streamed.status == 200
    assert "data: [DONE]" in streamed.text


def test_verify_finds_nothing_wrong_on_its_routes(bed: tuple[Gateway, Vllm]) -> None:
    checks = checked(bed[0], NAME, ENGINE.practice(MODEL, HOST, {}).container)
    assert [f"{check.name}: {check.got}" for check in checks if not check.ok] == []
    assert len(checks) == 5


def test_its_health_is_what_the_gateway_says_of_it(bed: tuple[Gateway, Vllm]) -> None:
    gateway, _ = bed
    gateway.until(lambda: gateway.backends()["gone"]["state"] == "down")  # so the checks run
    gateway.until(lambda: gateway.backends()["vllm-1"] == {"state": "up", "in_flight": 0})


@pytest.mark.parametrize("what", ASKED)
def test_no_ordinary_request_ends_it(bed: tuple[Gateway, Vllm], what: str) -> None:
    gateway, vllm = bed
    path, body = ASKED[what]
    answer = gateway.send(path, {"model": NAME, **body}, key="sk-ada")
    assert answer.status in {200, 400, 404, 422}, answer.text
    assert answer.status == 200 or answer.error["message"]
    assert vllm.is_healthy()
    assert gateway.chat(model=NAME, max_tokens=4).status == 200
