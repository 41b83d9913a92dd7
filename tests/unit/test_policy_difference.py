"""What a running gateway is told when its policy changes: the difference, and no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import WorkshopError
from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.policy import gateway_config
from orchestrator.plan.policy_difference import is_nothing, policy_difference
from orchestrator.plan.stacks import plan_stacks
from orchestrator.render.gateway import render_gateway
from orchestrator.render.policy_file import policy_text, with_people
from tests.unit.spec_samples import spec_of, with_models

A, B, C = "a" * 64, "b" * 64, "c" * 64


def caller(*models: str) -> dict[str, Any]:
    return {"models": dict.fromkeys(models, True), "limits": {}}


def policy(**parts: Any) -> dict[str, Any]:
    return {
        "revision": 1,
        "callers": {"p01": caller("m"), "p02": caller("m")},
        "keys": {A: "p01", B: "p02"},
        "emails": {"a@x.org": "p01", "b@x.org": "p02"},
        "models": {"m": {}},
        "backends": {"m-1": {"drained": False, "health": "/health"}, "m-2": {"drained": False, "health": None}},
        "window": {"opens": None},
        **parts,
    }


def test_who_is_revoked_is_told_as_gone_and_nobody_else_is_named() -> None:
    new = policy(
        revision=2, callers={"p01": caller("m")}, keys={A: "p01"}, emails={"a@x.org": "p01"}, title="is for provision"
    )
    assert policy_difference(policy(), new) == {
        "revision": 2,
        "callers": {"p02": None},
        "keys": {B: None},
        "emails": {"b@x.org": None},
        "drained": {},
    }


def test_a_rotated_key_is_the_old_one_gone_and_the_new_one_given() -> None:
    told = policy_difference(policy(), policy(revision=2, keys={A: "p01", C: "p02"}))
    assert (told["keys"], told["callers"], told["emails"]) == ({B: None, C: "p02"}, {}, {})


def test_a_drained_backend_is_told_by_name() -> None:
    backends = {"m-1": {"drained": True, "health": "/health"}, "m-3": {"drained": False, "health": None}}
    assert policy_difference(policy(), policy(backends=backends))["drained"] == {"m-1": True, "m-3": False}


def test_what_is_stated_is_told_though_the_files_agree() -> None:
    stated = {"callers": {"p01", "p09"}, "keys": {A, C}, "emails": {"a@x.org"}, "drained": {"m-2", "gone"}}
    told = policy_difference(policy(), policy(), stated={kind: frozenset(names) for kind, names in stated.items()})
    assert told == {
        "revision": 1,
        "callers": {"p01": caller("m"), "p09": None},
        "keys": {A: "p01", C: None},
        "emails": {"a@x.org": "p01"},
        "drained": {"m-2": False},
    }


def test_a_policy_of_an_earlier_version_has_no_backends() -> None:
    old = {key: value for key, value in policy().items() if key not in {"backends", "revision"}}
    assert policy_difference(old, policy())["drained"] == {"m-1": False, "m-2": False}


names = st.text("abcdef", min_size=1, max_size=3)
owners = st.dictionaries(names, st.sampled_from(["p01", "p02"]), max_size=4)
policies = st.builds(
    lambda **parts: {"revision": 1, **parts},
    callers=st.dictionaries(names, st.integers().map(lambda number: {"limit": number}), max_size=4),
    keys=owners,
    emails=owners,
    backends=st.dictionaries(names, st.booleans().map(lambda drained: {"drained": drained}), max_size=4),
)


@given(policies, policies)
def test_told_the_difference_the_old_policy_is_the_new_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    told = json.loads(json.dumps(policy_difference(old, new)))
    for kind in ("callers", "keys", "emails"):
        after = {name: value for name, value in {**old[kind], **told[kind]}.items() if value is not None}
        assert after == new[kind]
    drained = {name: backend["drained"] for name, backend in old["backends"].items()} | told["drained"]
    assert {name: drained[name] for name in new["backends"]} == {n: b["drained"] for n, b in new["backends"].items()}


@given(policies)
def test_the_same_policy_is_nothing_to_tell(one: dict[str, Any]) -> None:
    assert is_nothing(policy_difference(one, one))


@given(policies, policies)
def test_nothing_to_tell_is_the_same_policy(old: dict[str, Any], new: dict[str, Any]) -> None:
    if is_nothing(policy_difference(old, new)):
        assert [old[kind] for kind in ("callers", "keys", "emails")] == [
            new[kind] for kind in ("callers", "keys", "emails")
        ]


# The file


CHANGE = {"id": "0" * 16, "who": "ada@there", "at": "2026-12-01T08:00:00Z"}


def test_the_standing_file_keeps_all_but_people_drained_backends_and_revision() -> None:
    people = policy(callers={"p02": caller("m")}, keys={C: "p02"}, emails={}, window={"opens": 7}, models={"n": {}})
    assert with_people(policy(), people, {"m-2", "gone"}, 5, CHANGE, {"p02"}) == policy(
        revision=5,
        change=CHANGE,
        callers={"p02": caller("m")},
        keys={C: "p02"},
        emails={},
        backends={"m-1": {"drained": False, "health": "/health"}, "m-2": {"drained": True, "health": None}},
    )


def test_a_model_that_was_not_provisioned_yet_is_for_nobody() -> None:
    people = policy(callers={"p01": caller("m", "new"), "p02": caller("new")})
    written = with_people(policy(), people, frozenset(), 2, CHANGE, {"p01", "p02"})
    assert {name: list(entry["models"]) for name, entry in written["callers"].items()} == {"p01": ["m"], "p02": []}


def test_who_is_not_named_may_what_they_might_whatever_was_written_into_the_spec_since() -> None:
    standing = policy(callers={"p01": caller("m"), "p02": caller("m")})
    people = policy(callers={"p01": caller(), "p02": caller(), "p03": caller("m")})
    written = with_people(standing, people, frozenset(), 2, CHANGE, {"p02"})
    assert written["callers"] == {"p01": caller("m"), "p02": caller(), "p03": caller("m")}


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"keys": {"short": "p01"}}, "not a SHA-256"),
        ({"keys": {A: "p09"}}, "'p09', who is no caller"),
        ({"emails": {"A@x.org": "p01"}}, "capitals"),
        ({"emails": {"z@x.org": "p09"}}, "a mail belongs to 'p09'"),
    ],
)
def test_a_policy_that_contradicts_itself_is_never_written(part: dict[str, Any], why: str) -> None:
    with pytest.raises(WorkshopError, match=why):
        with_people(policy(), policy(**part), frozenset(), 2)


def test_equal_policies_are_equal_files() -> None:
    shuffled = dict(reversed(policy().items()))
    assert policy_text(shuffled) == policy_text(policy())
    assert policy_text(policy()).endswith("}\n")


def test_without_a_change_the_file_that_was_provisioned_stays_byte_by_byte(tmp_path: Path) -> None:
    workshop = spec_of(tmp_path, with_models("name: m, engine: ollama, source: x, replicas: 2")).workshop
    deployment, _ = plan_stacks(workshop, 2, {})
    people = (Participant("p01", name="李"), Participant("p02", state="revoked"))
    config = gateway_config(
        Identity(b"s" * 32, workshop, people), deployment, {}, revision=7, change=CHANGE, drained={"model-m-2"}
    )
    provisioned = render_gateway(config)["policy.json"]
    standing = json.loads(provisioned)
    assert policy_text(with_people(standing, standing, {"model-m-2"}, 7, CHANGE)) == provisioned
    assert [name for name, backend in standing["backends"].items() if backend["drained"]] == ["model-m-2"]
