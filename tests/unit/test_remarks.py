"""What a valid spec probably does not mean is said with its line, and stops nothing."""

from __future__ import annotations

from pathlib import Path

from orchestrator.identity.participant import Participant
from orchestrator.plan.remarks import remarks, team_slips
from tests.unit.spec_samples import spec_of, with_models

PEOPLE = (
    Participant("p01", email="Ada@example.org", team="staff"),
    Participant("p02", email="gone@example.org", team="guests", state="removed"),
    Participant("p03"),
)
M = "name: m, engine: ollama, source: x"


def said(folder: Path, *models: str, more: str = "") -> list[str]:
    return list(remarks(spec_of(folder, with_models(*models) + more), PEOPLE))


def test_names_that_somebody_has_are_not_remarked(tmp_path: Path) -> None:
    more = "limits: {teams: {staff: {}}, participants: {ADA@example.org: {}, p03: {}}}\ninstructors: [staff]\n"
    assert said(tmp_path, M + ", teams: [staff]", more=more) == []


def test_a_team_that_nobody_is_in_is_remarked_wherever_it_stands(tmp_path: Path) -> None:
    more = "limits:\n  teams:\n    stuff: {}\ninstructors: [guests]\n"
    assert said(tmp_path, M + ", teams: [staff, students]", more=more) == [
        "workshop.yaml:5: nobody is in the team 'students'",
        "workshop.yaml:8: nobody is in the team 'stuff'. Did you mean 'staff'?",
        "workshop.yaml:9: nobody is in the team 'guests'",
    ]


def test_limits_of_nobody_are_remarked_with_the_nearest_spelling(tmp_path: Path) -> None:
    more = "limits:\n  participants:\n    ada@exampel.org: {}\n    p02: {}\n    gone@example.org: {}\n"
    assert said(tmp_path, M, more=more)[:2] == [
        "workshop.yaml:8: no participant has the id or mail 'ada@exampel.org'. Did you mean 'ada@example.org'?",
        "workshop.yaml:9: no participant has the id or mail 'p02'. Did you mean 'p03'?",
    ]
    assert len(said(tmp_path, M, more=more)) == 3


def test_a_fallback_that_reaches_further_than_its_team_is_remarked(tmp_path: Path) -> None:
    staff = "name: s, engine: ollama, source: x, teams: [staff]"
    assert said(tmp_path, M + ", fallback: [s]", staff) == [
        "workshop.yaml:5: m falls back to s, also for people whose team may not name s"
    ]
    assert said(tmp_path, M + ", fallback: [s], teams: [staff]", staff) == []
    assert said(tmp_path, M + ", fallback: [s]", staff.replace("teams: [staff]", "hidden: true")) == []


def test_a_key_that_travels_unencrypted_is_remarked(tmp_path: Path) -> None:
    external = "name: m, engine: external, source: x, base_url: 'http://10.0.0.5:8000/v1'"
    assert said(tmp_path, external) == []
    keyed = external + ", api_key: '${env:KEY}'"
    assert said(tmp_path, keyed) == ["workshop.yaml:5: the key of m travels unencrypted: its base_url is http://"]
    assert said(tmp_path, keyed, more="practice: true\n") == []


def test_who_joins_a_team_that_is_spelt_almost_like_one_is_remarked(tmp_path: Path) -> None:
    workshop = spec_of(tmp_path, with_models("name: m, engine: ollama, source: x, teams: [staff]")).workshop
    assert team_slips(workshop, [Participant("p01", team="staf")]) == (
        "nothing is for the team 'staf'. Did you mean 'staff'?",
    )
    assert (
        team_slips(
            workshop, [Participant("p01", team="staff"), Participant("p02", team="visitors"), Participant("p03")]
        )
        == ()
    )


def test_who_has_no_open_webui_for_want_of_a_team_is_remarked(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,email,team\nAda,ada@example.org,staff\n", encoding="utf-8")
    text = with_models(M).replace("{count: 3}", "{roster: people.csv}") + "webui: {mode: per_team}\n"
    spec = spec_of(tmp_path, text)
    assert list(remarks(spec, PEOPLE)) == ["workshop.yaml:6: without a team there is no Open WebUI: p03"]


def test_an_address_that_containers_take_for_their_own_is_remarked_where_people_connect_by_hand(tmp_path: Path) -> None:
    more = "public: {host: 127.0.0.1}\nwebui: {mode: per_participant, bare: true}\n"
    (line,) = said(tmp_path, M, more=more)
    assert line.startswith("workshop.yaml:6: an Open WebUI that people connect by hand can't reach 127.0.0.1")
    assert said(tmp_path, M, more=more.replace(", bare: true", "")) == []
