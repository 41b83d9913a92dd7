"""An archive is one file that is there in whole or not at all, and that tells when something in it is not as it was."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.archive.check import check
from orchestrator.archive.manifest import NAME, Counts, Manifest, Missing
from orchestrator.archive.writer import new_archive
from orchestrator.errors import UserError
from tests.unit.command_line import ask

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def write(file: Path, *missing: Missing) -> Path:
    with new_archive(file, AT) as writer:
        writer.text("chats/p01/0001 Hi.md", "# Hi \ud800\n")
        writer.json("accounts.json", [{"name": "Zoë"}])
        writer.file("knowledge/big.bin", io.BytesIO(b"\x00" * 3_000_000), 3_000_000)
        manifest = Manifest(
            workshop="demo",
            participant=None,
            at=AT.isoformat(),
            program="1",
            webui="0.12.4",
            counts=Counts(chats=1),
            members=writer.members,
            missing=list(missing),
        )
        writer.finish(manifest)
    return file


def rewritten(file: Path, change: dict[str, bytes | None], *more: tuple[str, bytes]) -> Path:
    """The same archive with other contents of some members; None: left out."""
    with tarfile.open(file) as tar:
        contents = [(entry.name, stream.read()) for entry in tar if (stream := tar.extractfile(entry))]
    with tarfile.open(file, "w:gz") as tar:
        for name, content in [*contents, *more]:
            new = change.get(name.partition("/")[2], content)
            if new is not None:
                entry = tarfile.TarInfo(name)
                entry.size = len(new)
                tar.addfile(entry, io.BytesIO(new))
    return file


def write_half(file: Path) -> None:
    with new_archive(file, AT) as writer:
        writer.text("a", "b")
        raise RuntimeError("power cut")


def test_what_was_written_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = write(tmp_path / "demo.tar.gz")
    found = check(file)
    assert found.wrong == ()
    assert [member.name for member in found.manifest.members] == [
        "chats/p01/0001 Hi.md",
        "accounts.json",
        "knowledge/big.bin",
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["demo.tar.gz"]


def test_other_programs_unpack_it_below_one_folder_and_find_the_same_sums(tmp_path: Path) -> None:
    file = write(tmp_path / "demo.tar.gz")
    subprocess.run(["tar", "-xzf", file, "-C", tmp_path], check=True)
    manifest = json.loads((tmp_path / "demo" / NAME).read_text(encoding="utf-8"))
    sums = "".join(f"{member['sha256']}  {member['name']}\n" for member in manifest["members"])
    subprocess.run(["sha256sum", "--check", "--strict"], input=sums.encode(), cwd=tmp_path / "demo", check=True)


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "demo.tar.gz"
    with pytest.raises(RuntimeError, match="power cut"):
        write_half(file)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_a_lost_and_an_added_file_are_each_named(tmp_path: Path) -> None:
    file = rewritten(
        write(tmp_path / "demo.tar.gz"),
        {"accounts.json": b"[]", "chats/p01/0001 Hi.md": None},
        ("demo/../../evil", b"x"),
    )
    assert check(file).wrong == (
        "'accounts.json' is not what was written",
        "'../../evil' is not in the list, or there twice",
        "'chats/p01/0001 Hi.md' is not there",
    )


def test_a_file_that_stands_there_twice_is_named(tmp_path: Path) -> None:
    file = rewritten(write(tmp_path / "demo.tar.gz"), {}, ("demo/accounts.json", b"[]"))
    assert check(file).wrong == ("'accounts.json' is not in the list, or there twice",)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_half_an_archive_is_told_as_such(tmp_path: Path, part: float) -> None:
    file = write(tmp_path / "demo.tar.gz")
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(UserError, match="not a whole archive") as caught:
        check(file)
    assert caught.value.code == "archive_unreadable"


@pytest.mark.parametrize("content", [b"hello", gzip.compress(b"hello"), gzip.compress(b"\x00" * 20_000)], ids=len)
def test_what_is_no_archive_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match="not a whole archive"):
        check(tmp_path / "x")


def test_a_manifest_that_is_none_is_told_as_such(tmp_path: Path) -> None:
    file = rewritten(write(tmp_path / "demo.tar.gz"), {NAME: b"{}"})
    with pytest.raises(UserError, match="its list of contents is not one of this program"):
        check(file)


def test_the_command_says_whether_it_is_whole(tmp_path: Path) -> None:
    file = write(tmp_path / "demo.tar.gz")
    good = ask(tmp_path, "archive", "--check", str(file), "--output", "json")
    found = json.loads(good.stdout)
    assert (good.returncode, found["ok"], found["wrong"], found["members"]) == (0, True, [], 3)
    rewritten(file, {"accounts.json": b"[]"})
    bad = ask(tmp_path, "archive", "--check", str(file))
    assert bad.returncode == 1
    assert "'accounts.json' is not what was written" in bad.stdout


def test_what_was_missing_when_it_was_written_is_said_again(tmp_path: Path) -> None:
    file = write(tmp_path / "demo.tar.gz", Missing(what="chat 3 of p01 \x1b[2J", why="it was gone"))
    told = ask(tmp_path, "archive", "--check", str(file))
    assert told.returncode == 1
    assert "chat 3 of p01 [2J: it was gone" in told.stdout
    assert "\x1b" not in told.stdout


def test_an_archive_that_is_not_there_is_told(tmp_path: Path) -> None:
    told = ask(tmp_path, "archive", "--check", str(tmp_path / "none.tar.gz"))
    assert told.returncode == 1
    assert "no such file" in told.stderr
