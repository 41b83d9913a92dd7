"""Registries: who asks, what they refuse, and how the same bits are known in every engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.fleet.images.content import Content
from orchestrator.fleet.images.login import Login
from orchestrator.fleet.images.meter import metered
from orchestrator.fleet.images.reachable import registry_addresses
from orchestrator.fleet.images.registry import PullError
from orchestrator.plan.needed_images import components_for, needed_components
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec, load
from orchestrator.workflow.images.choice import login_of

SPEC = """\
name: w
title: T
participants: {count: 1}
hosts:
  - {name: front, address: 10.0.0.1, roles: [gateway, webui]}
  - {name: gpu, address: 10.0.0.2, roles: [inference]}
models:
  - {name: a, engine: vllm, source: x/y}
  - {name: b, engine: llamacpp, source: x/y/z.gguf}
images:
"""


def spec(folder: Path, images: str) -> Spec:
    (folder / "workshop.yaml").write_text(SPEC + images)
    return load(folder / "workshop.yaml")


@pytest.mark.parametrize(
    ("images", "registry"),
    [
        ("  login: {user: u, password: '${env:TOKEN}'}\n", "docker.io"),
        ("  login: {registry: index.docker.io, user: u, password: '${env:TOKEN}'}\n", "docker.io"),
        ("  registry: r.example.org/mirror\n  login: {user: u, password: '${env:TOKEN}'}\n", "r.example.org"),
        ("  login: {registry: ghcr.io, user: u, password: '${env:TOKEN}'}\n", "ghcr.io"),
    ],
)
def test_a_login_is_given_to_its_registry_and_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: str, registry: str
) -> None:
    monkeypatch.setenv("TOKEN", "sentinel")
    login = login_of(spec(tmp_path, images))
    assert login is not None
    assert "sentinel" not in repr(login)
    assert login.for_registry(registry) == {"username": "u", "password": "sentinel"}
    assert login.for_registry("public.ecr.aws") is None


def test_a_login_whose_secret_is_missing_names_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    made = spec(tmp_path, "  login: {user: u, password: '${env:TOKEN}'}\n")
    login = login_of(made)
    assert login is not None
    with pytest.raises(UserError, match="TOKEN is not set") as refused:
        login.for_registry("docker.io")
    assert refused.value.where.line == SPEC.count("\n") + 1
    assert [problem.where.line for problem in made.secret_problems()] == [refused.value.where.line]


def test_a_password_itself_may_not_stand_in_the_spec(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be a reference"):
        spec(tmp_path, "  login: {user: u, password: plain}\n")


@pytest.mark.parametrize(
    ("said", "limited"),
    [
        ("toomanyrequests: You have reached your pull rate limit", True),
        ("unexpected status from GET request: 429 Too Many Requests", True),
        ("manifest unknown: manifest unknown", False),
    ],
)
def test_a_rate_limit_is_known_by_what_the_registry_says(said: str, limited: bool) -> None:
    assert PullError(said).limited is limited


def test_a_login_of_one_registry_is_no_prefix_of_another() -> None:
    assert Login("ghcr.io", "u", lambda: SecretStr("x")).for_registry("ghcr.io.example.org") is None


def inspected(**changes: Any) -> dict[str, Any]:
    config = {"Env": ["A=1"], "Cmd": ["x"], "Entrypoint": None, "Labels": {"a": "b"}}
    return {"Os": "linux", "Architecture": "amd64", "RootFS": {"Layers": ["sha256:1"]}, "Config": config} | changes


@pytest.mark.parametrize(
    "other",
    [
        inspected(Architecture="arm64"),
        inspected(RootFS={"Layers": ["sha256:2"]}),
        inspected(Config={"Env": ["A=2"], "Cmd": ["x"]}),
    ],
)
def test_other_bits_have_another_content(other: dict[str, Any]) -> None:
    assert Content.read(inspected()) != Content.read(other)


def test_engines_that_leave_out_what_is_empty_tell_the_same_content() -> None:
    terse = {"Env": ["A=1"], "Cmd": ["x"]}
    assert Content.read(inspected()) == Content.read(inspected(Config=terse, Id="sha256:other"))


def test_a_registry_in_a_network_that_the_engine_trusts_is_asked_without_tls_too() -> None:
    info = {"RegistryConfig": {"InsecureRegistryCIDRs": ["192.0.2.0/24"]}}
    assert registry_addresses("192.0.2.7:5000", info) == ["https://192.0.2.7:5000", "http://192.0.2.7:5000"]
    assert registry_addresses("192.0.3.7:5000", info) == ["https://192.0.3.7:5000"]


def test_a_spec_needs_images_wherever_its_models_go(tmp_path: Path) -> None:
    workshop = spec(tmp_path, "  source: auto\n").workshop
    front, gpu = workshop.hosts
    assert components_for(front, workshop) == {Component("gateway"), Component("webui")}
    assert components_for(gpu, workshop) == {Component("gateway"), Component("vllm"), Component("llamacpp")}
    assert needed_components(workshop) == components_for(front, workshop) | components_for(gpu, workshop)


def test_a_long_transfer_says_how_far_it_is() -> None:
    said: list[str] = []
    assert list(metered([b"x" * 1048576] * 2, "copied", 2 << 20, said.append, seconds=0)) == [b"x" * 1048576] * 2
    assert said == ["copied: 1 MiB of 2 MiB", "copied: 2 MiB of 2 MiB"]
