"""An Open WebUI for each participant or team: who has one, where, with which key at the gateway."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engines.size import MIB
from orchestrator.errors import UserError
from orchestrator.identity import keys
from orchestrator.identity.callers import Caller
from orchestrator.identity.identity import SERVICE, Identity
from orchestrator.identity.limits import CallerLimits
from orchestrator.identity.pages import OwnPage
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Instance
from orchestrator.plan.gateway import GatewayConfig
from orchestrator.plan.instance_memory import EACH_MIB, IDLE_MIB, RESERVE, memory_of, room_for, shortage
from orchestrator.plan.instances import instance_of, instances, own_ports, with_instances
from orchestrator.plan.policy import gateway_config
from orchestrator.plan.stacks import plan_stacks
from orchestrator.render.gateway import render_gateway
from orchestrator.spec.workshop import Workshop
from tests.unit.spec_samples import VALID, spec_of, told

SECRET = b"s" * 32
EACH = VALID + "webui: {mode: per_participant}\n"
TEAMS = VALID.replace("{count: 3}", "{roster: people.csv}") + "webui: {mode: per_team}\n"
PEOPLE = (
    Participant("p01", team="red"),
    Participant("p02", team="blue"),
    Participant("p03", team="red"),
    Participant("p04"),
)


def workshop(folder: Path, text: str) -> Workshop:
    (folder / "people.csv").write_text("name,email,team\nAda,ada@x.org,red\n", encoding="utf-8")
    return spec_of(folder, text).workshop


def config(made: Workshop, people: tuple[Participant, ...] = PEOPLE) -> GatewayConfig:
    deployment, _ = plan_stacks(made, len(people), {})
    return gateway_config(identity(made, people), deployment, {})


def identity(made: Workshop, people: tuple[Participant, ...] = PEOPLE) -> Identity:
    return Identity(SECRET, made, people)


def callers(found: GatewayConfig) -> dict[str, Caller]:
    return {caller.id: caller for caller in found.callers}


def key_of_team(made: Workshop, team: str, people: tuple[Participant, ...] = PEOPLE) -> str:
    found = identity(made, people)
    return next(found.page_key(page) for page in found.pages if page.team == team).get_secret_value()


def in_each(found: tuple[Instance, ...]) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(one.service, one.port, tuple(person.id for person in one.own.members)) for one in found]


def with_state(participant: str, state: Any) -> tuple[Participant, ...]:
    return tuple(replace(person, state=state) if person.id == participant else person for person in PEOPLE)


# who has one


def test_each_participant_has_one_at_the_port_of_their_number(tmp_path: Path) -> None:
    found = instances(workshop(tmp_path, EACH), PEOPLE)
    assert in_each(found) == [
        ("webui-p01", 3000, ("p01",)),
        ("webui-p02", 3001, ("p02",)),
        ("webui-p03", 3002, ("p03",)),
        ("webui-p04", 3003, ("p04",)),
    ]


def test_each_team_has_one_at_the_port_of_its_first_member_and_people_without_a_team_have_none(tmp_path: Path) -> None:
    found = instances(workshop(tmp_path, TEAMS), PEOPLE)
    assert in_each(found) == [
        ("webui-team-red", 3000, ("p01", "p03")),
        ("webui-team-blue", 3001, ("p02",)),
    ]
    assert instance_of(found, PEOPLE[3]) is None


def test_nobody_elses_port_network_or_name_changes_when_somebody_leaves(tmp_path: Path) -> None:
    for text in (EACH, TEAMS):
        made = workshop(tmp_path, text)
        before, after = instances(made, PEOPLE), instances(made, with_state("p02", "removed"))
        assert [(one.service, one.port, one.subnet) for one in before] == [
            (one.service, one.port, one.subnet) for one in after
        ]
        assert [one.service for one in before if one.runs and not after[before.index(one)].runs] == [before[1].service]


def test_one_for_all_and_none_have_no_instances(tmp_path: Path) -> None:
    for mode in ("shared", "none"):
        assert instances(workshop(tmp_path, VALID + f"webui: {{mode: {mode}}}\n"), PEOPLE) == ()


def test_teams_that_differ_in_punctuation_only_have_one_each(tmp_path: Path) -> None:
    people = (Participant("p01", team="a b"), Participant("p02", team="A-b"))
    assert [one.service for one in instances(workshop(tmp_path, TEAMS), people)] == [
        "webui-team-a-b",
        "webui-team-a-b-v2",
    ]


# networks and ports


def test_their_networks_are_private_and_apart(tmp_path: Path) -> None:
    people = tuple(Participant(f"p{number:02}") for number in range(1, 101))
    found = [ipaddress.IPv4Network(one.subnet) for one in instances(workshop(tmp_path, EACH), people)]
    assert all(one.is_private and one.num_addresses == 8 for one in found)
    assert not any(one.overlaps(other) for number, one in enumerate(found) for other in found[:number])


def test_two_workshops_of_one_host_draw_different_addresses(tmp_path: Path) -> None:
    first, second = (workshop(tmp_path, EACH.replace("name: class", f"name: {name}")) for name in ("one", "two"))
    assert instances(first, PEOPLE)[0].subnet != instances(second, PEOPLE)[0].subnet


def test_addresses_can_be_given_and_must_be_enough(tmp_path: Path) -> None:
    made = workshop(tmp_path, VALID + "webui: {mode: per_participant, subnets: 10.9.0.0/28}\n")
    assert [one.subnet for one in instances(made, PEOPLE[:2])] == ["10.9.0.0/29", "10.9.0.8/29"]
    with pytest.raises(UserError, match=r"10\.9\.0\.0/28, has addresses for 2 only") as caught:
        instances(made, PEOPLE)
    assert caught.value.code == "too_many_instances"


@pytest.mark.parametrize("subnets", ["8.8.8.0/24", "10.0.0.1/8", "10.0.0.0/30", "fd00::/64", "all"])
def test_what_is_no_private_range_is_refused_with_its_place(tmp_path: Path, subnets: str) -> None:
    (line,) = told(tmp_path, VALID + f"webui: {{mode: per_participant, subnets: '{subnets}'}}\n")
    assert line.startswith("workshop.yaml:8:")
    assert "expected private addresses like 10.200.0.0/20" in line


def test_a_port_of_the_gateway_among_theirs_is_told(tmp_path: Path) -> None:
    made = workshop(tmp_path, VALID + "webui: {mode: per_participant, port: 8078}\n")
    assert [port for port, _ in own_ports(instances(made, PEOPLE[:2]))] == [8078, 8079]
    with pytest.raises(UserError, match=r"port 8080 is gateway\.port already"):
        instances(made, PEOPLE)


def test_the_gateways_stack_runs_them_and_the_one_for_all_is_not_there(tmp_path: Path) -> None:
    made = workshop(tmp_path, EACH)
    (stack,) = with_instances(plan_stacks(made, 4, {})[0], made, with_state("p02", "removed")).stacks
    assert [name for name in stack.services if name.startswith("webui")] == ["webui-p01", "webui-p03", "webui-p04"]
    assert len(stack.instances) == 4


# keys


def test_no_key_may_ask_in_somebody_elses_name(tmp_path: Path) -> None:
    """The administrators of an instance read its keys, and would speak for everybody."""
    for text in (EACH, TEAMS):
        made = workshop(tmp_path, text)
        found = config(made)
        assert not any(caller.service for caller in found.callers)
        assert SERVICE not in callers(found)
        assert (
            keys.fingerprint(identity(made).service_key) not in json.loads(render_gateway(found)["policy.json"])["keys"]
        )


def test_a_team_may_ask_what_its_members_may_together(tmp_path: Path) -> None:
    text = (
        TEAMS
        + "limits: {requests_per_minute: 10, concurrent_requests: 2, participants: {p03: {requests_per_minute: 30}}}\n"
    )
    red = callers(config(workshop(tmp_path, text)))["team-red"]
    assert red.limits is not None
    assert (red.limits.requests_per_minute, red.limits.concurrent_requests, red.limits.token_budget) == (40, 4, None)
    assert red.models == ("m",)
    assert (red.exempt, red.service, red.email) == (False, False, None)


def test_a_team_sees_its_own_models(tmp_path: Path) -> None:
    text = TEAMS.replace("    engine: ollama\n", "    engine: ollama\n    teams: [blue]\n")
    found = callers(config(workshop(tmp_path, text)))
    assert (found["team-red"].models, found["team-blue"].models) == ((), ("m",))


def test_who_leaves_a_team_knows_no_key_of_it_any_more(tmp_path: Path) -> None:
    made = workshop(tmp_path, TEAMS)
    known = {key_of_team(made, "red")}
    for state in ("revoked", "removed"):
        people = with_state("p03", state)
        assert key_of_team(made, "red", people) not in known
        assert callers(config(made, people))["team-red"].key_hashes != callers(config(made))["team-red"].key_hashes
        assert callers(config(made, people))["team-blue"] == callers(config(made))["team-blue"]


def test_a_newcomer_leaves_the_teams_key_as_it_is(tmp_path: Path) -> None:
    made, people = workshop(tmp_path, TEAMS), (*PEOPLE, Participant("p05", team="red"))
    assert key_of_team(made, "red", people) == key_of_team(made, "red")
    assert identity(made).key(PEOPLE[0]).get_secret_value() != key_of_team(made, "red")
    assert [page.caller for page in identity(made).pages] == ["team-red", "team-blue"]


def test_a_team_whose_members_are_all_out_and_one_left_bare_have_no_key(tmp_path: Path) -> None:
    assert "team-blue" not in callers(config(workshop(tmp_path, TEAMS), with_state("p02", "revoked")))
    bare = TEAMS.replace("mode: per_team", "mode: per_team, bare: true")
    assert not any(name.startswith("team-") for name in callers(config(workshop(tmp_path, bare))))


def test_the_key_that_reads_files_opens_the_one_model_and_ends_with_its_peoples_access(tmp_path: Path) -> None:
    """Before the class comes, too; and with a bound of its own, not the person's."""
    for text, name, other in ((EACH, "p03", "p01"), (TEAMS, "team-red", "team-blue")):
        made = workshop(tmp_path, searching(text) + "limits: {concurrent_requests: 1, token_budget: 5}\n")
        found = callers(config(made))
        reader = found[f"_embeddings-{name}"]
        assert (reader.models, reader.exempt, reader.service, reader.email) == (("e",), True, False, None)
        assert reader.limits == CallerLimits(concurrent_requests=64 * len(of_caller(made, name).active))
        for state in ("revoked", "removed"):
            after = callers(config(made, with_state("p03", state)))
            assert after.get(f"_embeddings-{name}", NOBODY).key_hashes != reader.key_hashes
            assert after[f"_embeddings-{other}"] == found[f"_embeddings-{other}"]
        rotated = tuple(replace(p, key_generation=2) if p.id == "p03" else p for p in PEOPLE)
        changes = callers(config(made, rotated))[f"_embeddings-{name}"].key_hashes != reader.key_hashes
        assert changes is (name == "p03")  # a team's own key stays, too


def test_who_may_not_use_the_model_has_no_key_that_reads_with_it(tmp_path: Path) -> None:
    found = callers(config(workshop(tmp_path, searching(EACH, ", teams: [red]"))))
    assert [name for name in found if name.startswith("_embeddings")] == ["_embeddings-p01", "_embeddings-p03"]


def test_one_for_all_has_the_one_key_and_one_left_bare_has_none(tmp_path: Path) -> None:
    found = callers(config(workshop(tmp_path, searching(VALID + "webui: {mode: shared}\n"))))
    assert [name for name in found if name.startswith("_embeddings")] == ["_embeddings"]
    assert found["_embeddings"].limits == CallerLimits()
    bare = callers(
        config(workshop(tmp_path, EACH.replace("mode: per_participant", "mode: per_participant, bare: true")))
    )
    assert not any(name.startswith("_embeddings") for name in bare)


NOBODY = Caller(id="nobody", key_hashes=(), models=())


def searching(text: str, more: str = "") -> str:
    model = f"  - {{name: e, engine: llamacpp, source: o/r/f.gguf, embeds: true{more}}}\n"
    return text.replace("webui: {", f"{model}webui: {{embeddings: e, ", 1)


def of_caller(made: Workshop, name: str) -> OwnPage:
    return next(page for page in identity(made).pages if page.caller == name)


# the gateway's pages


def test_nginx_has_a_port_for_each_and_says_so_of_one_that_was_closed(tmp_path: Path) -> None:
    text = render_gateway(config(workshop(tmp_path, EACH), with_state("p02", "removed")))["nginx.conf"]
    for number in (0, 2, 3):
        assert f"listen  {10000 + number};" in text
        assert f"server  webui-p0{number + 1}:8080 resolve" in text
        assert f"proxy_pass  http://open_webui_{number + 1};" in text
    assert "webui-p02" not in text
    assert text.count("This Open WebUI was closed.") == 1


def test_their_cookies_have_names_of_their_own_and_the_one_for_all_keeps_its(tmp_path: Path) -> None:
    """A browser sends a cookie to every port of its host, and the next port's administrator is another participant."""
    own = render_gateway(config(workshop(tmp_path, EACH)))["nginx.conf"]
    assert own.count("proxy_set_header  Cookie  $own_cookies;") == own.count("js_header_filter  pages.rename;") == 4
    assert "own_cookies" not in render_gateway(config(workshop(tmp_path, VALID)))["nginx.conf"]


# memory


def test_what_does_not_fit_is_told_with_what_would() -> None:
    fits = room_for(8 << 30)
    assert fits == ((8 << 30) - RESERVE) // (EACH_MIB * MIB)
    assert shortage(fits, 8 << 30) is None
    assert f"hold {fits}" in (shortage(fits + 1, 8 << 30) or "")
    assert room_for(RESERVE) == room_for(0) == 0
    assert room_for(8 << 30, others=memory_of(2)) == fits - 2
    assert IDLE_MIB < EACH_MIB
