"""A stack's folder becomes exactly what it should be."""

from __future__ import annotations

from pathlib import Path

from orchestrator.fleet.scripts import stack
from orchestrator.render.files import READABLE, RUNNABLE, File, Print, differences, prints, write_tree

FILES = {
    "compose.yaml": File(b"name: x\n"),
    "gateway/nginx.conf": File(b"events {}\n", READABLE),
    "run.sh": File(b"#!/bin/sh\n", RUNNABLE),
}


def lying_in(folder: Path) -> dict[str, Print]:
    """As a host tells it."""
    return {path: Print(*found) for path, found in stack.files({"folder": str(folder)}).items()}


def lying(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_no_longer_wanted_goes(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    assert differences(lying_in(tmp_path), prints(FILES)) == ("old/file",)
    write_tree(tmp_path, FILES)
    assert differences(lying_in(tmp_path), prints(FILES)) == ()


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
    assert differences(lying_in(folder), prints(FILES)) == ()
    assert not (folder / "compose.yaml").is_symlink()
    assert (elsewhere / "kept").exists()


def test_what_a_crash_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    (tmp_path / ".compose.yaml.new").write_bytes(b"ha")
    assert differences(lying_in(tmp_path), prints(FILES)) == (".compose.yaml.new",)
    write_tree(tmp_path, FILES)
    assert not (tmp_path / ".compose.yaml.new").exists()


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """A file that is open while it is replaced keeps its content: it is another file that takes its name."""
    write_tree(tmp_path, FILES)
    with (tmp_path / "compose.yaml").open("rb") as reader:
        write_tree(tmp_path, FILES | {"compose.yaml": File(b"name: y\n")})
        assert reader.read() == b"name: x\n"
