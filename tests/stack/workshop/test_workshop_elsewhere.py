"""A class whose Open WebUI belongs to others: provisioned, asked, looked at, archived, and gone without a trace."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import docker
import pytest
import requests

from orchestrator.spec.components import Component
from tests.stack.workshop.bed import Workshop, llama
from tests.stack.workshop.house_bed import House, house

pytestmark = pytest.mark.full(
    "a class at an Open WebUI of others, minutes; tests/unit/test_webui_matching has what is whose"
)

GRACE = "grace@house.example.org"


@dataclass(frozen=True)
class Visit:
    """A workshop at a house, as it was provisioned; `before` is what the house had."""

    house: House
    workshop: Workshop
    document: dict[str, Any]
    before: str
    grace: str  # the account that she had there already


@pytest.fixture(scope="module")
def visit(
    engine: docker.DockerClient, packaged: Callable[[Component], str], make_workshop: Callable[..., Workshop]
) -> Iterator[Visit]:
    (bridge,) = engine.networks.get("bridge").attrs["IPAM"]["Config"]
    with house(engine, packaged(Component("webui"))) as found:
        grace = found.account(GRACE, "Grace of the house")
        before = found.everything()
        workshop = make_workshop(
            "elsewhere",
            public={"host": bridge["Gateway"]},  # where containers find this machine
            participants={"roster": "people.csv"},
            models=[llama("tiny"), llama("staff-model", teams=["staff"])],
            webui={
                "mode": "shared",
                "url": found.url,
                "admin_key": "${env:HOUSE_KEY}",
                "welcome": "Hello",
                "presets": [{"name": "tutor", "model": "tiny", "system": "Ask back."}],
            },
        )
        workshop.roster(("Grace", GRACE, "staff"), ("Bob", "bob@class.example.org", ""))
        workshop.environment["HOUSE_KEY"] = found.key
        yield Visit(found, workshop, workshop.provision(), before, grace)
        workshop.remove()


def test_everything_works_there_and_again_there_is_nothing_to_do(visit: Visit) -> None:
    asked = {check["target"] for check in visit.document["checks"] if check["ok"]}

    assert visit.document["ok"]
    assert asked >= {f"Open WebUI, {visit.workshop.name}.{name}" for name in ("tiny", "staff-model", "tutor")}
    assert visit.document["webui_url"] == visit.house.url
    assert "webui" not in visit.workshop.containers()
    assert visit.workshop.provision()["changed"] == 0
    assert visit.workshop.workshop("plan", "--output", "json").json["changes"] == []


def test_participants_ask_through_it_and_the_gateway_knows_them(visit: Visit) -> None:
    grace, bob = visit.workshop.people()
    name = visit.workshop.name

    listed = requests.get(
        f"{visit.house.url}/api/models", headers={"Authorization": f"Bearer {bob['webui_api_key']}"}, timeout=60
    ).json()

    assert {one["id"] for one in listed["data"]} == {f"{name}.tiny", f"{name}.tutor"}
    assert (grace["webui_email"], grace["webui_password"], grace["webui_api_key"]) == (GRACE, None, None)
    body = {"model": f"{name}.tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    answer = requests.post(
        f"{visit.house.url}/api/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {bob['webui_api_key']}"},
        timeout=120,
    )
    assert answer.status_code == 200
    rows = visit.workshop.workshop("usage", "--output", "json").json["rows"]
    assert any(row["participant"] == bob["id"] and row["requests"] for row in rows)


def test_what_somebody_changes_there_is_in_the_plan_and_put_back(visit: Visit) -> None:
    visit.house.ask("POST", "/api/v1/models/model/delete", {"id": f"{visit.workshop.name}.tutor"})

    changes = visit.workshop.workshop("plan", "--output", "json").json["changes"]

    assert [(one["action"], one["name"]) for one in changes] == [("create", f"model {visit.workshop.name}.tutor")]
    assert visit.workshop.provision()["changed"] >= 1
    assert visit.workshop.workshop("plan", "--output", "json").json["changes"] == []


def test_the_archive_has_the_workshops_own_accounts_alone(visit: Visit) -> None:
    to = visit.workshop.folder / "class.tar.gz"
    visit.workshop.workshop("archive", "--to", str(to))

    with tarfile.open(to) as archive:
        (member,) = [name for name in archive.getnames() if name.endswith("accounts.json")]
        file = archive.extractfile(member)
        assert file
        rows = json.load(file)

    assert {row["email"] for row in rows if row["account"]} == {
        "bob@class.example.org",
        *(f"{who}@{visit.workshop.name}.workshop.local" for who in ("_verify", "_verify-staff")),
    }


def test_a_password_that_is_the_persons_own_is_not_reset(visit: Visit) -> None:
    ran = visit.workshop.run(
        "workshop", "participants", "reset-password", str(visit.workshop.file), "p01", "--output", "json", code=1
    )

    assert ran.json["error"]["code"] == "account_is_theirs"


def test_a_key_that_is_no_longer_taken_is_told_and_teardown_goes_on_when_there_is_another(visit: Visit) -> None:
    workshop, house = visit.workshop, visit.house

    seen = workshop.workshop("status", "--output", "json", HOUSE_KEY="sk-expired").json
    failed = workshop.run(
        "workshop", "teardown", str(workshop.file), "--yes", "--output", "json", code=3, HOUSE_KEY="x"
    )

    assert not seen["ok"]
    assert any(house.url in line and "webui.admin_key" in line for line in seen["advice"])
    (problem,) = failed.json["problems"]
    assert (problem["code"], house.url in problem["message"]) == ("webui_key_refused", True)
    assert "stays until then" in problem["hint"]
    assert workshop.things() == []
    assert f"model {workshop.name}.tiny" not in visit.before
    assert f"{workshop.name}.tiny" in house.everything()

    done = workshop.run("workshop", "teardown", str(workshop.file), "--yes", "--output", "json").json

    assert (done["ok"], done["left"]) == (True, [])
    assert f"{house.url}: group workshop-{workshop.name}" in done["removed"]
    assert house.everything() == visit.before
    assert not (workshop.state / "state.sqlite3").exists()
