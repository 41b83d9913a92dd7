"""Limits for everybody, a team, one person: what counts for whom, and how a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.identity.limits import CallerLimits, limits_at, limits_of
from orchestrator.identity.participant import Participant
from orchestrator.spec.limits import Bounds, Limits
from tests.unit.spec_samples import VALID, spec_of, told

FIELDS = ("requests_per_minute", "concurrent_requests", "tokens_per_minute", "token_budget")
ADA = Participant("p01", email="Ada@Example.org", team="staff")


def limits(folder: Path, text: str) -> Limits:
    return spec_of(folder, VALID + f"limits: {text}\n").workshop.limits


def test_without_overrides_the_default_counts(tmp_path: Path) -> None:
    assert limits_of(limits(tmp_path, "{token_budget: 9}"), ADA) == CallerLimits(60, 4, None, 9)


def test_what_does_not_stand_there_is_inherited_and_null_does_not_bound(tmp_path: Path) -> None:
    given_ = limits(tmp_path, "{requests_per_minute: 7, teams: {staff: {requests_per_minute: null}, other: {}}}")
    assert limits_of(given_, ADA) == CallerLimits(None, 4, None, None)
    assert limits_of(given_, Participant("p02", team="other")) == CallerLimits(7, 4, None, None)


def test_a_person_comes_before_the_team_and_the_id_before_the_mail(tmp_path: Path) -> None:
    given_ = limits(
        tmp_path,
        "{teams: {staff: {token_budget: 1, tokens_per_minute: 1, concurrent_requests: 1}},"
        " participants: {ADA@example.ORG: {token_budget: 2, tokens_per_minute: 2}, p01: {token_budget: 3}}}",
    )
    assert limits_of(given_, ADA) == CallerLimits(60, 1, 2, 3)


BOUNDS = st.dictionaries(st.sampled_from(FIELDS), st.none() | st.integers(1, 900)).map(Bounds.model_validate)
PEOPLE = st.builds(
    Participant,
    id=st.sampled_from(["p01", "p02"]),
    email=st.sampled_from([None, "a@b.ch", "A@B.ch", "c@d.ch"]),
    team=st.sampled_from([None, "staff", "guests"]),
)


@given(
    default=st.fixed_dictionaries({}, optional={name: st.none() | st.integers(1, 900) for name in FIELDS}),
    teams=st.dictionaries(st.sampled_from(["staff", "guests"]), BOUNDS),
    participants=st.dictionaries(st.sampled_from(["p01", "p02", "a@b.ch", "c@d.ch"]), BOUNDS),
    person=PEOPLE,
)
def test_each_field_comes_from_the_nearest_place_that_names_it(
    default: dict[str, int | None], teams: dict[str, Bounds], participants: dict[str, Bounds], person: Participant
) -> None:
    whole = Limits.model_validate(default | {"teams": teams, "participants": participants})
    found = limits_of(whole, person)
    for name in FIELDS:
        places = [
            participants.get(person.id),
            participants.get((person.email or "").lower()),
            teams.get(person.team or ""),
        ]
        expected = next(
            (getattr(place, name) for place in places if place and name in place.model_fields_set),
            getattr(whole, name),
        )
        assert getattr(found, name) == expected


def test_a_model_bounds_nothing_that_does_not_stand_there() -> None:
    assert limits_at(Bounds()) == CallerLimits()
    assert limits_at(Bounds(token_budget=5)) == CallerLimits(token_budget=5)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{teams: {staff: {tokens: 1}}}", "unknown key limits.teams.staff.tokens. Did you mean 'token_budget'?"),
        ("{teams: {staff: {token_budget: 0}}}", "limits.teams.staff.token_budget: input should be greater than"),
        ("{teams: {'a/b': {}}}", "limits.teams.a/b: expected the name of a team: letters, digits, blanks"),
        ("{participants: {'a b': {}}}", "limits.participants.a b: expected a participant's id or mail"),
        ("{participants: {p01: 5}}", "limits.participants.p01: expected a mapping, got 5"),
        (
            "{participants: {A@b.ch: {}, a@b.ch: {}}}",
            "limits.participants.a@b.ch: the same as 'A@b.ch', but for capitals",
        ),
    ],
)
def test_a_wrong_override_is_told_with_its_place(tmp_path: Path, text: str, line: str) -> None:
    (told_,) = told(tmp_path, VALID + f"limits: {text}\n")
    assert told_.startswith("workshop.yaml:8:")
    assert line in told_


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("grace: {before: 5}\n", "8:8: grace: grace is around opens and closes, and there are none"),
        (
            "opens: 2026-12-01T08:30Z\ncloses: 2026-12-01T09:30Z\ngrace: {after: 1441}\n",
            "10:16: grace.after: input should be less than or equal to 1440, got 1441",
        ),
        ("opens: 2026-12-01T08:30Z\ngrace: {after: 1}\n", "8:8: opens: opens stands without closes: give both"),
    ],
)
def test_a_wrong_grace_is_told_once(tmp_path: Path, more: str, line: str) -> None:
    (told_,) = told(tmp_path, VALID + more)
    assert told_.startswith(f"workshop.yaml:{line}")
