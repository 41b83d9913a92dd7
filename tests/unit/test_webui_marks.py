"""By what a workshop's things are told from those of others at the same Open WebUI."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from orchestrator.webui.house import place_of, with_row, without_row
from orchestrator.webui.marks import EVERYBODY, Marks, team_group

OWN, A, AB = Marks(), Marks("a", "1" * 32), Marks("a-b", "2" * 32)
TAG = "workshop-a"
OPTIONS = {"tags": [{"name": TAG}], "prefix_id": "a"}


def form(*names: str, keys: int | None = None) -> dict[str, Any]:
    return {
        "ENABLE_OPENAI_API": True,
        "OPENAI_API_BASE_URLS": [f"http://{name}/v1" for name in names],
        "OPENAI_API_KEYS": [f"key of {name}" for name in names][:keys],
        "OPENAI_API_CONFIGS": {str(number): {"tags": [{"name": name}]} for number, name in enumerate(names)},
    }


def test_at_its_own_server_a_workshop_marks_its_things_as_ever() -> None:
    assert (OWN.label, OWN.group(EVERYBODY), OWN.group(team_group("red"))) == ("workshop", "workshop", "team:red")
    assert (OWN.entry("m"), OWN.banner("0123456789abcdef")) == ("m", "workshop-0123456789ab")
    assert OWN.kept == "Kept by the workshop: what is changed here by hand is put back."


@pytest.mark.parametrize(("one", "other"), list(combinations((OWN, A, AB, Marks("b"), Marks("a-b-red")), 2)))
def test_no_two_workshops_take_each_others_things_for_their_own(one: Marks, other: Marks) -> None:
    for mine, theirs in ((one, other), (other, one)):
        assert mine.label != theirs.label
        assert mine.kept != theirs.kept
        assert not mine.is_banner(theirs.banner("0" * 16))
        assert mine.is_banner(mine.banner("0" * 16))
        for team in ("red", "b", "b:red"):
            assert not mine.is_team(theirs.group(team_group(team)))
            assert mine.is_team(mine.group(team_group(team)))
        assert mine.served(mine.entry("m")) == "m"


def test_two_deployments_of_one_name_differ_in_what_their_descriptions_say() -> None:
    other = Marks("a", "3" * 32)

    assert A.kept != other.kept
    assert other.is_of_another(A.kept)
    assert not any(A.is_of_another(text) for text in (A.kept, "Of the house", ""))


def test_the_row_goes_behind_the_others_and_out_again_without_a_trace() -> None:
    for before in (form(), form("x"), form("x", "y"), {**form("x"), "OPENAI_API_CONFIGS": {}}):
        there = with_row(before, "http://gw/v1", "secret", OPTIONS, TAG)

        assert place_of(there, TAG) == len(before["OPENAI_API_BASE_URLS"])
        assert with_row(there, "http://gw/v1", "secret", OPTIONS, TAG) == there
        assert without_row(there, TAG) == before


def test_rows_that_came_behind_ours_keep_their_options_when_it_goes() -> None:
    there = with_row(form("x"), "http://gw/v1", "secret", OPTIONS, TAG)
    later = with_row(there, "http://z/v1", "key of z", {"tags": [{"name": "z"}]}, "z")

    assert without_row(later, TAG) == form("x", "z")


def test_a_row_keeps_its_place_when_it_is_put_right() -> None:
    there = with_row(form("x"), "http://gw/v1", "secret", OPTIONS, TAG)
    later = with_row(there, "http://z/v1", "key of z", {"tags": [{"name": "z"}]}, "z")

    right = with_row(later, "http://new/v1", "other", OPTIONS, TAG)

    assert right["OPENAI_API_BASE_URLS"] == ["http://x/v1", "http://new/v1", "http://z/v1"]
    assert right["OPENAI_API_KEYS"] == ["key of x", "other", "key of z"]


def test_a_list_of_keys_that_is_too_short_does_not_shift_ours() -> None:
    there = with_row(form("x", "y", keys=1), "http://gw/v1", "secret", OPTIONS, TAG)

    assert there["OPENAI_API_KEYS"] == ["key of x", "", "secret"]


def test_without_a_row_of_ours_the_form_is_as_it_was() -> None:
    assert without_row(form("x"), TAG) == form("x")
