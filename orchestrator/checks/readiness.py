"""Whether an engine answers a real question: health alone does not say that a model can speak."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from orchestrator.checks import reading
from orchestrator.checks.check import Outcome
from orchestrator.checks.inside import EDGE_TROUBLES, Way, way_to
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.plan.deployment import Backend

CURL_TROUBLES = {
    6: "its name is not known on the engines network",
    7: "the connection was refused",
    52: "it closed the connection without an answer",
    56: "the connection broke off",
} | EDGE_TROUBLES
CURL_TIMEOUT = 28
MISSING_PROGRAM = {126, 127}
OK = 200
MOST_CHARACTERS = 160
TRIES = 3


def first_answer(docker: DockerHost, gateway_container: str, backend: Backend, *, seconds: float) -> str | None:
    """Asks one replica from inside the gateway's container; None: it answered, else why not, in few words."""
    messages = [{"role": "user", "content": "Hello"}]
    chat: dict[str, object] = {"model": backend.served_name, "messages": messages, "max_tokens": 8}

    def post(path: str, body: dict[str, object]) -> tuple[int, str]:
        return _post(docker, gateway_container, way_to(backend.server, path), body, seconds=seconds)

    try:
        status, text = (0, "") if backend.embeds else post("/v1/chat/completions", chat)
        if backend.embeds or reading.has_no_chat(status, text):
            body: dict[str, object] = {"model": backend.served_name, "input": "Hello"}
            status, text = post("/v1/embeddings", body)
            outcome = reading.embeddings(text)
        else:
            outcome = reading.completion(text)
    except _Silent as silent:
        return str(silent)
    except UserError as error:
        return error.message
    if status != OK:
        why = reading.error_in(text) or (text if backend.edge else "")  # an edge says in plain words why not
        said = " ".join(why.split())[:MOST_CHARACTERS]
        outcome = Outcome(ok=False, got=f"{status}: {said}" if said else str(status))
    return None if outcome.ok else f"a first question was answered with {outcome.got}"


def ask_all(
    docker: DockerHost, gateway_container: str, backends: Iterable[Backend], *, seconds: float, workers: int = 4
) -> dict[str, str]:
    """The silent ones: service -> why."""
    asked = tuple(backends)

    def ask(backend: Backend) -> str | None:
        return first_answer(docker, gateway_container, backend, seconds=seconds)

    with ThreadPoolExecutor(workers, thread_name_prefix="first-answer") as pool:
        answers = list(pool.map(ask, asked))
    return {backend.service: why for backend, why in zip(asked, answers, strict=True) if why is not None}


class _Silent(Exception):  # noqa: N818 - says what happened
    """No HTTP answer came."""


def _post(docker: DockerHost, container: str, way: Way, body: dict[str, object], *, seconds: float) -> tuple[int, str]:
    """HTTP status and body. Docker may lose the first output of a quick command, so its length is told with it."""
    command = ["curl", "-s", "-m", f"{seconds:g}", "-w", "\n%{http_code} %{size_download}", "--noproxy", "*"]
    command += [*way.options, "-H", "Content-Type: application/json", "-d", json.dumps(body), way.url]
    for _ in range(TRIES):
        status, output = docker.ask(container, command)
        if status == CURL_TIMEOUT:
            raise _Silent(f"it did not answer a first question within {seconds:g} seconds")
        if status in MISSING_PROGRAM:
            raise _Silent("it could not be asked: the gateway's image has no curl")
        if status != 0:
            raise _Silent(CURL_TROUBLES.get(status, f"it could not be asked (curl: {status})"))
        text, _, figures = output.rpartition("\n")
        if figures.endswith(f" {len(text.encode())}"):
            return int(figures.split()[0]), text
    raise _Silent("its answer was lost on the way out of the gateway's container")
