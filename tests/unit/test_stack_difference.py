"""What `provision` finds to do for a gateway whose files are right, but were never loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.engines.container import Container
from orchestrator.fleet.machine import StackThere
from orchestrator.fleet.scripts import stack
from orchestrator.plan.deployment import GATEWAY_SERVICE, Backend, Stack
from orchestrator.render.files import File, Files, Print, digest, write_tree
from orchestrator.spec.components import Component
from orchestrator.spec.hosts import Host
from orchestrator.workflow.gateway.live import rules_digest
from orchestrator.workflow.rollout.difference import Difference, difference

FILES: Files = {
    "compose.yaml": File(b"services: {}\n"),
    "gateway/policy.json": File(b"{}"),
    "gateway/tls/cert.pem": File(b"certificate"),
}
STACK = Stack(Host.model_validate({"name": "front", "address": "localhost", "roles": ["gateway"]}), "p", gateway=True)


def lying_in(folder: Path) -> dict[str, Print]:
    """As a host tells it."""
    return {path: Print(*found) for path, found in stack.files({"folder": str(folder)}).items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tree(tmp_path / "stack", FILES)
    return tmp_path / "stack"


def found(folder: Path, loaded: str | None, which: Stack = STACK) -> Difference:
    """With the gateway's container there and up."""
    return replace(difference(which, FILES, StackThere(lying_in(folder), {}), {}, loaded), create=())


def test_what_nginx_loaded_is_no_difference(folder: Path) -> None:
    assert found(folder, rules_digest(FILES)).is_empty
    assert found(folder, None).is_empty  # a state from before this was kept


def test_what_nginx_never_loaded_is_loaded_and_said(folder: Path) -> None:
    owed = found(folder, "another digest")
    assert not owed.is_empty
    assert owed.reloads
    assert owed.lines("front") == ["front: gateway: new rules"]


def test_an_edge_whose_certificate_is_renewed_is_reloaded_not_recreated(tmp_path: Path) -> None:
    """Recreated, it would cut its streams."""
    files: Files = {"compose.yaml": File(b"services: {}\n"), "edge/cert.pem": File(b"old")}
    write_tree(tmp_path, files)
    there = StackThere(lying_in(tmp_path), {})
    engine = Backend("m-1", "m", "vllm", 1, "gpu", Container(Component("vllm"), 8000))
    behind = replace(STACK, gateway=False, backends=(engine,))
    renewed = {**files, "edge/cert.pem": File(b"new")}

    owed = replace(difference(behind, renewed, there, {}, rules_digest(files, "edge")), create=())
    assert (owed.reloads, owed.lines("gpu")) == (True, ["gpu: edge: new rules"])
    assert replace(difference(behind, files, there, {}, rules_digest(files, "edge")), create=()).is_empty
    assert replace(difference(behind, files, there, {}, "never loaded"), create=()).reloads


def test_a_gateway_that_begins_anyway_is_not_reloaded_too(folder: Path) -> None:
    assert not replace(found(folder, "another digest"), start=(GATEWAY_SERVICE,)).reloads


def test_a_host_without_a_gateway_owes_it_nothing(folder: Path) -> None:
    assert found(folder, "another digest", replace(STACK, gateway=False)).is_empty


def test_the_digest_is_that_of_the_folder_that_nginx_sees(folder: Path) -> None:
    assert rules_digest(FILES) == digest(lying_in(folder / "gateway"))
    (folder / "gateway" / "policy.json").write_bytes(b"{ }")
    assert rules_digest(FILES) != digest(lying_in(folder / "gateway"))
