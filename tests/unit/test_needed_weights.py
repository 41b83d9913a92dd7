"""Which weights a spec needs, as an archive takes them along."""

from __future__ import annotations

from pathlib import Path

from orchestrator.plan.needed_weights import needed_weights
from tests.unit.spec_samples import spec_of, with_models


def test_each_set_of_files_is_needed_once_and_what_lies_on_hosts_is_named(tmp_path: Path) -> None:
    models = (
        "name: a, engine: vllm, source: o/m",
        "name: b, engine: vllm, source: o/m, context: 4096",
        "name: c, engine: llamacpp, source: o/r/f.gguf",
        "name: d, engine: llamacpp, source: /srv/f.gguf",
        "name: e, engine: ollama, source: 'llama3.2:3b'",
        "name: f, engine: external, source: x, base_url: 'https://x.example.org/v1'",
    )
    fetches, lying = needed_weights(spec_of(tmp_path, with_models(*models)).workshop)
    assert {name: fetch.tree for name, fetch in fetches.items()} == {
        "a": "hub/models--o--m",
        "c": "o--r--f.gguf",
        "e": "llama3.2--3b",
    }
    assert lying == {"d": "/srv/f.gguf lies on the host: bring it there yourself"}


def test_practice_needs_none(tmp_path: Path) -> None:
    text = with_models("name: a, engine: vllm, source: o/m") + "practice: true\n"
    assert needed_weights(spec_of(tmp_path, text).workshop) == ({}, {})
