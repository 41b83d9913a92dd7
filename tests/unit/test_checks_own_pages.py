"""verify sees what is wrong in an Open WebUI of somebody's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from checks_asked import ask, on, wrong
from checks_stub import (
    SEEN,
    Asked,
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

from orchestrator.checks.own_pages import sample
from orchestrator.checks.subject import InstanceUnderTest, OwnAccount, Subject
from orchestrator.plan.gateway import Window

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
    account = OwnAccount("p01", mail_of(WHO), password_of(WHO), webui_key_of(WHO))
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


def test_those_that_are_asked_from_inside_are_spread_over_all() -> None:
    many = tuple(instance("http://x", number) for number in range(1, 32))
    assert [one.service for one in sample(many)] == ["webui-p01", "webui-p16", "webui-p31"]
    assert [one.service for one in sample(many[:1])] == ["webui-p01"]
    assert [one.service for one in sample(many[:2])] == ["webui-p01", "webui-p02"]
    assert sample(()) == ()
