"""What a class said and made at a real Open WebUI, in one file: every chat, every file of every collection, all named."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.archive.check import check
from orchestrator.archive.manifest import Counts, Manifest
from orchestrator.archive.writer import new_archive
from orchestrator.webui.chats import whole
from orchestrator.webui.client import WebUI
from orchestrator.webui.transport import Upload
from orchestrator.workflow.archives import stored
from orchestrator.workflow.archives.chats import put_chats
from orchestrator.workflow.archives.gathering import Gathering, Owner
from orchestrator.workflow.archives.knowledge import put_knowledge

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

MORE_THAN_A_PAGE = 61  # of a list of chats


class Quiet:
    """Hears what is said, and keeps it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, title: str) -> None:
        pass

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.fixture
def clean(server: Server) -> Iterator[None]:
    yield
    for row in server.as_admin.get("/api/v1/knowledge/")["items"]:
        server.as_admin.delete(f"/api/v1/knowledge/{row['id']}/delete")
    server.as_admin.delete("/api/v1/files/all")


def talk(caller: WebUI, title: str, question: str = "Hi", answer: str = "Hello", files: Sequence[Any] = ()) -> str:
    own = {"files": list(files)} if files else {}
    messages = {
        "m1": {"id": "m1", "parentId": None, "childrenIds": ["m2"], "role": "user", "content": question, **own},
        "m2": {"id": "m2", "parentId": "m1", "childrenIds": [], "role": "assistant", "content": answer},
    }
    chat = {"title": title, "models": ["chat"], "history": {"messages": messages, "currentId": "m2"}}
    return str(caller.post("/api/v1/chats/new", {"chat": chat})["id"])


def attach(caller: WebUI, name: str, content: bytes) -> dict[str, Any]:
    """A file as the page sends it, and as it then stands in a message."""
    sent = caller.post("/api/v1/files/?process=false", Upload(name, content, "application/octet-stream", {}))
    return {"type": "file", "id": sent["id"], "url": sent["id"], "name": name, "file": sent, "status": "uploaded"}


def owners_of(workshop: Class) -> list[Owner]:
    return [Owner(workshop.record(one.id).user_id, one.name, one.id) for one in workshop.wanted.people]


def archived(file: Path, parts: Callable[[Gathering], None]) -> tuple[dict[str, bytes], Gathering]:
    """Contents by name."""
    at = datetime.now(UTC)
    with new_archive(file, at) as writer:
        gathering = Gathering(writer, Quiet(), Counter())
        parts(gathering)
        writer.finish(
            Manifest(
                workshop="tests",
                participant=None,
                at=at.isoformat(),
                program="1",
                webui=None,
                counts=Counts(**gathering.counts),
                members=writer.members,
                missing=gathering.missing,
            )
        )
    assert check(file).wrong == ()
    with tarfile.open(file) as tar:
        found = {entry.name.partition("/")[2]: stream.read() for entry in tar if (stream := tar.extractfile(entry))}
    return found, gathering


def test_every_chat_is_there_in_whole_and_as_a_page(new_class: NewClass, server: Server, tmp_path: Path) -> None:
    workshop = new_class(2)
    workshop.seed()
    talk(workshop.caller("p01"), "Sums", "What is 1 + 1?", "It is 2.")
    talk(workshop.caller("p01"), "More", "What is 2 + 2?", "It is 4.")
    gone = talk(workshop.caller("p02"), "Put away")
    workshop.caller("p02").post(f"/api/v1/chats/{gone}/archive", None)

    found, gathering = archived(tmp_path / "a.tar.gz", lambda one: put_chats(one, server.as_admin, owners_of(workshop)))

    names = sorted(name for name in found if name.startswith("chats/"))
    assert names[0] in {"chats/p01 Seat p01/0001 Sums.json", "chats/p01 Seat p01/0001 More.json"}
    assert names[4:] == ["chats/p02 Seat p02/0001 Put away.json", "chats/p02 Seat p02/0001 Put away.md"]
    (of_sums,) = [name for name in names if name.endswith("Sums.json")]
    chat = json.loads(found[of_sums])
    assert chat["chat"]["history"]["messages"]["m2"]["content"] == "It is 2."
    assert chat["user_id"] == workshop.record("p01").user_id
    assert "What is 1 + 1?" in found[of_sums.replace(".json", ".md")].decode()
    assert (gathering.counts["chats"], gathering.missing) == (3, [])


@pytest.mark.full("as in test_every_chat_is_there_in_whole_and_as_a_page, with one more thing in the way")
def test_more_chats_than_a_page_of_the_list_are_all_there_once(
    new_class: NewClass, server: Server, tmp_path: Path
) -> None:
    workshop = new_class(1)
    workshop.seed()
    caller = workshop.caller("p01")
    titles = [f"Chat {number}" for number in range(MORE_THAN_A_PAGE)]
    for title in titles:
        talk(caller, title)

    found, gathering = archived(tmp_path / "a.tar.gz", lambda one: put_chats(one, server.as_admin, owners_of(workshop)))

    chats = [json.loads(content) for name, content in found.items() if name.endswith(".json") and "chats/" in name]
    assert sorted(chat["title"] for chat in chats) == sorted(titles)
    assert gathering.counts["chats"] == MORE_THAN_A_PAGE


def test_hostile_titles_and_names_stay_inside_the_folder(new_class: NewClass, server: Server, tmp_path: Path) -> None:
    workshop = new_class(1)
    workshop.seed(workshop.with_person("p01", name="../../\x1b[31mRobert'); DROP"))
    for title in ("../../../etc/passwd", "\x1b]0;owned\x07", "", "a/b", "a\\b", "CON", "x" * 3000):
        talk(workshop.caller("p01"), title)

    found, gathering = archived(tmp_path / "a.tar.gz", lambda one: put_chats(one, server.as_admin, owners_of(workshop)))

    assert gathering.counts["chats"] == 7
    assert len(found) == 7 * 2 + 1
    for name in found:
        parts = name.split("/")
        assert all(part.isprintable() and part not in {"", ".", ".."} and "\\" not in part for part in parts)
        assert len(parts) <= 3


@pytest.mark.full("as in test_every_chat_is_there_in_whole_and_as_a_page, with one more thing in the way")
def test_a_chat_that_is_deleted_meanwhile_is_named_and_the_rest_is_there(
    new_class: NewClass, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = new_class(1)
    workshop.seed()
    caller = workshop.caller("p01")
    gone, kept = talk(caller, "Gone"), talk(caller, "Kept")
    from orchestrator.workflow.archives import chats

    def whole_after_deletion(webui: WebUI, chat: str) -> dict[str, Any]:
        if chat == gone:
            caller.delete(f"/api/v1/chats/{gone}")
        return whole(webui, chat)

    monkeypatch.setattr(chats, "whole", whole_after_deletion)
    found, gathering = archived(tmp_path / "a.tar.gz", lambda one: put_chats(one, server.as_admin, owners_of(workshop)))

    (missing,) = (one.what for one in gathering.missing)
    assert missing in {f"chat {number} of p01 (Seat p01), {gone}" for number in (1, 2)}  # both of one second
    (there,) = (content for name, content in found.items() if name.endswith(" Kept.json"))
    assert kept in there.decode()
    assert gathering.counts["chats"] == 1


@pytest.mark.full("as in test_every_chat_is_there_in_whole_and_as_a_page, with one more thing in the way")
@pytest.mark.usefixtures("clean")
def test_files_of_chats_are_there_once_and_the_pages_link_to_them(
    new_class: NewClass, server: Server, tmp_path: Path
) -> None:
    workshop = new_class(2)
    workshop.seed()
    p01, p02 = workshop.caller("p01"), workshop.caller("p02")
    content = bytes(range(256)) * 20_000  # longer than what is kept in memory
    long, gone = attach(p01, "../all data [1].bin", content), attach(p01, "gone.txt", b"Gone.")
    other = attach(p02, "../all data [1].bin", b"Of p02.")
    p01.delete(f"/api/v1/files/{gone['id']}")
    hostile = {"type": "file", "id": "../../users/all?x=", "url": "../../users/all?x=", "name": "users"}
    collection = {"type": "collection", "id": long["id"], "name": "Notes"}
    talk(p01, "First", files=[long, gone, hostile, collection, "x", None])
    talk(p01, "Again", files=[{"type": "file", "url": f"/api/v1/files/{long['id']}/content", "name": "the same"}])
    talk(p02, "Other", files=[other, {**long, "name": "of p01"}])

    found, gathering = archived(tmp_path / "a.tar.gz", lambda one: put_chats(one, server.as_admin, owners_of(workshop)))

    files = {name: text for name, text in found.items() if "/files/" in name}
    (of_p01, of_p02) = "chats/p01 Seat p01/files/all data [1].bin", "chats/p02 Seat p02/files/all data [1].bin"
    assert files == {of_p01: content, of_p02: b"Of p02."}
    assert (gathering.counts["attachments"], gathering.missing) == (2, [])
    pages = {name: text.decode() for name, text in found.items() if name.endswith(".md")}
    first, again, others = (
        next(pages[name] for name in pages if title in name) for title in ("First", "Again", "Other")
    )
    to_it = "files/all%20data%20%5B1%5D.bin"
    assert f"[file: ../all data \\[1\\].bin]({to_it})" in first
    assert "[file: gone.txt]\n" in first  # deleted by its owner
    assert f"[file: the same]({to_it})" in again
    assert f"[file: of p01](../p01%20Seat%20p01/{to_it})" in others


@pytest.mark.full("as in test_every_chat_is_there_in_whole_and_as_a_page, with one more thing in the way")
@pytest.mark.usefixtures("clean")
def test_a_file_of_a_chat_that_cannot_be_had_is_named_and_the_rest_is_there(
    new_class: NewClass, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop = new_class(1)
    workshop.seed()
    caller = workshop.caller("p01")
    lost, large, kept = (attach(caller, f"{name}.txt", name.encode() * 9) for name in ("lost", "enormous", "kept"))
    talk(caller, "Mine", files=[lost, large, kept])
    path = server.as_admin.get(f"/api/v1/files/{lost['id']}")["path"]
    assert server.container.exec_run(["rm", path]).exit_code == 0
    monkeypatch.setattr(stored, "MOST", 40)

    found, gathering = archived(tmp_path / "a.tar.gz", lambda one: put_chats(one, server.as_admin, owners_of(workshop)))

    assert [one.what for one in gathering.missing] == [
        f"the file {name}.txt of chat 1 of p01 (Seat p01)" for name in ("lost", "enormous")
    ]
    assert found["chats/p01 Seat p01/files/kept.txt"] == b"kept" * 9
    assert "chats/p01 Seat p01/0001 Mine.md" in found


@pytest.mark.usefixtures("clean")
def test_every_file_of_every_collection_is_there_as_it_was_sent(
    new_class: NewClass, server: Server, tmp_path: Path
) -> None:
    admin = server.as_admin
    long = b"All that was said, and more. " * 100_000
    sent = {"notes.txt": long, "Übung é.md": "# Ünïcode\n".encode(), "page.html": b"<html><p>no page of the server</p>"}
    ids = []
    for name in ("Notes", "Notes"):
        row = admin.post("/api/v1/knowledge/create", {"name": name, "description": "All", "access_grants": []})
        ids.append(row["id"])
    for name, content in sent.items():
        file = admin.post("/api/v1/files/?process_in_background=false", Upload(name, content, "text/plain", {}))
        admin.post(f"/api/v1/knowledge/{ids[0]}/file/add", {"file_id": file["id"]})

    found, gathering = archived(tmp_path / "a.tar.gz", lambda one: put_knowledge(one, [admin], {}))

    told = json.loads(found["knowledge/collections.json"])
    assert sorted(one["id"] for one in told) == sorted(ids)
    (filled,) = [one for one in told if one["files"]]
    assert (filled["id"], filled["name"], filled["description"]) == (ids[0], "Notes", "All")
    assert {one["name"]: found[one["place"]] for one in filled["files"]} == sent
    assert (gathering.counts["collections"], gathering.counts["files"], gathering.missing) == (2, 3, [])
