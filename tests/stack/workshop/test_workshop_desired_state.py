"""The spec changes, or somebody changes what runs: the next provision applies the difference and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
import requests

from tests.stack.workshop.bed import Workshop, ask, llama

pytestmark = pytest.mark.full(
    "ten changes of a whole class; test_webui_seeding and test_workshop_participants have changes of people"
)

ADA, BO, CY = ("Ada", "ada@class.org", ""), ("Bo", "bo@class.org", ""), ("Cy", "cy@class.org", "")


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    """Ada and Bo, one model, Open WebUI. The tests below follow one another, as the days of a class do."""
    made = make_workshop(
        "days", participants={"roster": "people.csv"}, models=[llama("tiny")], webui={"mode": "shared"}
    )
    made.roster(ADA, BO)
    made.provision()
    return made


def restarted(workshop: Workshop, before: dict[str, tuple[str, str]]) -> set[str]:
    after = workshop.starts()
    return {service for service in after if after[service] != before.get(service)}


def account(workshop: Workshop, email: str) -> dict[str, Any]:
    return next(account for account in workshop.accounts() if account["email"] == email)


def refusal(workshop: Workshop, person: dict[str, Any]) -> str | None:
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(workshop.client(person), "tiny")
    return refused.value.code


def ask_often(client: openai.OpenAI) -> None:
    for _ in range(3):
        ask(client, "tiny")


def test_someone_joins_and_someone_leaves(workshop: Workshop) -> None:
    ada, bo = workshop.people()
    before = workshop.starts()
    workshop.roster(CY, ADA)

    plan = workshop.workshop("plan", "--exit-code", "--output", "json", code=10).json
    assert {(c["action"], c["what"], c["name"]) for c in plan["changes"]} == {
        ("removed", "participant", "p02"),
        ("make", "archive", "p02"),
        ("added", "participant", "p03"),
        ("update", "rules", "gateway"),
    }
    told = workshop.provision()

    assert told["ok"] is True
    (archive,) = (workshop.state / "archives").iterdir()
    assert f"archive of p02: {archive}" in told["changes"]
    assert restarted(workshop, before) == set()
    assert [(person["id"], person["name"]) for person in workshop.people()] == [("p01", "Ada"), ("p03", "Cy")]
    assert workshop.person("p01") == ada
    assert ask(workshop.client(ada), "tiny")
    assert ask(workshop.client(workshop.person("p03")), "tiny")
    assert refusal(workshop, bo) == "invalid_api_key"


def test_who_left_has_a_closed_account_and_is_listed_on_request_only(workshop: Workshop) -> None:
    gone = workshop.person("p02")

    assert gone["state"] == "removed"
    for secret in ("api_key", "webui_password", "webui_api_key"):
        assert gone[secret] is None
    assert account(workshop, "bo@class.org")["role"] == "pending"
    assert account(workshop, "cy@class.org")["role"] == "user"


def test_who_returns_has_the_same_id_and_a_new_key(workshop: Workshop, old_key: str) -> None:
    workshop.roster(ADA, BO, CY)
    told = workshop.provision()

    assert "participant p02: returned (Bo)" in told["changes"]
    bo = workshop.person("p02")
    assert bo["state"] == "active"
    assert bo["api_key"] != old_key
    assert ask(workshop.client(bo), "tiny")
    assert refusal(workshop, {"api_key": old_key}) == "invalid_api_key"
    assert account(workshop, "bo@class.org")["role"] == "user"
    assert workshop.sign_in("bo@class.org", bo["webui_password"]).status_code == 200
    models = requests.get(
        f"{workshop.webui}/api/models", headers={"Authorization": f"Bearer {bo['webui_api_key']}"}, timeout=30
    )
    assert [model["id"] for model in models.json()["data"]] == ["tiny"]


@pytest.fixture(scope="module")
def old_key(workshop: Workshop) -> str:
    """Bo's key before Bo left, from the secret: the first generation."""
    from orchestrator.identity import keys

    return keys.api_key((workshop.state / "secret").read_bytes(), "p02", 1).get_secret_value()


def test_a_limit_changes_without_a_restart(workshop: Workshop) -> None:
    before = workshop.starts()
    workshop.write(limits={"requests_per_minute": 2})
    told = workshop.provision()

    assert told["changes"] == ["here: gateway: new rules"]
    assert restarted(workshop, before) == set()
    with pytest.raises(openai.RateLimitError):
        ask_often(workshop.client(workshop.person("p03")))
    workshop.write(limits={"requests_per_minute": 1000})
    workshop.provision()


def test_a_new_title_touches_open_webui_only(workshop: Workshop) -> None:
    before = workshop.starts()
    workshop.write(title="Another title")
    workshop.provision()

    assert restarted(workshop, before) <= {"webui"}
    config = requests.get(f"{workshop.webui}/api/config", timeout=30).json()
    assert config["name"].startswith("Another title")
    assert "Another title" in (workshop.state / "handouts" / "guide.html").read_text(encoding="utf-8")


def test_a_model_comes_and_goes(workshop: Workshop) -> None:
    before, ada = workshop.starts(), workshop.person("p01")
    workshop.write(models=[llama("tiny"), llama("second")])
    told = workshop.provision()

    assert "here: container model-second-1: create" in told["changes"]
    assert restarted(workshop, before) == {"model-second-1"}
    assert workshop.person("p01") == ada | {"models": ["tiny", "second"]}
    assert ask(workshop.client(ada), "second")

    workshop.write(models=[llama("tiny")])
    told = workshop.provision()

    assert "here: container model-second-1: remove" in told["changes"]
    assert set(workshop.containers()) == set(before)
    assert restarted(workshop, before) == set()
    with pytest.raises(openai.NotFoundError):
        ask(workshop.client(ada), "second")
    models = requests.get(
        f"{workshop.webui}/api/models", headers={"Authorization": f"Bearer {ada['webui_api_key']}"}, timeout=30
    )
    assert [model["id"] for model in models.json()["data"]] == ["tiny"]


def test_what_was_changed_by_hand_is_reported_and_put_back(workshop: Workshop) -> None:
    policy = workshop.stack / "gateway" / "policy.json"
    before, right = workshop.starts(), policy.read_bytes()
    edited = json.loads(right)
    edited["callers"]["p01"]["limits"]["requests_per_minute"] = 1
    policy.write_text(json.dumps(edited), encoding="utf-8")
    (workshop.stack / "gateway" / "extra.conf").write_text("", encoding="utf-8")
    workshop.container("model-tiny-1").remove(force=True)

    plan = workshop.workshop("plan", "--exit-code", "--output", "json", code=10).json["changes"]
    assert {(c["action"], c["what"], c["name"]) for c in plan} == {
        ("create", "container", "model-tiny-1"),
        ("update", "rules", "gateway"),
    }
    told = workshop.provision()

    assert set(told["changes"]) == {"here: container model-tiny-1: create", "here: gateway: new rules"}
    assert policy.read_bytes() == right
    assert not (workshop.stack / "gateway" / "extra.conf").exists()
    assert restarted(workshop, before) == {"model-tiny-1"}
    assert ask(workshop.client(workshop.person("p01")), "tiny")
    assert workshop.workshop("plan", "--output", "json").json["changes"] == []


def test_what_was_changed_inside_open_webui_by_hand_is_put_back(workshop: Workshop) -> None:
    headers, cy = workshop.admin(), account(workshop, "cy@class.org")
    form = {"role": "pending", "name": cy["name"], "email": cy["email"]}
    answer = requests.post(f"{workshop.webui}/api/v1/users/{cy['id']}/update", json=form, headers=headers, timeout=30)
    assert answer.status_code == 200

    (foreseen,) = workshop.workshop("plan", "--output", "json").json["changes"]
    assert (foreseen["action"], foreseen["what"], foreseen["detail"]) == ("update", "webui", "role set")
    assert account(workshop, "cy@class.org")["role"] == "pending"  # nothing was touched
    told = workshop.provision()

    assert told["changed"] == 1
    assert account(workshop, "cy@class.org")["role"] == "user"


def test_all_is_as_it_was_and_the_next_provision_changes_nothing(workshop: Workshop) -> None:
    begun = time.monotonic()
    told = workshop.provision()

    assert (told["changed"], told["ok"]) == (0, True)
    print(f"nothing changed: {time.monotonic() - begun:.1f} s")


def test_knowledge_is_searchable_through_a_model_of_the_workshop(workshop: Workshop) -> None:
    """Real embeddings, from random weights, through the gateway. Last: it leaves another model in the spec."""
    notes = workshop.folder / "notes"
    notes.mkdir()
    (notes / "one.md").write_text("The keyword is HELVETIA.\n")
    (workshop.folder / "long.txt").write_text("The keyword is ROMANSH. " + "word " * 900)
    workshop.write(
        models=[llama("tiny"), llama("embedder", embeds=True)],
        webui={
            **workshop.spec["webui"],
            "embeddings": "embedder",
            "knowledge": [{"name": "Notes", "files": ["notes"]}, {"name": "Long", "files": ["long.txt"]}],
        },
    )
    changes = workshop.workshop("plan", "--output", "json").json["changes"]
    foreseen = {change["name"] for change in changes if change["what"] == "webui"}
    assert {"knowledge Notes", "notes/one.md of Notes", "long.txt of Long"} <= foreseen

    told = workshop.provision()

    found = {check["target"]: check["got"] for check in told["checks"] if check["name"] == "Knowledge"}
    assert found["Notes, notes/one.md"] == "1 piece, found"
    assert found["Long, long.txt"].endswith("pieces, found")
    headers = {"Authorization": f"Bearer {workshop.person('p01')['webui_api_key']}"}
    listed = requests.get(f"{workshop.webui}/api/v1/knowledge/", headers=headers, timeout=60).json()["items"]
    question = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "What is the keyword?"}],
        "max_tokens": 4,
        "files": [{"type": "collection", "id": next(row["id"] for row in listed if row["name"] == "Notes")}],
    }
    answer = requests.post(f"{workshop.webui}/api/chat/completions", json=question, headers=headers, timeout=60).json()
    assert [source["document"] for source in answer["sources"]] == [["The keyword is HELVETIA."]]
    assert workshop.provision()["changed"] == 0
