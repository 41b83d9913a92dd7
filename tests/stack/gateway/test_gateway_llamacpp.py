"""llama.cpp, as practice mode runs it, behind the gateway: no ordinary request ends it, or makes it outgrow its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator.engines.kinds.llamacpp import ENGINE
from orchestrator.engines.practice import GGUF
from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream
from orchestrator.practice.gguf import write_gguf
from orchestrator.spec.models import Model
from tests.stack.gateway.sampling import ASKED
from tests.stack.gateway.tool_questions import checked
from tests.unit.gateway_bed import Gateway, output_of

pytestmark = pytest.mark.full("eighty requests to one engine; what engines answer is in test_gateway_answers")

NAME, HOST = "tiny-llama", "llama-test"
MODEL = Model(name=NAME, engine="llamacpp", source="o/r/f.gguf")
KIB = 1 << 10  # of them in a MiB


@dataclass(frozen=True)
class Llama:
    container: Any

    def is_healthy(self) -> bool:
        return output_of(self.container, "curl", "-fsS", "http://127.0.0.1:8080/health")[0] == 0

    def restarts(self) -> int:
        self.container.reload()
        assert self.container.status == "running", self.container.logs(tail=20).decode()
        return int(self.container.attrs["RestartCount"])

    def mib(self) -> int:
        """Of the server's own, without what the kernel keeps of files."""
        told = output_of(self.container, "cat", "/proc/1/status")[1].decode()
        return int(dict(line.split(":", 1) for line in told.splitlines())["RssAnon"].split()[0]) // KIB


@pytest.fixture(scope="module")
def bed(
    start_gateway: Callable[[GatewayConfig], Gateway],
    start_engine: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Gateway, Llama]]:
    folder = tmp_path_factory.mktemp("llama")
    write_gguf(folder / GGUF, name=NAME)
    engine = ENGINE.practice(MODEL, HOST, {}).container
    container = start_engine(engine, HOST, folder)
    llama, server = Llama(container), Server(HOST, engine.port, name="llama-1", health="/health")
    gateway = start_gateway(
        GatewayConfig(
            workshop="llama",
            title="llama.cpp",
            callers=(Caller("ada", (fingerprint("sk-ada"),), (NAME,)),),
            models=(RoutedModel(NAME, ("llama",), "llamacpp"),),
            upstreams=(Upstream("llama", (server,), NAME),),
        )
    )
    gateway.until(llama.is_healthy, 60)
    yield gateway, llama
    container.kill()


@pytest.mark.parametrize("what", ASKED)
def test_no_ordinary_request_ends_it(bed: tuple[Gateway, Llama], what: str) -> None:
    gateway, llama = bed
    path, body = ASKED[what]
    answer = gateway.send(path, {"model": NAME, **body}, key="sk-ada")
    assert answer.status in {200, 400, 404, 422, 500}, answer.text  # 500: it takes no images
    assert answer.status == 200 or answer.error["message"]
    assert llama.restarts() == 0
    assert gateway.chat(model=NAME, max_tokens=4).status == 200


def test_verify_finds_nothing_wrong_on_its_routes(bed: tuple[Gateway, Llama]) -> None:
    checks = checked(bed[0], NAME, ENGINE.practice(MODEL, HOST, {}).container)
    assert [f"{check.name}: {check.got}" for check in checks if not check.ok] == []
    assert len(checks) == 5


def test_it_keeps_no_prompts_beyond_what_was_planned(bed: tuple[Gateway, Llama]) -> None:
    """Its own default is 8 GiB of them."""
    gateway, llama = bed
    gateway.chat(model=NAME, max_tokens=1)
    before = llama.mib()
    for number in range(24):
        prompt = f"{number} " + "abcdefgh " * 700
        assert gateway.chat(model=NAME, messages=[{"role": "user", "content": prompt}], max_tokens=1).status == 200
    assert llama.mib() - before < 40
    assert llama.restarts() == 0
