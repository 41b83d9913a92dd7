"""What was said in a class outlives it: archived while it runs, when somebody leaves, and before it is torn down."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.stack.workshop.bed import Workshop, ask
from tests.stack.workshop.participants_bed import account, do
from tests.stack.workshop.provider_stand_in import Provider

pytestmark = pytest.mark.full("whole classes are archived; test_webui_archive has what is kept of each person")

SAID = "A sentence that only p02 ever wrote."


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop], provider: Provider) -> Workshop:
    """Two people of whom one chats, on a page that must be archived. The tests follow on."""
    model = {
        "name": "claude",
        "engine": "external",
        "source": "claude-sonnet",
        "base_url": "http://{}:{}/v1".format(*provider.server_address[:2]),
    }
    made = make_workshop(
        "archive",
        practice=False,
        participants={"roster": "people.csv"},
        models=[model],
        webui={"mode": "shared"},
        archive={"required": True},
    )
    made.roster(("Ada ../../etc", "ada@class.example.org", "red"), ("Bo", "bo@class.example.org", ""))
    assert made.provision()["ok"] is True
    return made


@pytest.fixture(scope="module")
def people(workshop: Workshop) -> dict[str, dict[str, Any]]:
    found = {person["id"]: person for person in workshop.people()}
    headers = {"Authorization": f"Bearer {found['p02']['webui_api_key']}"}
    notes = {"file": ("notes.txt", b"Notes of p02.", "text/plain")}
    sent = requests.post(f"{workshop.webui}/api/v1/files/?process=false", files=notes, headers=headers, timeout=60)
    file = {"type": "file", "id": sent.json()["id"], "name": "notes.txt"}
    messages: dict[str, Any] = {
        "m1": {"id": "m1", "parentId": None, "childrenIds": [], "role": "user", "content": SAID, "files": [file]}
    }
    chat = {"title": "Mine", "models": ["claude"], "history": {"messages": messages, "currentId": "m1"}}
    requests.post(
        f"{workshop.webui}/api/v1/chats/new", json={"chat": chat}, headers=headers, timeout=60
    ).raise_for_status()
    ask(workshop.client(found["p01"]), "claude")
    return found


def unpacked(file: Path) -> dict[str, str]:
    with tarfile.open(file) as tar:
        return {
            entry.name.partition("/")[2]: stream.read().decode() for entry in tar if (stream := tar.extractfile(entry))
        }


def archives(workshop: Workshop) -> set[Path]:
    return set((workshop.state / "archives").iterdir())


def test_all_of_the_class_is_in_one_file_that_can_be_checked(
    workshop: Workshop, people: dict[str, dict[str, Any]]
) -> None:
    told = workshop.workshop("archive", "--output", "json").json
    file = Path(told["file"])
    found = unpacked(file)

    assert (told["ok"], told["missing"], told["webui"]) == (True, [], "0.12.4")
    assert file.parent == workshop.state / "archives"
    assert file.stat().st_mode & 0o777 == 0o600
    assert told["counts"] == {
        "accounts": 4,
        "chats": 1,
        "attachments": 1,
        "collections": 0,
        "files": 0,
        "requests": told["counts"]["requests"],
    }
    assert SAID in found["chats/p02 Bo/0001 Mine.md"]
    assert json.loads(found["chats/p02 Bo/0001 Mine.json"])["title"] == "Mine"
    assert "[file: notes.txt](files/notes.txt)" in found["chats/p02 Bo/0001 Mine.md"]
    assert found["chats/p02 Bo/files/notes.txt"] == "Notes of p02."
    rows = {
        row["participant"]: row for row in csv.DictReader(io.StringIO(found["accounts.csv"].removeprefix("\ufeff")))
    }
    assert (rows["p01"]["name"], rows["p01"]["team"], rows["p01"]["role"]) == ("Ada ../../etc", "red", "user")
    assert found["spec/workshop.yaml"] == workshop.file.read_text(encoding="utf-8")
    assert "Ada ../../etc,ada@class.example.org,red" in found["spec/people.csv"]
    usage = [json.loads(line) for line in found["usage/usage.jsonl"].splitlines()]
    assert any(row["participant"] == "p01" and row["model"] == "claude" for row in usage)
    assert workshop.run("workshop", "archive", "--check", str(file), "--output", "json").json["wrong"] == []


def test_no_key_and_no_password_is_in_it(workshop: Workshop, people: dict[str, dict[str, Any]]) -> None:
    (file,) = archives(workshop)
    text = "\n".join(unpacked(file).values())
    for person in people.values():
        for secret in ("api_key", "webui_password", "webui_api_key"):
            assert person[secret] not in text


def test_who_is_removed_leaves_their_chats_in_a_file_of_their_own(
    workshop: Workshop, people: dict[str, dict[str, Any]]
) -> None:
    before = archives(workshop)
    do(workshop, "remove", "p02")
    (file,) = archives(workshop) - before

    found = unpacked(file)
    assert file.name.startswith(f"{workshop.name}-p02-")
    assert SAID in found["chats/p02 Bo/0001 Mine.md"]
    assert json.loads(found["manifest.json"])["participant"] == "p02"
    assert [row["participant"] for row in json.loads(found["accounts.json"])] == ["p02"]
    assert account(workshop, workshop.admin(), people["p02"])["role"] == "pending"


def test_what_cannot_be_archived_is_not_removed(workshop: Workshop, people: dict[str, dict[str, Any]]) -> None:
    workshop.container("gateway").stop()  # in front of the page
    try:
        refused = do(workshop, "remove", "p01", code=1).json["error"]
        torn = workshop.workshop("teardown", "--yes", "--output", "json", code=1).json["error"]
    finally:
        workshop.container("gateway").start()

    assert "nobody was removed, as the chats of p01 could not be archived" in refused["message"]
    assert "nothing was torn down, as the class could not be archived" in torn["message"]
    for told in (refused, torn):
        assert told["code"] == "archive_failed"
        assert "--without-archive" in told["hint"]
    assert workshop.person("p01")["state"] == "active"
    assert {"gateway", "webui"} <= workshop.containers().keys()


def test_who_left_the_roster_stays_until_their_chats_are_archived(
    workshop: Workshop, people: dict[str, dict[str, Any]]
) -> None:
    before = archives(workshop)
    workshop.roster(("Cy", "cy@class.example.org", ""))
    workshop.container("webui").stop()
    told = workshop.provision(code=4)

    (problem,) = told["broken"]
    assert "p01 (Ada ../../etc) is not in the spec any more and stays" in problem
    assert "Open WebUI does not run" in problem
    assert "participants remove SPEC p01 --without-archive" in problem
    assert archives(workshop) == before
    assert workshop.people()[0] == people["p01"]
    assert [person["name"] for person in workshop.people()] == ["Ada ../../etc", "Cy"]  # all else was done
    assert account(workshop, workshop.admin(), people["p01"])["role"] == "user"

    assert workshop.provision()["ok"] is True
    (file,) = archives(workshop) - before
    assert json.loads(unpacked(file)["manifest.json"])["participant"] == "p01"
    assert account(workshop, workshop.admin(), people["p01"])["role"] == "pending"
    assert [person["name"] for person in workshop.people()] == ["Cy"]


def test_teardown_archives_first_where_the_spec_asks_for_it(
    workshop: Workshop, people: dict[str, dict[str, Any]]
) -> None:
    before = archives(workshop)
    workshop.provision()
    told = workshop.workshop("teardown", "--yes", "--output", "json").json
    (file,) = archives(workshop) - before

    assert (told["ok"], told["kept"]) == (True, [f"archive {file}"])
    assert SAID in unpacked(file)["chats/p02 Bo/0001 Mine.md"]
    assert workshop.things() == []
