"""Engines that die or never live: a replica is not missed, and a broken model costs that model only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from tests.stack.workshop.bed import Workshop, ask, llama
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full("engines of a whole class die; test_gateway_backends has the same behind a gateway alone")


@pytest.fixture(scope="module")
def pair(make_workshop: Callable[..., Workshop]) -> Workshop:
    """Two replicas of one model and one of another, without Open WebUI."""
    workshop = make_workshop(
        "failover", models=[llama("tiny", replicas=2), llama("other")], limits={"requests_per_minute": 1000}
    )
    workshop.provision()
    return workshop


def spoken(workshop: Workshop) -> list[float]:
    """How many tokens each replica has made, by its own count."""
    curl = ["curl", "-s", "http://127.0.0.1:8080/metrics"]
    told = [workshop.container(f"model-tiny-{number}").exec_run(curl).output.decode() for number in (1, 2)]
    name = "llamacpp:tokens_predicted_total "
    return [
        next(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name)) for text in told
    ]


def test_requests_go_on_when_a_replica_is_killed(pair: Workshop) -> None:
    client = pair.client(pair.people()[0])
    before = spoken(pair)

    def both_replicas_answer() -> bool | None:
        ask(client, "tiny")
        return all(now > then for now, then in zip(spoken(pair), before, strict=True)) or None

    eventually(both_replicas_answer)  # the gateway learns their names one after the other
    pair.container("model-tiny-1").kill()

    # without a client's own retries, for longer than the gateway takes to forget the dead one's name
    end = time.monotonic() + 8
    while time.monotonic() < end:
        assert ask(client, "tiny")
        time.sleep(0.05)


def test_status_names_what_is_down_and_what_to_do(pair: Workshop) -> None:
    told = pair.workshop("status", "--output", "json").json
    down = [service for service in told["services"] if not service["up"]]

    assert told["ok"] is False
    assert [(service["service"], service["state"]) for service in down] == [("model-tiny-1", "exited")]
    assert "model-tiny-1 is exited" in told["advice"][0]
    assert "provision workshop.yaml" in told["advice"][0]


def test_the_plan_sees_it(pair: Workshop) -> None:
    (change,) = pair.workshop("plan", "--exit-code", "--output", "json", code=10).json["changes"]

    assert (change["action"], change["what"], change["name"]) == ("start", "container", "model-tiny-1")


def test_provision_starts_it_again_and_says_so(pair: Workshop) -> None:
    before = pair.starts()
    told = pair.provision()

    assert told["changes"] == ["here: container model-tiny-1: start"]
    after = pair.starts()
    assert {service for service in after if after[service] != before[service]} == {"model-tiny-1"}
    assert all(check["ok"] for check in told["checks"])


def test_an_engine_that_hangs_is_restarted(pair: Workshop) -> None:
    pair.container("model-other-1").pause()

    told = pair.provision()

    assert told["changes"] == ["here: container model-other-1: restart"]
    assert ask(pair.client(pair.people()[0]), "other")


BROKEN = {
    "cannot-start": '["/no/such/program"]',
    "never-listens": '["/bin/sh", "-c", "exec sleep infinity"]',
}


@pytest.fixture
def broken_images(pair: Workshop, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Images of engines that are no good, in the way that their names say."""
    base, made = pair.container("gateway").image.tags[0], {}
    for name, entrypoint in BROKEN.items():
        (tmp_path / "Dockerfile").write_text(f"FROM {base}\nENTRYPOINT {entrypoint}\n", encoding="utf-8")
        made[name] = f"{pair.name}-{name}"
        pair.engine.images.build(path=str(tmp_path), tag=made[name], rm=True)
    yield made
    for image in made.values():
        pair.engine.images.remove(image, force=True)


def test_an_engine_that_never_gets_healthy_costs_its_model_not_the_stack(
    pair: Workshop, broken_images: dict[str, str]
) -> None:
    broken = [
        {"name": "broken", "engine": "vllm", "source": "a/b", "start_timeout": 10},
        {"name": "deaf", "engine": "ollama", "source": "deaf", "start_timeout": 10},
    ]
    override = {"vllm_cpu": broken_images["cannot-start"], "ollama": broken_images["never-listens"]}
    pair.write(models=[*broken, *pair.spec["models"]], images={"override": override})

    told = pair.provision(code=4)

    assert told["ok"] is False
    assert [line.split(": ")[0] for line in told["broken"]] == ["broken (model-broken-1)", "deaf (model-deaf-1)"]
    assert "its container is created" in told["broken"][0]
    failed = {check["target"] for check in told["checks"] if not check["ok"]}
    assert failed == {"broken", "deaf"}
    client = pair.client(pair.people()[0])
    assert ask(client, "tiny")
    assert ask(client, "other")
    with pytest.raises(openai.InternalServerError):
        ask(client, "broken")
    advice = pair.workshop("status", "--output", "json").json["advice"]
    assert [line.split(" is ")[0] for line in advice] == ["model-broken-1", "model-deaf-1"]
