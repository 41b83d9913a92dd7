"""How a rehearsal fits a workshop: which models are asked, how many people, and what is said beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UserError
from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.spec.loader import Spec, load
from orchestrator.workflow.rehearsal.guests import invited
from orchestrator.workflow.rehearsal.plan import Asked, chosen, extent_of, percent_over_page, remarks

OWN = "{name: own, engine: vllm, source: a/b, context: 8192, gpus: 1, fallback: [paid]}"
PAID = "{name: paid, engine: external, base_url: 'https://api.example.org/v1', source: x}"
HIDDEN = "{name: spare, engine: vllm, source: a/c, gpus: 1, hidden: true}"


def spec(folder: Path, *models: str, **more: Any) -> Spec:
    file = folder / "workshop.yaml"
    lines = ["name: w", "title: W", "participants: {count: 3}", "models:", *(f"  - {model}" for model in models)]
    lines += [f"{name}: {value}" for name, value in more.items()]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load(file)


def identity(spec: Spec) -> Identity:
    return Identity(b"s" * 32, spec.workshop, ())


def test_a_provider_is_asked_only_where_it_is_named(tmp_path: Path) -> None:
    both = spec(tmp_path, OWN, PAID)
    assert list(chosen(both, ())) == ["own"]
    assert list(chosen(both, ("paid", "own", "paid"))) == ["paid", "own"]
    with pytest.raises(UserError, match="every model of this workshop is a provider's"):
        chosen(spec(tmp_path, PAID), ())


def test_practice_has_no_providers(tmp_path: Path) -> None:
    assert list(chosen(spec(tmp_path, OWN, PAID, practice="true"), ())) == ["own", "paid"]


def test_nobody_can_ask_a_hidden_model(tmp_path: Path) -> None:
    hidden = spec(tmp_path, OWN.replace("[paid]", "[paid, spare]"), PAID, HIDDEN)
    assert list(chosen(hidden, ())) == ["own"]
    with pytest.raises(UserError, match="no model 'spare'"):
        chosen(hidden, ("spare",))


def test_a_wrong_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        chosen(spec(tmp_path, OWN, PAID), ("onw",))
    assert refused.value.hint == "Did you mean 'own'?"


def test_a_fallback_that_sends_a_bill_is_said(tmp_path: Path) -> None:
    both = spec(tmp_path, OWN, PAID)
    guests = invited(4, ["own"], 50, identity(both))
    assert "own falls back to paid" in remarks(both, chosen(both, ()), guests, guests)[0]
    without = spec(tmp_path, OWN.replace(", fallback: [paid]", ""), PAID)
    assert remarks(without, chosen(without, ()), guests, guests) == []


def test_accounts_that_were_not_ready_are_said(tmp_path: Path) -> None:
    plain = spec(tmp_path, OWN.replace(", fallback: [paid]", ""))
    comers = invited(4, ["own"], 100, identity(plain))
    guests = (*comers[:3], replace(comers[3], account=None))
    assert remarks(plain, chosen(plain, ()), comers, guests) == [
        "3 of 4 accounts were ready in time; the others asked over the API."
    ]


def test_as_many_come_as_take_part(tmp_path: Path) -> None:
    people = [
        Participant("p01"),
        Participant("p02"),
        Participant("p03", state="revoked"),
        Participant("p04", spare=True),
    ]
    models = chosen(spec(tmp_path, OWN, PAID), ())
    extent = extent_of(Asked(), people, models, practice=False)
    assert (extent.people, extent.budget) == (2, 12_000)
    assert extent_of(Asked(people=9, budget=500), people, models, practice=False).people == 9
    assert extent_of(Asked(), people[3:], models, practice=False).people == 1


def test_a_long_question_fits_the_smallest_context(tmp_path: Path) -> None:
    models = chosen(spec(tmp_path, OWN, PAID), ())
    assert extent_of(Asked(), [], models, practice=False).prompt == 2458
    assert extent_of(Asked(), [], models, practice=True).prompt == 614


def test_nobody_goes_over_a_page_that_is_not_there() -> None:
    assert percent_over_page(Asked(), has_webui=False) == 0
    assert percent_over_page(Asked(webui_percent=0), has_webui=False) == 0
    assert percent_over_page(Asked(), has_webui=True) == 50
    with pytest.raises(UserError, match="has no Open WebUI"):
        percent_over_page(Asked(webui_percent=10), has_webui=False)
