"""Who comes to a rehearsal: keys of their own, spread over models and ways, and what the gateway is told of them."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestrator.identity import keys
from orchestrator.identity.identity import Identity
from orchestrator.identity.limits import CallerLimits
from orchestrator.identity.participant import Participant
from orchestrator.spec.workshop import Workshop
from orchestrator.workflow.rehearsal.guests import caller, farewell, invited, over_the_page, welcome

LIMITS = CallerLimits(requests_per_minute=60, concurrent_requests=4)


def identity(secret: bytes = b"s" * 32) -> Identity:
    data = {
        "name": "w",
        "title": "W",
        "participants": {"count": 30},
        "models": [{"name": "a", "engine": "ollama", "source": "x"}],
    }
    return Identity(secret, Workshop.model_validate(data), tuple(Participant(f"p{n:02}") for n in range(1, 31)))


def test_keys_are_well_formed_different_and_nobody_elses() -> None:
    workshop = identity()
    first, another = invited(30, ["a"], 50, workshop), invited(30, ["a"], 50, identity(b"t" * 32))
    found = [guest.key.get_secret_value() for guest in (*first, *another)]
    assert len(set(found)) == 60
    assert all(keys.is_well_formed(key) for key in found)
    assert not set(found) & {workshop.key(person).get_secret_value() for person in workshop.people}
    assert [guest.id for guest in first[:2]] == ["_rehearse-001", "_rehearse-002"]


def test_keys_and_passwords_are_among_the_secrets_that_a_bundle_leaves_out() -> None:
    """So they are the same in each rehearsal; the gateway and Open WebUI know them only while one lasts."""
    guests, known = invited(30, ["a"], 100, identity()), set(identity().all_secrets())
    assert {guest.key for guest in guests} <= known
    assert {guest.account.password for guest in guests if guest.account} <= known


@pytest.mark.parametrize(("percent", "page"), [(0, 0), (25, 6), (50, 12), (100, 24)])
def test_people_are_spread_over_models_and_ways_evenly(percent: int, page: int) -> None:
    guests = invited(24, ["a", "b", "c"], percent, identity())
    assert sum(guest.account is not None for guest in guests) == page
    assert Counter(guest.model for guest in guests) == {"a": 8, "b": 8, "c": 8}
    if percent == 50:
        both = Counter((guest.model, guest.over) for guest in guests)
        assert set(both.values()) == {4}


def test_any_share_is_kept_for_any_number() -> None:
    for percent in range(101):
        for people in (1, 7, 30):
            there = sum(over_the_page(number, percent) for number in range(people))
            assert people * percent / 100 <= there < people * percent / 100 + 1


def test_the_gateway_is_told_hashes_mails_and_limits_for_a_while() -> None:
    guests = invited(4, ["a"], 50, identity())
    told = welcome(guests, ["a"], LIMITS, 90.4)
    assert told["seconds"] == 90
    assert told["keys"] == {keys.fingerprint(guest.key): guest.id for guest in guests}
    assert told["emails"] == {
        "_rehearse-001@w.workshop.local": "_rehearse-001",
        "_rehearse-003@w.workshop.local": "_rehearse-003",
    }
    assert told["callers"]["_rehearse-001"]["models"] == {"a": True}
    assert told["callers"]["_rehearse-001"]["exempt"] is True
    assert told["callers"]["_rehearse-001"]["limits"]["requests_per_minute"] == 60
    secrets = [guest.key.get_secret_value() for guest in guests]
    assert not [secret for secret in secrets if secret in str(told)]


def test_the_farewell_takes_back_all_that_the_welcome_said() -> None:
    guests = invited(4, ["a"], 50, identity())
    said, taken = welcome(guests, ["a"], LIMITS, 90), farewell(guests, 90)
    assert taken["revision"] == said["revision"] == 2**53 - 1
    for part in ("keys", "emails", "callers"):
        assert taken[part] == dict.fromkeys(said[part])


def test_a_caller_is_written_as_the_policy_writes_it() -> None:
    from orchestrator.identity.callers import Caller
    from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream
    from orchestrator.render.gateway import policy

    config = GatewayConfig(
        workshop="w",
        title="W",
        callers=(Caller("_rehearse-001", (), ("a",), limits=LIMITS, exempt=True),),
        models=(RoutedModel("a", ("u",), "vllm"),),
        upstreams=(Upstream("u", (Server("h", 1),), "a"),),
    )
    assert policy(config)["callers"]["_rehearse-001"] == caller("_rehearse-001", ["a"], LIMITS)
