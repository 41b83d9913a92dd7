"""verify sees what is wrong in an Open WebUI of somebody's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.checks.own_pages import sample
from orchestrator.checks.subject import CollectionUnderTest, InstanceUnderTest, Subject
from orchestrator.identity import keys
from orchestrator.identity.credentials import Credentials
from orchestrator.identity.participant import Participant
from orchestrator.plan.gateway import Window
from tests.unit.checks_asked import ask, on, wrong
from tests.unit.checks_stub import (
    SEEN,
    Asked,
    Override,
    Reply,
    StubGateway,
    StubServer,
    StubWebUI,
    mail_of,
    password_of,
    serving,
    subject,
    webui_key_of,
)

WHO = "_verify"  # a person whom the stub knows


@pytest.fixture
def api() -> Iterator[StubServer]:
    with serving(StubGateway()) as server:
        yield server


@pytest.fixture
def page() -> Iterator[StubServer]:
    """Where the person signs in as its administrator."""
    stub = StubWebUI()
    stub.overrides.append(as_admin)
    with serving(stub) as server:
        yield server


def as_admin(asked: Asked) -> Reply | None:
    if asked.path != "/api/v1/auths/signin" or asked.body["email"] != mail_of(WHO):
        return None
    return Reply(200, {"token": "jwt", "email": mail_of(WHO), "role": "admin"})


def instance(url: str, number: int = 1) -> InstanceUnderTest:
    account = Credentials(
        participant=Participant("p01"),
        api_base="",
        api_key=keys.api_key(b"s" * 32, "p01", 1),
        webui_url=url,
        webui_email=mail_of(WHO),
        webui_password=password_of(WHO),
        webui_api_key=webui_key_of(WHO),
        models=(),
    )
    return InstanceUnderTest(f"webui-p{number:02}", url, "none", (account,), SEEN[WHO], SEEN[WHO][0])


def with_page(api: StubServer, page: StubServer) -> Subject:
    return replace(subject(api.url), instances=(instance(page.url),))


def test_all_is_well_where_it_answers_its_person_with_their_models(api: StubServer, page: StubServer) -> None:
    checks = ask(with_page(api, page))
    assert wrong(checks) == []
    assert [check.name for check in checks if "webui-p01" in check.target or "webui-p01" in check.name] == [
        "Open WebUI (webui-p01)",
        "Sign-in with a password",
        "List of models",
        "Question",
    ]


def test_who_is_no_administrator_there_is_seen(api: StubServer, page: StubServer) -> None:
    page.stub.overrides.clear()
    assert wrong(ask(with_page(api, page))) == [("Sign-in with a password", "Open WebUI (webui-p01), p01")]


def test_a_list_that_lacks_a_model_is_seen(api: StubServer, page: StubServer) -> None:
    page.stub.overrides.append(on("/api/models", Reply(200, {"data": []})))
    assert wrong(ask(with_page(api, page))) == [("List of models", "Open WebUI (webui-p01)")]


def test_before_the_workshop_opens_its_question_must_be_refused(api: StubServer, page: StubServer) -> None:
    early = replace(with_page(api, page), ordinary=None, window=Window(2000, 3000, "one", "two"))
    target = f"Open WebUI (webui-p01), {SEEN[WHO][0]}"
    assert ("Question", target) in wrong(ask(early))
    said = {"detail": {"error": {"message": "The workshop opens at one.", "code": "event_not_open"}}}
    page.stub.overrides.append(on("/api/chat/completions", Reply(403, said)))
    assert ("Question", target) not in wrong(ask(early))


NOTES = CollectionUnderTest("Notes", None, (("one.md", "sha"), ("two.md", "sha")))
STAFF = CollectionUnderTest("For staff", ("staff",), (("answers.md", "sha"),))


def shelves(files: tuple[str, ...], found: tuple[str, ...], *, also: tuple[str, ...] = ()) -> Override:
    """Open WebUI with these files in Notes, of which a search finds these; `also`: names of more, with a file each."""

    def answer(asked: Asked) -> Reply | None:
        path = asked.path.partition("?")[0]
        if path == "/api/v1/knowledge/":
            return Reply(
                200, {"items": [{"id": name, "name": name} for name in ("Notes", *also)], "total": 1 + len(also)}
            )
        if path.startswith("/api/v1/knowledge/") and path.endswith("/files"):
            collection = path.split("/")[4].replace("%20", " ")
            names = files if collection == "Notes" else ("answers.md",)
            mark = [{"workshop": {"collection": collection, "name": name, "sha256": "sha"}} for name in names]
            rows = [{"id": name, "meta": {"data": one}} for name, one in zip(names, mark, strict=True)]
            return Reply(200, {"items": rows, "total": len(rows)})
        if path == "/api/v1/retrieval/query/collection":
            pieces = {"documents": [["text"] * len(found)], "metadatas": [[{"file_id": name} for name in found]]}
            return Reply(200, pieces)
        return None

    return answer


def with_knowledge(api: StubServer, page: StubServer) -> Subject:
    one = replace(instance(page.url), knowledge=(replace(NOTES, teams=None),))
    return replace(subject(api.url), instances=(one,), knowledge=(NOTES, STAFF))


def test_each_file_of_theirs_is_looked_up_and_asked_about(api: StubServer, page: StubServer) -> None:
    page.stub.overrides.append(shelves(("one.md", "two.md"), ("one.md", "two.md")))
    checks = ask(with_knowledge(api, page))
    assert wrong(checks) == []
    who = "Open WebUI (webui-p01)"
    told = [
        (check.name, check.target)
        for check in checks
        if "knowledge" in check.name.lower() or "collection" in check.name
    ]
    assert told == [
        ("Knowledge", f"{who}: Notes, one.md"),
        ("Knowledge", f"{who}: Notes, two.md"),
        ("Question with a collection", f"{who}: Notes, chat"),
        ("Another team's knowledge", f"{who}: For staff"),
    ]


def test_a_file_that_is_not_there_or_not_found_is_seen(api: StubServer, page: StubServer) -> None:
    page.stub.overrides.append(shelves(("two.md",), ("two.md",)))
    assert wrong(ask(with_knowledge(api, page))) == [("Knowledge", "Open WebUI (webui-p01): Notes, one.md")]
    page.stub.overrides[-1] = shelves(("one.md", "two.md"), ("one.md",))
    assert wrong(ask(with_knowledge(api, page))) == [("Knowledge", "Open WebUI (webui-p01): Notes, two.md")]


def test_a_collection_of_another_team_is_seen(api: StubServer, page: StubServer) -> None:
    page.stub.overrides.append(shelves(("one.md", "two.md"), ("one.md", "two.md"), also=("For staff",)))
    assert wrong(ask(with_knowledge(api, page))) == [("Another team's knowledge", "Open WebUI (webui-p01): For staff")]


def test_no_collection_is_looked_for_in_one_that_was_left_bare(api: StubServer, page: StubServer) -> None:
    found = with_knowledge(api, page)
    bare = replace(found, instances=(replace(found.instances[0], entries=None, question=None, knowledge=()),))
    assert not [check for check in ask(bare) if "nowledge" in check.name]


def test_before_the_workshop_opens_files_are_looked_up_and_nothing_is_asked_about_them(
    api: StubServer, page: StubServer
) -> None:
    page.stub.overrides.append(shelves(("one.md", "two.md"), ("one.md", "two.md")))
    early = replace(with_knowledge(api, page), ordinary=None, window=Window(2000, 3000, "one", "two"))
    checks = ask(early)
    assert [check.ok for check in checks if check.name == "Knowledge"] == [True, True]
    assert "Question with a collection" not in [check.name for check in checks]


def test_those_that_are_asked_from_inside_are_spread_over_all() -> None:
    many = tuple(instance("http://x", number) for number in range(1, 32))
    assert [one.service for one in sample(many)] == ["webui-p01", "webui-p16", "webui-p31"]
    assert [one.service for one in sample(many[:1])] == ["webui-p01"]
    assert [one.service for one in sample(many[:2])] == ["webui-p01", "webui-p02"]
    assert sample(()) == ()
