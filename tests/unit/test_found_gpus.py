"""GPUs that were found are kept by host and address, and count only where the spec declares none."""

from __future__ import annotations

from pathlib import Path

from orchestrator.spec.hosts import Gpus
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.wanted.sizes import known
from tests.unit.spec_samples import spec_of

TWO = Gpus(count=2, memory_gib=[22.4, 79.6])
SPEC = """\
name: class
title: A class
participants: {count: 3}
hosts:
  - {name: front, address: 10.0.0.1, roles: [gateway, webui]}
  - {name: a, address: 10.0.0.2, roles: [inference]}
  - {name: b, address: 10.0.0.3, roles: [inference], gpus: {count: 1}}
models: [{name: m, engine: ollama, source: "llama3.2:3b"}]
"""


def test_they_are_read_back_and_belong_to_one_address(tmp_path: Path) -> None:
    with State.open(StateFolder(tmp_path / "w")) as state:
        assert state.gpus.at("a", "10.0.0.2") is None
        state.gpus.record("a", "10.0.0.2", TWO)
        state.gpus.record("a", "10.0.0.2", TWO)
        assert state.gpus.at("a", "10.0.0.2") == TWO
        assert state.gpus.at("a", "10.0.0.9") is None  # replaced by another machine
        state.gpus.record("a", "10.0.0.9", Gpus(count=0))
        assert state.gpus.at("a", "10.0.0.9") == Gpus(count=0)
        assert state.gpus.at("a", "10.0.0.2") is None


def test_what_the_spec_declares_goes_before(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, SPEC)
    with State.open(StateFolder(tmp_path / "w")) as state:
        state.gpus.record("a", "10.0.0.2", TWO)
        state.gpus.record("b", "10.0.0.3", TWO)
        assert known(spec, state).found == {"a": TWO}
