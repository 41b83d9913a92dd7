"""What Compose reads is exactly what the plan holds, whatever the values are. Needs the docker command, not an engine."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.plan.deployment import Stack
from orchestrator.plan.stacks import plan_stacks
from orchestrator.render.compose import StackValues, inputs_digest, render_compose
from orchestrator.spec.components import Component
from orchestrator.spec.loader import load
from orchestrator.spec.workshop import Workshop

EXAMPLE = Path(__file__).parents[2] / "examples" / "on-prem.yaml"
HOSTILE = [
    "plain",
    "$HOME ${HOME} $$ ${HOME:-x}",
    "quotes \" and ' and ` and \\ and \\n",
    "yaml: [syntax, {a: b}] # no comment",
    "- item",
    "{{7*7}} {% raw %} {# #}",
    "*anchor &anchor !tag |",
    "ünïcödé 日本 🎉 \u202e\u2028",
    " spaces  ",
    "",
]


def has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


needs_compose = pytest.mark.skipif(
    not has_compose(), reason="the docker command with its Compose plugin is not installed"
)


def values(**changes: Any) -> StackValues:
    plain: dict[str, Any] = {
        "workshop": "w",
        "deployment": "d",
        "images": {component: f"registry.example.org/{component}:1" for component in Component},
        "published": ((8080, 8080), (3000, 3000)),
        "tls": False,
        "webui_environment": {},
        "webui_secrets": ("WEBUI_SECRET_KEY",),
        "inputs": dict.fromkeys(("webui", "model-m-1", "model-m-2"), "0"),
    }
    return StackValues(**(plain | changes))


def read_by_compose(text: str, folder: Path) -> dict[str, Any]:
    (folder / "compose.yaml").write_text(text, encoding="utf-8")
    command = [
        "docker",
        "compose",
        "--file",
        str(folder / "compose.yaml"),
        "--profile",
        "*",
        "config",
        "--format",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def stack(*models: dict[str, Any], **sections: Any) -> Stack:
    host = {"name": "here", "gpus": {"count": 2, "memory_gib": 24}}
    data = {"name": "w", "title": "W", "participants": {"count": 3}, "models": list(models), "hosts": [host]}
    deployment, unplaced = plan_stacks(Workshop.model_validate(data | sections), 3, {})
    assert unplaced == ()
    return deployment.stacks[0]


@needs_compose
def test_hostile_values_arrive_unchanged(tmp_path: Path) -> None:
    environment = {f"V{number}": value for number, value in enumerate(HOSTILE)}
    arguments = {f"a{number}": value for number, value in enumerate(HOSTILE)}
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r", "environment": environment, "args": arguments})
    seen = read_by_compose(render_compose(rendered, values(webui_environment=environment)), tmp_path)["services"]
    # `config` doubles each $ so that its output could be read again
    assert {k: v.replace("$$", "$") for k, v in seen["webui"]["environment"].items()} == environment
    engine = seen["model-m-1"]
    assert {k: engine["environment"][k].replace("$$", "$") for k in environment} == environment
    command = [word.replace("$$", "$") for word in engine["command"]]
    for number, value in enumerate(HOSTILE):
        assert command[command.index(f"--a{number}") + 1] == value


@needs_compose
def test_every_stack_of_the_example_of_a_real_class_is_accepted(tmp_path: Path) -> None:
    deployment, _ = plan_stacks(load(EXAMPLE).workshop, 33, {})
    for one in deployment.stacks:
        inputs = dict.fromkeys(one.services, "0")
        seen = read_by_compose(render_compose(one, values(inputs=inputs)), tmp_path)
        assert {name for name in seen["services"] if not name.startswith("fetch-")} == set(one.services)


@needs_compose
def test_gpus_are_reserved_by_their_ids(tmp_path: Path) -> None:
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r", "replicas": 2})
    services = read_by_compose(render_compose(rendered, values()), tmp_path)["services"]
    reserved = [services[f"model-m-{n}"]["deploy"]["resources"]["reservations"]["devices"] for n in (1, 2)]
    assert reserved == [[{"driver": "nvidia", "device_ids": [str(n)], "capabilities": ["gpu"]}] for n in (0, 1)]


@needs_compose
def test_only_the_gateway_publishes_and_engines_have_no_way_out(tmp_path: Path) -> None:
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r"})
    seen = read_by_compose(render_compose(rendered, values()), tmp_path)
    assert [name for name, service in seen["services"].items() if service.get("ports")] == ["gateway"]
    assert seen["networks"]["engines"]["internal"] is True
    networks = {name: sorted(service["networks"]) for name, service in seen["services"].items()}
    assert networks == {
        "gateway": ["engines", "front"],
        "webui": ["front"],
        "model-m-1": ["engines"],
        "fetch-model-m-1": ["fetch"],
    }


@needs_compose
def test_each_container_is_bounded_labelled_restarted_and_checked(tmp_path: Path) -> None:
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r"})
    for name, service in read_by_compose(render_compose(rendered, values()), tmp_path)["services"].items():
        assert service["labels"]["workshop.name"] == "w"
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
        if not name.startswith("fetch-"):
            assert service["restart"] == "unless-stopped"
            assert service["pids_limit"]
            assert service["healthcheck"]["test"][0] == "CMD"
        assert not service.get("depends_on")


@needs_compose
def test_a_secret_is_a_file_and_never_in_the_environment(tmp_path: Path) -> None:
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r", "environment": {"HF_TOKEN": "${env:HF_TOKEN}"}})
    services = read_by_compose(render_compose(rendered, values()), tmp_path)["services"]
    for name in ("model-m-1", "fetch-model-m-1"):
        assert "HF_TOKEN" not in services[name].get("environment", {})
        assert [secret["target"] for secret in services[name]["secrets"]] == ["HF_TOKEN"]
        assert services[name]["entrypoint"][:2] == ["/bin/sh", "/run/workshop/with-secrets.sh"]


def test_the_digest_of_inputs_changes_with_them_and_tells_nothing() -> None:
    before = inputs_digest(b"k", {"secrets/a": b"1"})
    assert before == inputs_digest(b"k", {"secrets/a": b"1"})
    assert before != inputs_digest(b"k", {"secrets/a": b"2"})
    assert before != inputs_digest(b"other", {"secrets/a": b"1"})
