"""What is in an export and may be unpacked: names below their folder, as much as was said, and nothing else."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.handover.contents import MOST_BYTES, Entry, Manifest, is_acceptable
from orchestrator.handover.packed import Unpacker, pack

CONTENT = {
    "state/secret": b"s" * 32,
    "state/state.sqlite3": b"d" * 700_000,
    "spec/workshop.yaml": b"",
    "spec/a/b": b"x",
}


def manifest(names: dict[str, int], **changes: Any) -> Manifest:
    entries = [Entry(name=name, size=size) for name, size in names.items()]
    values: dict[str, Any] = {
        "workshop": "demo",
        "deployment_id": "0" * 32,
        "at": "now",
        "who": "ada@laptop",
        "handed_over": False,
    }
    lists: dict[str, Any] = {"spec": "workshop.yaml", "left_out": [], "secrets": [], "entries": entries}
    return Manifest.model_construct(**(values | lists | changes))


def packed(files: dict[str, bytes], claimed: Manifest | None = None) -> bytes:
    document = (claimed or manifest({name: len(content) for name, content in files.items()})).model_dump_json().encode()
    return zlib.compress(len(document).to_bytes(8) + document + b"".join(files.values()))


def refusal(stream: bytes, folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        Unpacker([stream]).write_to(folder)
    assert caught.value.code == "handover_invalid"
    return caught.value.message


def lying(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_files_come_out_as_they_went_in_private_and_below_their_folder(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name, content in CONTENT.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    made = manifest({name: len(content) for name, content in CONTENT.items()})
    unpacker = Unpacker(pack(made, [source / name for name in CONTENT]))
    unpacker.write_to(target)
    assert unpacker.manifest == made
    assert lying(target) == CONTENT
    assert {file.stat().st_mode & 0o777 for file in target.rglob("*") if file.is_file()} == {0o600}
    assert {file.stat().st_mode & 0o077 for file in target.rglob("*")} == {0}


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_it_does_not_matter_how_the_stream_is_cut_up(tmp_path: Path, cut: int) -> None:
    stream = packed(CONTENT)
    Unpacker(stream[at : at + cut] for at in range(0, len(stream), cut)).write_to(tmp_path)
    assert lying(tmp_path) == CONTENT


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "spec/../x", "spec/a/../../x", "/etc/passwd", "spec//etc/passwd", "spec/", "spec", "state", ""),
        *("spec/.", "spec/a/./b", "spec/a\\..\\b", "spec/a\0b", "spec/a\nb", "spec/.workshop/demo/secret"),
        *("state/secret/x", "state/lock", "state/handed-over.json", "state/rendered/x", "state/usage/../secret"),
        *("state/tls/../secret", "state/tls/.x", "state/usage/x.sqlite3", "other/x", "spec/" + "a" * 256),
    ],
)
def test_a_name_that_leads_elsewhere_is_not_taken(tmp_path: Path, name: str) -> None:
    assert "a name that is not taken" in refusal(packed(CONTENT | {name: b"evil"}), tmp_path / "in")
    assert lying(tmp_path) == {}


@given(st.one_of(st.text(), st.text("./spectaecr\\\0").map("spec/".__add__), st.text("./tlsue").map("state/".__add__)))
@example("state/tls/authority.pem")
@example("spec/déjà vu/ü.csv")
def test_whatever_name_is_taken_is_below_its_folder(name: str) -> None:
    if is_acceptable(name):
        path = Path("/nowhere/folder") / name
        assert path.parts[:3] == ("/", "nowhere", "folder")
        assert path.parts[3] in {"state", "spec"}
        assert len(path.parts) > 4
        assert ".." not in path.parts
        assert str(path) == f"/nowhere/folder/{name}"


@pytest.mark.parametrize(
    ("claimed", "why"),
    [
        (manifest({name: len(c) for name, c in CONTENT.items() if name != "state/secret"}), "lacks state/secret"),
        (manifest({name: len(c) for name, c in CONTENT.items()}, spec="other.yaml"), "lacks spec/other.yaml"),
        (manifest({name: len(c) + (name == "spec/a/b") for name, c in CONTENT.items()}), "less in it"),
        (manifest({name: len(c) - (name == "spec/a/b") for name, c in CONTENT.items()}), "more in it"),
        (manifest({name: len(c) for name, c in CONTENT.items()} | {"spec/a": 0}), "same name"),
        (manifest({name: len(c) for name, c in CONTENT.items()} | {"spec/b": MOST_BYTES}), "more than 8 GiB"),
        (manifest({name: len(c) for name, c in CONTENT.items()}, workshop="../demo"), "list of contents is wrong"),
    ],
)
def test_a_list_of_contents_that_does_not_fit_is_refused(tmp_path: Path, claimed: Manifest, why: str) -> None:
    assert why in refusal(packed(CONTENT, claimed), tmp_path)


@pytest.mark.parametrize(
    "stream",
    [b"", b"no zlib", zlib.compress(b""), zlib.compress(b"\xff" * 8), packed(CONTENT)[:-3], packed(CONTENT) + b"x"],
)
def test_a_stream_that_is_none_is_refused(tmp_path: Path, stream: bytes) -> None:
    refusal(stream, tmp_path)


def test_a_file_that_grows_or_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "usage"
    file.write_bytes(b"12345")
    for size in (4, 6):
        with pytest.raises(UserError) as caught:
            b"".join(pack(manifest({"spec/workshop.yaml": size}), [file]))
        assert caught.value.code == "changed_meanwhile"
