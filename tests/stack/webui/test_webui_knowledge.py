"""Collections of files in a real Open WebUI: each file there once, searchable, for whom it is meant; embeddings are the stub's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pydantic import SecretStr

from orchestrator.checks import asking
from orchestrator.checks.check import Question
from orchestrator.checks.knowledge import lanes
from orchestrator.checks.subject import CollectionUnderTest, Subject, Verifier
from orchestrator.checks.trust import authorities
from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant
from orchestrator.plan.gateway import Window
from orchestrator.spec.knowledge_files import READ
from orchestrator.webui import shelf
from orchestrator.webui.client import WebUI
from orchestrator.webui.library import LibraryCollection
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.shelf import pieces
from tests.stack.webui.bed.knowledge import KEY, collection, embeddings_fail, found, searched, seed, stored, upload
from tests.stack.webui.bed.office import of_every_type

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def nothing_is_left(server: Server) -> Iterator[None]:
    yield
    embeddings_fail(server, fail=False)
    admin = server.as_admin
    for row in admin.get("/api/v1/knowledge/")["items"]:
        admin.delete(f"/api/v1/knowledge/{row['id']}/delete")
    admin.delete("/api/v1/files/all")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A folder with three texts."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in ("one.md", "two.txt", "three.html"):
        (folder / name).write_text(f"The text of {name}, which says {name.upper()}.\n")
    return folder


@pytest.mark.full("one type is for every day")
def test_all_types_that_are_promised_become_text(new_class: NewClass, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "types"
    folder.mkdir()
    of_every_type(folder, server.container)
    workshop = new_class()

    first = seed(workshop, collection(folder))
    texts = searched(workshop.caller("p01"), found(server.as_admin)["id"])

    assert {Path(name).suffix for name in texts} == READ
    assert first.created >= len(texts)
    assert texts.keys() == {file.name for file in folder.iterdir()}
    for name, text in texts.items():
        assert name.upper() in text
    print(f"{len(texts)} files")


def test_twice_is_once_and_asks_for_no_embedding_again(new_class: NewClass, server: Server, notes: Path) -> None:
    workshop = new_class(0)
    seed(workshop, collection(notes))
    before = len(server.asked())
    began = perf_counter()
    second = seed(workshop, collection(notes))

    print(f"nothing to do: {perf_counter() - began:.2f} s")
    assert (second.created, second.changed, workshop.said) == (0, 0, [])
    assert not [one for one in server.asked()[before:] if one["path"].endswith("/embeddings")]


def test_embeddings_are_asked_for_with_their_own_key(new_class: NewClass, server: Server, notes: Path) -> None:
    before = len(server.asked())
    seed(new_class(0), collection(notes))
    asked = [one for one in server.asked()[before:] if one["path"].endswith("/embeddings")]

    assert asked
    assert {one["headers"]["authorization"] for one in asked} == {f"Bearer {KEY.get_secret_value()}"}
    assert {one["body"]["model"] for one in asked} == {"embedder"}


def test_a_changed_file_is_replaced_and_one_that_left_is_gone(new_class: NewClass, server: Server, notes: Path) -> None:
    workshop = new_class(0)
    seed(workshop, collection(notes))
    (notes / "one.md").write_text("Now it says NEW.\n")
    (notes / "two.txt").unlink()
    (notes / "four.md").write_text("This says FOUR.MD\n")

    result = seed(workshop, collection(notes))
    texts = searched(server.as_admin, found(server.as_admin)["id"])

    assert (result.created, result.changed) == (1, 2)
    assert texts.keys() == {"one.md", "three.html", "four.md"}
    assert "NEW" in texts["one.md"]
    assert "ONE" not in texts["one.md"]
    assert stored(server.as_admin) == ["four.md", "one.md", "three.html"]


def test_a_teams_collection_is_closed_to_others(new_class: NewClass, server: Server, notes: Path) -> None:
    server.since("0.9.0", "searches collections of others")
    workshop = new_class()
    seed(workshop, collection(notes, teams=("red",)))
    red, blue, identity = workshop.caller("p01"), workshop.caller("p02"), found(server.as_admin)["id"]

    assert searched(red, identity)
    with pytest.raises(WebUIRefused) as caught:
        searched(blue, identity)
    assert caught.value.status in {401, 403, 404}
    assert blue.get("/api/v1/knowledge/")["items"] == []
    file = server.as_admin.get(f"/api/v1/knowledge/{identity}/files")["items"][0]["id"]
    with pytest.raises(WebUIRefused):
        blue.get(f"/api/v1/files/{file}")

    seed(workshop, collection(notes))
    assert searched(blue, identity)
    assert seed(workshop, collection(notes)).changed == 0


def test_a_chat_is_given_what_was_found(new_class: NewClass, server: Server, notes: Path) -> None:
    workshop = new_class()
    seed(workshop, collection(notes))
    question = {
        "model": "chat",
        "messages": [{"role": "user", "content": "What was said?"}],
        "files": [{"type": "collection", "id": found(server.as_admin)["id"]}],
    }

    answer = workshop.caller("p02").post("/api/chat/completions", question)

    assert {meta["name"] for source in answer["sources"] for meta in source["metadata"]} <= {
        file.name for file in notes.iterdir()
    }
    assert "which says" in str(server.asked()[-1]["body"]["messages"])


def test_a_file_that_cannot_be_read_is_named_and_the_rest_goes_on(
    new_class: NewClass, server: Server, notes: Path
) -> None:
    (notes / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (notes / "blank.txt").write_text(" \n")
    (notes / "gone.md").write_text("gone")
    wanted = collection(notes)
    (notes / "gone.md").unlink()
    workshop = new_class(0)

    with pytest.raises(UserError) as caught:
        seed(workshop, wanted)

    assert caught.value.code == "webui_parts"
    assert "3 parts" in caught.value.message
    said = "\n".join(workshop.said)
    assert "broken.pdf of Notes: Stream has ended unexpectedly" in said
    assert "blank.txt of Notes: The content provided is empty" in said
    assert "gone.md of Notes: no such file or directory" in said
    assert searched(server.as_admin, found(server.as_admin)["id"]).keys() == {"one.md", "two.txt", "three.html"}
    assert len(stored(server.as_admin)) == 3


def test_the_same_text_twice_is_named(new_class: NewClass, server: Server, notes: Path) -> None:
    (notes / "twin.md").write_text((notes / "one.md").read_text())

    with pytest.raises(UserError, match="Duplicate content"):
        seed(new_class(0), collection(notes))

    assert len(searched(server.as_admin, found(server.as_admin)["id"])) == 3


@pytest.mark.full("as with a file that cannot be read")
def test_with_no_embeddings_files_are_named_and_the_next_run_finishes(
    new_class: NewClass, server: Server, notes: Path
) -> None:
    workshop = new_class(0)
    embeddings_fail(server, fail=True)
    with pytest.raises(UserError, match="503"):
        seed(workshop, collection(notes))
    assert stored(server.as_admin) == []

    embeddings_fail(server, fail=False)
    seed(workshop, collection(notes))

    assert len(searched(server.as_admin, found(server.as_admin)["id"])) == 3
    assert seed(workshop, collection(notes)).changed == 0


@pytest.mark.full("as in test_webui_interrupted")
@pytest.mark.parametrize("after", [1, 2, 3, 5, 8])
def test_killed_at_any_request_the_next_run_ends_alike_without_doubles(
    new_class: NewClass, server: Server, notes: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    workshop = new_class(0)
    left = [after]
    send = WebUI._send

    def dying(webui: WebUI, method: str, path: str, *rest: Any, **more: Any) -> requests.Response:
        writes = method != "GET" and any(part in path for part in ("/knowledge", "/files"))
        answer = send(webui, method, path, *rest, **more)
        if writes:
            left[0] -= 1
            if left[0] <= 0:
                raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(WebUI, "_send", dying)
        with pytest.raises(Killed):
            seed(workshop, collection(notes))

    seed(workshop, collection(notes))

    identity = found(server.as_admin)["id"]
    assert searched(server.as_admin, identity).keys() == {"one.md", "two.txt", "three.html"}
    assert set(pieces(server.as_admin, identity).values()) == {1}
    assert stored(server.as_admin) == ["one.md", "three.html", "two.txt"]
    again = seed(workshop, collection(notes))
    assert (again.created, again.changed) == (0, 0)


def test_verify_finds_each_file_and_tells_what_is_missing(new_class: NewClass, server: Server, notes: Path) -> None:
    server.since("0.9.0", "searches collections of others")
    workshop = new_class()
    (notes / "gone.md").write_text("This file goes.\n")
    (notes / "old.md").write_text("This file changes.\n")
    seed(workshop, collection(notes, teams=("red",)))
    (notes / "old.md").write_text("Changed.\n")
    wanted = collection(notes, teams=("red",))
    identity = found(server.as_admin)["id"]
    rows = server.as_admin.get(f"/api/v1/knowledge/{identity}/files")["items"]
    gone = next(row["id"] for row in rows if row["filename"] == "gone.md")
    server.as_admin.post(f"/api/v1/knowledge/{identity}/file/remove", {"file_id": gone})

    got = {question.target: question.ask() for question in asked_of(workshop, wanted)}

    assert {target: (outcome.ok, outcome.got) for target, outcome in got.items() if target.startswith("Notes")} == {
        "Notes, gone.md": (False, "not in the collection"),
        "Notes, old.md": (False, "in the collection with what was in it before: run `provision`"),
        **{f"Notes, {name}": (True, "1 piece, found") for name in ("one.md", "three.html", "two.txt")},
    }
    others = got["Open WebUI, team blue: Notes"]
    assert others.ok
    assert others.got.startswith("403")
    public = [{"principal_type": "user", "principal_id": "*", "permission": "read"}]
    server.as_admin.post(f"/api/v1/knowledge/{identity}/access/update", {"access_grants": public})
    assert not {question.target: question.ask() for question in asked_of(workshop, wanted)}[
        "Open WebUI, team blue: Notes"
    ].ok


def asked_of(workshop: Class, wanted: LibraryCollection) -> list[Question]:
    """The questions of `verify`, as p01 of team red and p02 of team blue."""
    nobody = SecretStr("ws-nobody")
    verifiers = tuple(
        Verifier(Participant(one.id, team=one.team), nobody, (), one.email, None, workshop.key(one.id))
        for one in workshop.wanted.people
    )
    files = tuple((file.name, file.sha256) for file in wanted.files)
    subject = Subject(
        api="http://127.0.0.1",
        webui=workshop.server.url,
        models=(),
        verifiers=verifiers,
        removed=nobody,
        now=0,
        window=Window(),
        knowledge=(CollectionUnderTest(wanted.name, wanted.teams, files),),
    )
    (lane,) = lanes(subject, asking.Server(workshop.server.url, authorities(None), asking.Patience()))
    return list(lane)


def test_what_somebody_else_made_stays(new_class: NewClass, server: Server, notes: Path) -> None:
    workshop = new_class(0)
    admin = server.as_admin
    by_hand = admin.post("/api/v1/knowledge/create", {"name": "Notes", "description": "by hand", "access_grants": []})
    seed(workshop, collection(notes))
    ours = next(row for row in admin.get("/api/v1/knowledge/")["items"] if row["id"] != by_hand["id"])
    own = admin.post("/api/v1/files/?process_in_background=false", upload("own.md", b"This is OWN"))["id"]
    admin.post(f"/api/v1/knowledge/{ours['id']}/file/add", {"file_id": own})

    assert seed(workshop, collection(notes)).changed == 0
    assert "own.md" in searched(admin, ours["id"])
    seed(workshop)

    rows = {row["id"]: row["description"] for row in admin.get("/api/v1/knowledge/")["items"]}
    assert rows == {by_hand["id"]: "by hand", ours["id"]: "What was said"}
    assert searched(admin, ours["id"]).keys() == {"own.md"}
    assert stored(admin) == ["own.md"]


@pytest.mark.full("what is changed by hand is put right by the same comparison as in test_webui_page")
def test_what_someone_changed_by_hand_is_put_back(new_class: NewClass, server: Server, notes: Path) -> None:
    server.since("0.9.0", "searches collections of others")
    workshop, admin = new_class(), server.as_admin
    seed(workshop, collection(notes, teams=("red",)))
    row = found(admin)
    files = [file["id"] for file in admin.get(f"/api/v1/knowledge/{row['id']}/files")["items"]]
    public = [{"principal_type": "user", "principal_id": "*", "permission": "read"}]
    admin.post(f"/api/v1/knowledge/{row['id']}/access/update", {"access_grants": public})
    admin.post(f"/api/v1/knowledge/{row['id']}/update", {"name": "Notes", "description": "changed"})
    admin.post(f"/api/v1/knowledge/{row['id']}/file/remove", {"file_id": files[0]})

    result = seed(workshop, collection(notes, teams=("red",)))

    assert (result.created, result.changed) == (1, 3)
    assert found(admin)["id"] == row["id"]
    assert len(searched(admin, row["id"])) == 3
    with pytest.raises(WebUIRefused):
        searched(workshop.caller("p02"), row["id"])


@pytest.mark.full("what is changed by hand is put right by the same comparison as in test_webui_page")
def test_a_collection_deleted_by_hand_comes_back_and_one_that_left_is_gone(
    new_class: NewClass, server: Server, notes: Path
) -> None:
    workshop, admin = new_class(0), server.as_admin
    seed(workshop, collection(notes))
    admin.delete(f"/api/v1/knowledge/{found(admin)['id']}/delete")

    seed(workshop, collection(notes))
    assert len(searched(admin, found(admin)["id"])) == 3
    assert len(stored(admin)) == 3

    workshop.seed(replace(workshop.wanted, library=None))
    assert admin.get("/api/v1/knowledge/")["items"] == []
    assert stored(admin) == []


@pytest.mark.full("all is made anew, as at first")
def test_another_embedding_model_makes_all_searchable_anew(new_class: NewClass, server: Server, notes: Path) -> None:
    server.since("0.9.0", "keeps a collection for vectors as long as those of its first model")
    workshop, admin = new_class(0), server.as_admin
    seed(workshop, collection(notes))
    embeddings_fail(server, fail=True)
    with pytest.raises(UserError, match="could not be made searchable anew"):
        seed(workshop, collection(notes), model="wider")  # of twice as many numbers
    embeddings_fail(server, fail=False)

    seed(workshop, collection(notes), model="wider")

    identity = found(admin)["id"]
    assert set(pieces(admin, identity).values()) == {1}
    assert len(searched(admin, identity)) == 3
    assert seed(workshop, collection(notes), model="wider").changed == 0
    seed(workshop, collection(notes))


def test_more_pieces_than_one_question_gives_are_counted(
    new_class: NewClass, server: Server, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (notes / "long.csv").write_text("word,number\n" + "".join(f"w{number},{number}\n" for number in range(40)))
    seed(new_class(0), collection(notes))
    monkeypatch.setattr(shelf, "FIRST_PIECES", 5)

    assert sorted(pieces(server.as_admin, found(server.as_admin)["id"]).values()) == [1, 1, 1, 40]


@pytest.mark.full("measures")
def test_twenty_files_figures(new_class: NewClass, notes: Path) -> None:
    for number in range(17):
        (notes / f"more-{number}.txt").write_text(f"Text {number}. " + f"word{number} " * 2000)
    workshop = new_class(0)
    workshop.seed()
    began = perf_counter()
    result = seed(workshop, collection(notes))
    took = perf_counter() - began
    began = perf_counter()
    again = seed(workshop, collection(notes))

    print(f"20 files: {took:.2f} s; nothing to do: {perf_counter() - began:.2f} s")
    assert result.created == 21
    assert (again.created, again.changed) == (0, 0)
