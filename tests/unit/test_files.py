"""A stack's folder becomes exactly what it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.render.files import PRIVATE, READABLE, RUNNABLE, File, differences, digest, write_tree

FILES = {
    "compose.yaml": File(b"name: x\n"),
    "gateway/nginx.conf": File(b"events {}\n", READABLE),
    "run.sh": File(b"#!/bin/sh\n", RUNNABLE),
}


def lying(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_folder_holds_exactly_the_files_with_their_modes(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    write_tree(folder, FILES)
    assert lying(folder) == {path: (file.content, file.mode) for path, file in FILES.items()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert differences(folder, FILES) == ()


def test_what_is_no_longer_wanted_goes(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    assert differences(tmp_path, FILES) == ("old/file",)
    write_tree(tmp_path, FILES)
    assert differences(tmp_path, FILES) == ()


@pytest.mark.parametrize(
    "meddle",
    [
        lambda folder: (folder / "compose.yaml").write_bytes(b"other"),
        lambda folder: (folder / "compose.yaml").chmod(0o644),
        lambda folder: (folder / "compose.yaml").unlink(),
    ],
    ids=["content", "mode", "gone"],
)
def test_what_somebody_changed_is_seen_and_put_back(tmp_path: Path, meddle: object) -> None:
    write_tree(tmp_path, FILES)
    meddle(tmp_path)  # type: ignore[operator]
    assert differences(tmp_path, FILES) == ("compose.yaml",)
    write_tree(tmp_path, FILES)
    assert differences(tmp_path, FILES) == ()


def test_a_file_becomes_a_folder_and_a_folder_a_file(tmp_path: Path) -> None:
    write_tree(tmp_path, {"models": File(b"x"), "tls/cert.pem": File(b"x")})
    write_tree(tmp_path, {"models/tiny/a": File(b"y"), "tls": File(b"y")})
    assert set(lying(tmp_path)) == {"models/tiny/a", "tls"}


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    folder = tmp_path / "stack"
    folder.mkdir()
    (folder / "compose.yaml").symlink_to(elsewhere)
    write_tree(folder, FILES)
    assert differences(folder, FILES) == ()
    assert not (folder / "compose.yaml").is_symlink()
    assert (elsewhere / "kept").exists()


def test_an_unchanged_file_is_not_written_again(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    before = {path: (tmp_path / path).stat().st_ino for path in FILES}
    write_tree(tmp_path, FILES | {"compose.yaml": File(b"new")})
    changed = {path for path in FILES if (tmp_path / path).stat().st_ino != before[path]}
    assert changed == {"compose.yaml"}


def test_what_a_crash_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    (tmp_path / ".compose.yaml.new").write_bytes(b"ha")
    assert differences(tmp_path, FILES) == (".compose.yaml.new",)
    write_tree(tmp_path, FILES)
    assert not (tmp_path / ".compose.yaml.new").exists()


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """A file that is open while it is replaced keeps its content: it is another file that takes its name."""
    write_tree(tmp_path, FILES)
    with (tmp_path / "compose.yaml").open("rb") as reader:
        write_tree(tmp_path, FILES | {"compose.yaml": File(b"name: y\n")})
        assert reader.read() == b"name: x\n"


@pytest.mark.parametrize(
    "other",
    [
        FILES | {"compose.yaml": File(b"name: y\n")},
        FILES | {"compose.yaml": File(b"name: x\n", READABLE)},
        {("compose.yml" if path == "compose.yaml" else path): file for path, file in FILES.items()},
        {path: file for path, file in FILES.items() if path != "run.sh"},
    ],
    ids=["content", "mode", "path", "fewer"],
)
def test_the_digest_tells_every_change(other: dict[str, File]) -> None:
    assert digest(other) != digest(FILES)
    assert digest(dict(reversed(FILES.items()))) == digest(FILES)


def test_a_file_does_not_show_its_content() -> None:
    assert repr(File(b"SENTINEL", PRIVATE)) == "File(8 bytes, 600)"
