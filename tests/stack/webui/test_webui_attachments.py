"""Files beside a question, on the real Open WebUI: what `verify` asks as a participant, and that it leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from orchestrator.checks import asking
from orchestrator.checks.attachments import COLLECTION, FILE, lanes
from orchestrator.checks.check import Outcome
from orchestrator.checks.subject import ModelUnderTest, Subject, Verifier
from orchestrator.checks.trust import authorities
from orchestrator.identity.participant import Participant
from orchestrator.plan.gateway import Window
from orchestrator.webui.library import Library
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.transport import Upload

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

PLAIN, COLLECTED = "Question with a file", "Question with a collection of one's own"


@pytest.fixture
def workshop(new_class: NewClass) -> Class:
    """Its people may make collections."""
    made = new_class(1)
    library = Library("embedder", SecretStr("embeddings-key-of-the-gateway-77aa"))
    made.seed(replace(made.wanted, library=library, own_knowledge=True))
    return made


@pytest.fixture(autouse=True)
def nothing_is_left(server: Server) -> Iterator[None]:
    yield
    left = (
        [row["filename"] for row in server.as_admin.get("/api/v1/files/", content="false")["items"]],
        [row["name"] for row in server.as_admin.get("/api/v1/knowledge/")["items"]],
    )
    assert left == ([], [])


def asked(workshop: Class, *, own_knowledge: bool = True) -> dict[str, Outcome]:
    person = workshop.person("p01")
    verifier = Verifier(
        Participant(person.id), SecretStr("ws-nobody"), ("chat",), person.email, None, workshop.key(person.id)
    )
    subject = Subject(
        api="",
        webui=workshop.server.url,
        models=(ModelUnderTest("chat", "llamacpp", ollama=False),),
        verifiers=(verifier,),
        removed=SecretStr("x"),
        now=0,
        window=Window(),
        own_knowledge=own_knowledge,
    )
    webui = asking.Server(workshop.server.url, authorities(None), asking.Patience(answer=60))
    return {question.name: question.ask() for lane in lanes(subject, webui) for question in lane}


def test_a_file_and_a_collection_of_ones_own_are_read_for_an_answer(workshop: Class, server: Server) -> None:
    before = len(server.asked())
    told = asked(workshop)

    assert {name: (outcome.ok, outcome.got) for name, outcome in told.items()} == {
        PLAIN: (True, "an answer"),
        COLLECTED: (True, "an answer"),
    }
    questions = [one["body"] for one in server.asked()[before:] if one["path"].endswith("/chat/completions")]
    said = ["".join(message["content"] for message in question["messages"]) for question in questions]
    assert [FILE.content.decode().strip() in text for text in said] == [True, True]


def test_without_a_model_for_embeddings_the_file_goes_into_the_question_whole(new_class: NewClass) -> None:
    workshop = new_class(1)
    workshop.seed()
    assert asked(workshop, own_knowledge=False) == {PLAIN: Outcome(ok=True, got="an answer")}


def test_who_may_not_make_collections_is_refused(new_class: NewClass) -> None:
    workshop = new_class(1)
    workshop.seed()
    with pytest.raises(WebUIRefused) as refused:
        workshop.caller("p01").post(
            "/api/v1/knowledge/create", {"name": COLLECTION, "description": "", "access_grants": []}
        )
    assert refused.value.status == 401
    told = asked(workshop)[COLLECTED]
    assert not told.ok
    assert told.got.startswith("making a collection was answered 401")


def test_what_a_killed_verification_left_is_taken_away_by_the_next(workshop: Class) -> None:
    caller = workshop.caller("p01")
    caller.post("/api/v1/files/", Upload(FILE.name, FILE.content, FILE.kind, {}))
    caller.post("/api/v1/knowledge/create", {"name": COLLECTION, "description": "", "access_grants": []})

    assert all(outcome.ok for outcome in asked(workshop).values())


def test_the_right_goes_when_the_spec_takes_it_back(workshop: Class) -> None:
    workshop.seed(replace(workshop.wanted, own_knowledge=False))
    assert not asked(workshop)[COLLECTED].ok
