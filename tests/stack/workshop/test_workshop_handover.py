"""A running class goes on from another folder, as on another instructor's machine: same keys, nothing to change."""

from __future__ import annotations

import json
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.stack.workshop.bed import Workshop, ask

pytestmark = pytest.mark.full(
    "a class moves to another folder; tests/unit/test_handover_packed has the file and what is in it"
)

PASSPHRASE = "eight-words-would-be-better-than-these"


@pytest.fixture(scope="module")
def first(make_workshop: Callable[..., Workshop]) -> Workshop:
    """With a certificate authority, people by name, somebody revoked and somebody with a new key."""
    workshop = make_workshop(
        "handover",
        public={"host": "127.0.0.1", "tls": "auto"},
        participants={"roster": "people.csv", "spare": 1},
        webui={"mode": "shared"},
    )
    workshop.roster(("Ada", "ada@class.org", ""), ("Bo", "bo@class.org", ""), ("Cy", "cy@class.org", ""))
    workshop.provision()
    for command, person in (("revoke", "p02"), ("rotate", "p03")):
        workshop.run("workshop", "participants", command, str(workshop.file), person)
    assert asked(workshop, workshop.person("p01"))
    workshop.run("workshop", "usage", str(workshop.file))
    return workshop


def asked(workshop: Workshop, person: dict[str, Any]) -> str:
    """The model's answer to this person, by a client that trusts the workshop's authority."""
    trust = ssl.create_default_context(cafile=str(workshop.state / "tls" / "workshop-ca.crt"))
    http, key = openai.DefaultHttpxClient(verify=trust), person["api_key"]
    with openai.OpenAI(base_url=person["api_base"], api_key=key, http_client=http, max_retries=0) as client:
        return ask(client, "tiny")


@pytest.fixture(scope="module")
def second(first: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The same workshop in another folder, after the hand-over; the machine that it runs on stays the same."""
    folder = tmp_path_factory.mktemp("second")
    passphrase = folder / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE, encoding="utf-8")
    file, secret = folder / "class.workshop", ["--passphrase-file", str(passphrase)]
    given = first.workshop("state export", "--hand-over", "--to", str(file), *secret, "--output", "json").json
    assert (given["handed_over"], sorted(given["included"])) == (True, ["people.csv", "workshop.yaml"])
    taken = first.run("workshop", "state", "import", str(file), "--to", str(folder), *secret, "--output", "json").json
    assert (taken["state"], taken["notes"]) == (str(folder / ".workshop" / first.name), [])
    assert (folder / "workshop.yaml").read_bytes() == first.file.read_bytes()
    workshop = Workshop(folder, json.loads(json.dumps(first.spec)), first.engine)
    workshop.environment["WORKSHOP_STACK_DIR"] = str(first.folder / "stack")
    return workshop


def changes(workshop: Workshop) -> list[dict[str, Any]]:
    return list(workshop.workshop("plan", "--output", "json").json["changes"])


def test_keys_and_passwords_are_the_same(first: Workshop, second: Workshop) -> None:
    assert second.people("--all") == first.people("--all")
    assert [person["state"] for person in second.people()] == ["active", "revoked", "active", "active"]


def test_nothing_would_change_and_nothing_but_the_cards_is_made_anew(second: Workshop) -> None:
    assert changes(second) == []
    before = second.starts()
    told = second.provision()
    assert (told["changes"], told["ok"], told["notes"]) == (["handouts: 3 cards"], True, [])
    assert second.provision()["changed"] == 0
    assert second.starts() == before


def test_what_was_counted_before_is_still_there(first: Workshop, second: Workshop) -> None:
    here, there = (one.workshop("usage", "--no-collect", "--output", "json").json for one in (first, second))
    assert there["rows"] == here["rows"]
    assert "p01" in [row["participant"] for row in there["rows"]]


def test_the_first_one_may_look_and_change_nothing(first: Workshop, second: Workshop) -> None:
    assert changes(first) == []
    for command in (("provision",), ("workshop", "teardown", "--yes"), ("workshop", "handouts")):
        refused = first.run(*command, str(first.file), "--output", "json", code=1).json["error"]
        assert (refused["code"], "take-back" in refused["hint"]) == ("handed_over", True)
    assert second.containers()


def test_the_second_one_changes_the_class(first: Workshop, second: Workshop) -> None:
    before = second.person("p03")
    second.run("workshop", "participants", "rotate", str(second.file), "p03")
    after = second.person("p03")
    with pytest.raises(openai.AuthenticationError):
        asked(second, before)
    assert asked(second, after)
    assert changes(second) == []


def test_who_takes_it_back_all_the_same_changes_nothing_unless_told_to_undo(first: Workshop, second: Workshop) -> None:
    aside = shutil.copytree(first.state, first.folder / "aside")
    first.workshop("state take-back")
    told = first.workshop("plan", "--output", "json").json
    assert any("--older-state undoes what it changed" in note for note in told["notes"])
    policy = (first.stack / "gateway" / "policy.json").read_bytes()
    for command in (("provision", str(first.file)), ("workshop", "participants", "revoke", str(first.file), "p01")):
        refused = first.run(*command, "--output", "json", code=1).json["error"]
        assert refused["code"] == "state_outdated"
    assert (first.stack / "gateway" / "policy.json").read_bytes() == policy
    assert asked(second, second.person("p03"))
    shutil.rmtree(first.state)
    Path(aside).rename(first.state)


def test_the_second_one_takes_it_down(second: Workshop) -> None:
    second.run("workshop", "teardown", str(second.file), "--yes")
    assert second.things() == []
    assert not second.stack.exists()
    assert not (second.state / "secret").exists()
