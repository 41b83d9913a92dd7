"""Names of services: a DNS label for each, different for models that differ only in punctuation."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.identity.identity import Identity
from orchestrator.labels import distinct, slug
from orchestrator.workflow.wanted.desired import planned
from tests.unit.spec_samples import spec_of, with_models

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MODEL = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._:/-]{0,20}[A-Za-z0-9])?", fullmatch=True)


def test_models_that_differ_in_punctuation_get_services_of_their_own(tmp_path: Path) -> None:
    names = ["a.b", "a-b", "A:b", "a-b-v2", "a-b-1"]
    text = with_models(*(f"name: '{name}', engine: ollama, source: x, replicas: 2" for name in names))
    services = [backend.service for backend in planned(spec_of(tmp_path, text), {}).backends]
    assert len(set(services)) == 2 * len(names)
    assert services[:4] == ["model-a-b-1", "model-a-b-2", "model-a-b-v2-1", "model-a-b-v2-2"]


@given(names=st.lists(MODEL, unique=True, max_size=12))
def test_any_names_become_different_labels(names: list[str]) -> None:
    short = distinct(names, lambda name: f"model-{slug(name)}")
    assert list(short) == names
    assert len(set(short.values())) == len(names)
    assert all(LABEL.fullmatch(f"fetch-{label}-64") for label in short.values())


def test_teams_that_differ_in_punctuation_are_verified_apart(tmp_path: Path) -> None:
    text = with_models("name: m, engine: ollama, source: x, teams: [A b, a-b, a.b]")
    found = Identity(b"s" * 32, spec_of(tmp_path, text).workshop, ()).verifiers
    assert [(person.id, person.team) for person in found] == [
        ("_verify", None),
        ("_verify-a-b", "A b"),
        ("_verify-a-b-v2", "a-b"),
        ("_verify-a-b-v3", "a.b"),
    ]
