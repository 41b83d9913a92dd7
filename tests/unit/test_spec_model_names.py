"""Aliases, fallbacks and hidden models: names that must lead to one model each, and never round in a circle."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.spec.models import Model
from orchestrator.spec.names import fallbacks, name_problems
from tests.unit.spec_samples import spec_of, told, with_models

A, B, C = (f"name: {name}, engine: ollama, source: x" for name in "abc")


@pytest.mark.parametrize(
    ("models", "line"),
    [
        ((A + ", fallback: [mistrall]", "name: mistral, engine: ollama, source: x"),
         "5: models[1].fallback[1]: no model is named 'mistrall'. Did you mean 'mistral'?"),
        ((A + ", fallback: [zzz]",), "5: models[1].fallback[1]: no model is named 'zzz'"),
        ((A + ", fallback: [a]",), "5: models[1].fallback[1]: 'a' cannot fall back to itself"),
        ((A + ", fallback: [b, b]", B), "5: models[1].fallback[2]: 'b' stands here twice"),
        ((A + ", aliases: [a]",), "5: models[1].aliases[1]: 'a' is the model's own name"),
        ((A + ", aliases: [gpt, gpt]",), "5: models[1].aliases[2]: the alias 'gpt' stands here twice"),
        ((A + ", aliases: [b]", B), "5: models[1].aliases[1]: 'b' is the model 'b' already"),
        ((A + ", aliases: [gpt]", B + ", aliases: [gpt]"), "6: models[2].aliases[1]: 'gpt' is an alias of 'a' already"),
        ((A + ", aliases: ['a b']",), "5: models[1].aliases[1]: expected letters, digits and . _ : / -"),
        ((A, B + ", hidden: true"),
         "6: models[2].hidden: nobody could ask 'b': it is hidden, and nothing falls back to it"),
        ((A + ", balance: prompts",), "5: models[1].balance: expected 'least_connections', 'participant' or 'prompt',"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_told_with_its_place(tmp_path: Path, models: tuple[str, ...], line: str) -> None:
    (told_,) = told(tmp_path, with_models(*models))
    number, _, text = line.partition(": ")
    assert told_.startswith(f"workshop.yaml:{number}:")
    assert text in told_


def test_a_circle_is_refused_at_each_step_of_it(tmp_path: Path) -> None:
    models = (A + ", fallback: [b]", B + ", fallback: [c]", C + ", fallback: [a]")
    lines = told(tmp_path, with_models(*models))
    assert [line.split(":")[1] for line in lines] == ["5", "6", "7"]
    assert all("so this would go round in a circle" in line for line in lines)


def test_a_model_that_leads_to_a_circle_is_not_blamed_for_it(tmp_path: Path) -> None:
    models = (A + ", fallback: [b]", B + ", fallback: [c]", C + ", fallback: [b]")
    assert [line.split(":")[1] for line in told(tmp_path, with_models(*models))] == ["6", "7"]


def test_participants_may_name_all_but_hidden_models(tmp_path: Path) -> None:
    workshop = spec_of(tmp_path, with_models(A + ", fallback: [b]", B + ", hidden: true, teams: [staff]", C)).workshop
    assert [model.name for model in workshop.listed] == ["a", "c"]
    assert workshop.teams == ()


NAMES = "abcdef"


@given(st.lists(st.lists(st.sampled_from(NAMES), max_size=3, unique=True), min_size=6, max_size=6))
def test_fallbacks_end_and_come_once_whatever_points_where(edges: list[list[str]]) -> None:
    models = [
        Model.model_validate({"name": name, "engine": "ollama", "source": "x", "fallback": to})
        for name, to in zip(NAMES, edges, strict=True)
    ]
    named = {model.name: model for model in models}
    for model in models:
        found = [other.name for other in fallbacks(model, named)]
        assert len(found) == len(set(found))
        assert model.name not in found
        assert found[: len(model.fallback)][:1] == [name for name in model.fallback if name != model.name][:1]
    # refused exactly where some model can be reached from itself
    reached = dict(zip(NAMES, map(set, edges), strict=True))
    for _ in NAMES:
        reached = {name: to.union(*(reached[other] for other in to)) for name, to in reached.items()}
    assert bool(list(name_problems(models))) == any(name in to for name, to in reached.items())
