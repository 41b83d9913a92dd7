"""People come, go and lose their keys while the class runs: at once, for them alone, and whatever is killed."""

from __future__ import annotations

import json
import secrets
import signal
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
import requests

from orchestrator.fleet.docker_host import DockerHost
from orchestrator.fleet.gateway_admin import GatewayAdmin, GatewayFullError
from tests.stack.workshop.bed import Workshop, ask
from tests.stack.workshop.participants_bed import (
    account,
    chat_page,
    do,
    is_refused,
    nothing_would_change,
    printed,
    streams,
)
from tests.stack.workshop.provider_stand_in import Provider
from tests.unit.eventually import eventually

LAST_REVISION = 2**53 - 1  # newer than any file: for guests who are in none
AT_ONCE = 1.0  # seconds after a command has returned


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop], provider: Provider) -> Workshop:
    """Four seats, two spare ones, Open WebUI, a model that streams for as long as it is let. The tests follow on."""
    made = make_workshop(
        "live",
        practice=False,
        participants={"count": 4, "spare": 2},
        models=[
            {
                "name": "claude",
                "engine": "external",
                "source": "claude-sonnet",
                "base_url": "http://{}:{}/v1".format(*provider.server_address[:2]),
            }
        ],
        limits={"requests_per_minute": 1000, "concurrent_requests": 10},
        webui={"mode": "shared"},
    )
    told = made.provision()
    assert told["ok"] is True, told
    return made


@pytest.fixture(scope="module")
def cards(workshop: Workshop) -> dict[str, dict[str, Any]]:
    """What was printed before the class: by id."""
    return {person["id"]: person for person in workshop.people()}


@pytest.fixture(scope="module")
def admin(workshop: Workshop) -> dict[str, str]:
    return workshop.admin()


# Revoke and restore


def test_a_revoked_key_is_refused_at_once_and_its_stream_is_cut_and_nobody_elses(
    workshop: Workshop, provider: Provider, cards: dict[str, dict[str, Any]]
) -> None:
    one, other = cards["p01"], cards["p02"]
    with streams(workshop, provider, one, other) as (cut, kept):
        do(workshop, "revoke", "p01")
        answered = time.monotonic()
        assert is_refused(workshop, one["api_key"])
        assert time.monotonic() - answered < AT_ONCE
        assert cut.ended.wait(AT_ONCE)
        assert time.monotonic() - answered < AT_ONCE
        assert not any(b"[DONE]" in line for line in cut.lines)
        assert kept.goes_on
        assert ask(workshop.client(other), "claude")
    assert eventually(lambda: kept.ended.is_set() or None)
    assert kept.lines[-1] == b"data: [DONE]"


def test_a_revoked_person_is_refused_on_the_page_too(
    workshop: Workshop, cards: dict[str, dict[str, Any]], admin: dict[str, str]
) -> None:
    assert account(workshop, admin, cards["p01"])["role"] == "pending"
    assert chat_page(workshop, cards["p01"]).status_code in {401, 403}
    assert chat_page(workshop, cards["p02"]).status_code == 200


def test_restored_everything_is_as_it_was(
    workshop: Workshop, cards: dict[str, dict[str, Any]], admin: dict[str, str]
) -> None:
    (restored,) = do(workshop, "restore", "p01").json
    assert restored == cards["p01"]
    assert ask(workshop.client(restored), "claude")
    assert account(workshop, admin, restored)["role"] == "user"
    assert chat_page(workshop, restored).status_code == 200
    assert nothing_would_change(workshop)


@pytest.mark.full("the gateway is killed, stopped or paused; test_gateway_changes has the file's word at its start")
def test_a_key_revoked_just_before_nginx_is_killed_is_refused_when_it_is_back(
    workshop: Workshop, cards: dict[str, dict[str, Any]]
) -> None:
    do(workshop, "revoke", "p01")
    gateway = workshop.container("gateway")
    gateway.kill(signal="SIGKILL")
    gateway.wait()
    gateway.start()
    eventually(lambda: _answers(workshop), seconds=30)
    assert is_refused(workshop, cards["p01"]["api_key"])
    assert ask(workshop.client(cards["p02"]), "claude")
    do(workshop, "restore", "p01")
    assert ask(workshop.client(cards["p01"]), "claude")


def _answers(workshop: Workshop) -> bool | None:
    try:
        return requests.get(f"{workshop.api}/healthz", timeout=5).ok or None
    except requests.ConnectionError:
        return None


@pytest.mark.full("the gateway is killed, stopped or paused; test_gateway_changes has the file's word at its start")
def test_while_the_gateway_is_stopped_it_says_when_the_change_will_hold(
    workshop: Workshop, cards: dict[str, dict[str, Any]]
) -> None:
    workshop.container("gateway").stop()
    told = do(workshop, "revoke", "p01")
    assert "The gateway does not run: this is in effect as soon as it starts" in told.err
    assert "provision brings the accounts in line" in told.err
    assert told.json[0]["state"] == "revoked"
    workshop.container("gateway").start()
    eventually(lambda: _answers(workshop), seconds=30)
    assert is_refused(workshop, cards["p01"]["api_key"])
    do(workshop, "restore", "p01")
    assert not is_refused(workshop, cards["p01"]["api_key"])


@pytest.mark.full("the gateway is killed, stopped or paused; test_gateway_changes has the file's word at its start")
def test_while_the_gateway_is_paused_nobody_is_told_that_the_change_holds(
    workshop: Workshop, cards: dict[str, dict[str, Any]]
) -> None:
    """It would go on with what it has in memory, not with the file."""
    workshop.container("gateway").pause()
    try:
        told = do(workshop, "revoke", "p01")
    finally:
        workshop.container("gateway").unpause()
    assert "The gateway is paused: this is in effect once provision has woken it" in told.err
    workshop.provision()
    assert is_refused(workshop, cards["p01"]["api_key"])
    do(workshop, "restore", "p01")


@pytest.mark.full("tests/unit/test_participants_live has the same")
def test_a_file_that_was_edited_since_changes_nothing_for_people_who_are_not_named(
    workshop: Workshop, cards: dict[str, dict[str, Any]]
) -> None:
    as_provisioned = workshop.file.read_text(encoding="utf-8")
    workshop.file.write_text(as_provisioned.replace('"claude"', '"another"'), encoding="utf-8")
    try:
        assert workshop.file.read_text(encoding="utf-8") != as_provisioned
        do(workshop, "restore", "p03")
        assert not is_refused(workshop, cards["p04"]["api_key"])
    finally:
        workshop.file.write_text(as_provisioned, encoding="utf-8")
    workshop.provision()


# Killed, and run again


@pytest.mark.full("a command that is killed; test_webui_interrupted has one every day")
@pytest.mark.parametrize("at", ["  Gateway", "  Open WebUI", "  Cards"])
def test_killed_anywhere_the_next_provision_completes_it(
    workshop: Workshop, cards: dict[str, dict[str, Any]], admin: dict[str, str], at: str
) -> None:
    command = ("workshop", "participants", "revoke", str(workshop.file), "p02")
    code, _ = workshop.interrupt(at, signal.SIGKILL, *command)
    assert code == -signal.SIGKILL
    workshop.settle()
    workshop.provision()
    assert is_refused(workshop, cards["p02"]["api_key"])
    assert account(workshop, admin, cards["p02"])["role"] == "pending"
    assert nothing_would_change(workshop)
    do(workshop, "restore", "p02")


@pytest.mark.full("a command that is killed; test_webui_interrupted has one every day")
def test_killed_before_the_gateway_was_told_the_same_command_tells_it(
    workshop: Workshop, provider: Provider, cards: dict[str, dict[str, Any]]
) -> None:
    """The file is right by then, so that nothing differs any more."""
    revoke_without_docker(workshop, "p02")
    assert not is_refused(workshop, cards["p02"]["api_key"])
    with streams(workshop, provider, cards["p02"]) as (cut,):
        do(workshop, "revoke", "p02")
        assert is_refused(workshop, cards["p02"]["api_key"])
        assert cut.ended.wait(AT_ONCE)
    do(workshop, "restore", "p02")


@pytest.mark.full("a command that is killed; test_webui_interrupted has one every day")
def test_killed_before_the_gateway_was_told_the_next_provision_loads_the_file(
    workshop: Workshop, cards: dict[str, dict[str, Any]]
) -> None:
    revoke_without_docker(workshop, "p02")
    plan = workshop.workshop("plan", "--output", "json").json
    assert {(change["action"], change["what"], change["name"]) for change in plan["changes"]} == {
        ("update", "rules", "gateway"),
        ("update", "webui", "account p02"),
        ("update", "webui", "group workshop"),
    }
    told = workshop.provision()
    assert "here: gateway: new rules" in told["changes"] or told["changed"] > 0
    assert is_refused(workshop, cards["p02"]["api_key"])
    do(workshop, "restore", "p02")
    assert not is_refused(workshop, cards["p02"]["api_key"])


def revoke_without_docker(workshop: Workshop, person: str) -> None:
    """State and file are written; then there is nobody to tell."""
    nowhere = f"unix://{workshop.folder}/nowhere.sock"
    command = ("workshop", "participants", "revoke", str(workshop.file), person)
    assert "Docker does not answer" in workshop.run(*command, code=1, DOCKER_HOST=nowhere).err


# Rotate


def test_a_rotated_key_ends_the_new_one_works_and_is_on_a_card(
    workshop: Workshop, provider: Provider, cards: dict[str, dict[str, Any]]
) -> None:
    older = workshop.state / "handouts" / "cards-p02-p03.pdf"
    older.write_bytes(b"cards with a key that is about to die")
    with streams(workshop, provider, cards["p03"], cards["p04"]) as (cut, kept):
        ran = do(workshop, "rotate", "p03")
        assert cut.ended.wait(AT_ONCE)
        assert kept.goes_on
    (rotated,) = ran.json
    assert rotated == cards["p03"] | {"api_key": rotated["api_key"]}
    assert is_refused(workshop, cards["p03"]["api_key"])
    assert ask(workshop.client(rotated), "claude")
    assert not older.exists()
    card = workshop.state / "handouts" / "cards-p03.pdf"
    assert f"Cards: {card}" in ran.err
    assert rotated["api_key"] in printed(card)
    assert rotated["api_key"] in printed(workshop.state / "handouts" / "cards.pdf")
    assert cards["p03"]["api_key"] not in printed(workshop.state / "handouts" / "cards.pdf")
    assert nothing_would_change(workshop)


@pytest.mark.full("tests/unit/test_lock has who waits for whom")
def test_of_two_commands_at_once_one_is_told_that_the_other_is_at_work(workshop: Workshop) -> None:
    both = [workshop.start("workshop", "participants", "rotate", str(workshop.file), one) for one in ("p03", "p04")]
    ended = [(process.communicate(timeout=120), process.returncode) for process in both]
    for (_, err), code in ended:
        assert code == 0 or (code == 1 and "another command is at work" in err), err
    assert 0 in {code for _, code in ended}
    for person in workshop.people():
        assert ask(workshop.client(person), "claude")


# Somebody comes


def test_somebody_added_has_the_spare_seats_card_and_it_is_good(
    workshop: Workshop, cards: dict[str, dict[str, Any]], admin: dict[str, str]
) -> None:
    spare = cards["p05"]
    (zoe,) = do(workshop, "add", "--name", "Zoë", "--email", "zoe@class.org").json
    assert zoe == spare | {"name": "Zoë", "email": "zoe@class.org"}
    assert ask(workshop.client(spare), "claude")
    assert workshop.sign_in(spare["webui_email"], spare["webui_password"]).json()["name"] == "Zoë"
    assert "Zoë" in printed(workshop.state / "handouts" / "cards-p05.pdf")
    assert chat_page(workshop, zoe).status_code == 200
    assert account(workshop, admin, zoe)["role"] == "user"


def test_with_no_spare_seat_left_somebody_added_gets_a_key_and_an_account(workshop: Workshop) -> None:
    do(workshop, "add", "--name", "Yu", "--email", "yu@class.org")
    (bo,) = do(workshop, "add", "--name", "Bo", "--email", "bo@class.org").json
    assert (bo["id"], bo["webui_email"]) == ("p07", "bo@class.org")
    assert ask(workshop.client(bo), "claude")
    assert workshop.sign_in("bo@class.org", bo["webui_password"]).status_code == 200
    assert chat_page(workshop, bo).status_code == 200


def test_the_provision_after_that_changes_nothing(workshop: Workshop) -> None:
    assert nothing_would_change(workshop)
    assert [person["name"] for person in workshop.people()] == [None] * 4 + ["Zoë", "Yu", "Bo"]


def test_somebody_removed_is_out_and_stays_out(workshop: Workshop, provider: Provider, admin: dict[str, str]) -> None:
    p04, bo = workshop.person("p04"), workshop.person("p07")
    with streams(workshop, provider, bo, workshop.person("p01")) as (cut, kept):
        gone = do(workshop, "remove", "p07", "p04").json
        assert cut.ended.wait(AT_ONCE)
        assert kept.goes_on
    assert [(person["id"], person["state"], person["api_key"]) for person in gone] == [
        ("p04", "removed", None),
        ("p07", "removed", None),
    ]
    for person in (p04, bo):
        assert is_refused(workshop, person["api_key"])
        assert account(workshop, admin, person)["role"] == "pending"
    assert nothing_would_change(workshop)
    assert [person["id"] for person in workshop.people()] == ["p01", "p02", "p03", "p05", "p06"]


def test_a_password_of_the_persons_own_is_set_anew(workshop: Workshop) -> None:
    before = workshop.person("p02")
    token = workshop.sign_in(before["webui_email"], before["webui_password"]).json()["token"]
    form = {"password": before["webui_password"], "new_password": "my own secret 1"}
    headers = {"Authorization": f"Bearer {token}"}
    changed = requests.post(f"{workshop.webui}/api/v1/auths/update/password", json=form, headers=headers, timeout=30)
    assert changed.status_code == 200
    (after,) = do(workshop, "reset-password", "p02").json
    assert after == before | {"webui_password": after["webui_password"]}
    assert workshop.sign_in(after["webui_email"], after["webui_password"]).status_code == 200
    assert workshop.sign_in(after["webui_email"], "my own secret 1").status_code == 400
    assert ask(workshop.client(after), "claude")
    assert after["webui_password"] in printed(workshop.state / "handouts" / "cards-p02.pdf")


@pytest.mark.full("more changes than a class ever makes")
def test_when_the_gateway_can_hold_no_more_changes_it_loads_the_file(workshop: Workshop) -> None:
    """As after a very long class: here strangers' keys fill its memory."""
    admin = GatewayAdmin(DockerHost(workshop.engine, "here"), workshop.container("gateway").id)
    with pytest.raises(GatewayFullError):
        fill(admin)
    person = workshop.person("p06")
    do(workshop, "revoke", "p06")
    eventually(lambda: is_refused(workshop, person["api_key"]) or None, seconds=10)  # a reload takes a moment
    assert ask(workshop.client(workshop.person("p01")), "claude")
    do(workshop, "restore", "p06")
    eventually(lambda: not is_refused(workshop, person["api_key"]) or None, seconds=10)


def fill(admin: GatewayAdmin) -> None:
    for _ in range(30):
        strangers = {secrets.token_hex(32): None for _ in range(5000)}
        admin.post("/changes", {"revision": LAST_REVISION, "seconds": 600, "keys": strangers})


# By the spec


@pytest.mark.full("as who is removed by command")
def test_who_leaves_by_an_edit_of_the_spec_is_cut_off_by_provision_too(workshop: Workshop, provider: Provider) -> None:
    """p04 was taken out by command, so the fourth seat is nobody's, and the third is the last."""
    with streams(workshop, provider, workshop.person("p03"), workshop.person("p01")) as (cut, kept):
        workshop.write(participants={"count": 2})
        told = workshop.provision()
        assert "participant p03: removed" in told["changes"]
        assert cut.ended.wait(AT_ONCE)
        assert kept.goes_on
    assert not any(b"[DONE]" in line for line in cut.lines)
    assert [person["id"] for person in workshop.people()] == ["p01", "p02", "p05", "p06"]


# Backends


def backends(workshop: Workshop, command: str, *names: str) -> dict[str, Any]:
    ran = workshop.run("workshop", "backends", command, str(workshop.file), *names, "--output", "json")
    return dict(json.loads(ran.out))


@pytest.mark.full("test_gateway_backends has the same behind a gateway alone")
def test_a_drained_backend_gets_no_new_requests_and_finishes_those_it_has(
    workshop: Workshop, provider: Provider
) -> None:
    person = workshop.person("p01")
    (backend,) = backends(workshop, "list")["backends"]
    assert (backend["model"], backend["state"]) == ("claude", "up")
    with streams(workshop, provider, person) as (kept,):
        told = backends(workshop, "drain", backend["name"])
        assert [(one["state"], one["in_flight"]) for one in told["backends"]] == [("drained", 1)]
        assert told["notes"] == ["All backends of claude are drained: nobody can use it"]
        with pytest.raises(openai.APIStatusError) as refused:
            ask(workshop.client(person), "claude")
        assert refused.value.status_code >= 500
        assert kept.goes_on
    resume = f"workshop backends resume workshop.yaml {backend['name']}"
    assert resume in workshop.workshop("status", "--output", "json").json["advice"][0]
    workshop.provision(code=4)  # it says that the model does not answer, and leaves it so
    assert backends(workshop, "list")["backends"][0]["state"] == "drained"
    assert backends(workshop, "resume", backend["name"])["backends"][0]["state"] == "up"
    assert ask(workshop.client(person), "claude")
    assert nothing_would_change(workshop)
