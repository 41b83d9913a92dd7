"""A stack's folder holds exactly the files it should, each whole and with its mode."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.fleet.scripts import stack
from orchestrator.render.files import File, Print, differences, digest, prints, write_tree

FILES = {"compose.yaml": File(b"a"), "gateway/nginx.conf": File(b"b", 0o644), "with-secrets.sh": File(b"c", 0o755)}


def lying_in(folder: Path) -> dict[str, Print]:
    """As a host tells it."""
    return {path: Print(*found) for path, found in stack.files({"folder": str(folder)}).items()}


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}


def test_everything_is_written_with_its_mode_in_a_private_folder(tmp_path: Path) -> None:
    write_tree(tmp_path / "stack", FILES)
    assert modes(tmp_path / "stack") == {name: file.mode for name, file in FILES.items()}
    assert (tmp_path / "stack").stat().st_mode & 0o777 == 0o700
    assert differences(lying_in(tmp_path / "stack"), prints(FILES)) == ()


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    before = (tmp_path / "compose.yaml").stat()
    write_tree(tmp_path, {**FILES, "gateway/nginx.conf": File(b"new", 0o644)})
    after = (tmp_path / "compose.yaml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (tmp_path / "gateway/nginx.conf").read_bytes() == b"new"


def test_what_is_missing_changed_or_too_much_is_found_and_put_right(tmp_path: Path) -> None:
    write_tree(tmp_path, FILES)
    (tmp_path / "compose.yaml").unlink()
    (tmp_path / "gateway/nginx.conf").write_bytes(b"by hand")
    (tmp_path / "with-secrets.sh").chmod(0o600)
    (tmp_path / "gateway/extra").write_bytes(b"")
    assert differences(lying_in(tmp_path), prints(FILES)) == (
        "compose.yaml",
        "gateway/extra",
        "gateway/nginx.conf",
        "with-secrets.sh",
    )
    write_tree(tmp_path, FILES)
    assert differences(lying_in(tmp_path), prints(FILES)) == ()


def test_a_folder_in_the_place_of_a_file_gives_way(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml" / "deep").mkdir(parents=True)
    write_tree(tmp_path, FILES)
    assert (tmp_path / "compose.yaml").read_bytes() == b"a"


def test_a_file_never_shows_its_content() -> None:
    assert "sentinel" not in repr(File(b"sentinel"))


names = st.text("abc/._-", min_size=1, max_size=8)


@given(st.dictionaries(names, st.binary(max_size=4), max_size=4), names, st.binary(max_size=4))
def test_the_digest_changes_with_every_path_mode_and_content(
    contents: dict[str, bytes], name: str, other: bytes
) -> None:
    files = {path: File(content) for path, content in contents.items()}
    assert digest(prints(files)) == digest(prints(dict(reversed(files.items()))))
    changed = {**files, name: File(other, 0o644)}
    assert digest(prints(changed)) != digest(prints(files))
