"""Weights that lie on a host already: a look at them says what an engine would fail over."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.fleet.scripts.weights_form import lacking, wrong_form
from orchestrator.practice.gguf import write_gguf
from orchestrator.practice.huggingface import write_checkpoint

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "tiny", name="tiny")
    return tmp_path / "tiny"


def look(*paths: Path, mounts: Sequence[Path] = ()) -> list[tuple[str, str]]:
    question = {"paths": [str(path) for path in paths], "mounts": [str(place) for place in mounts or paths]}
    (found,) = lacking({"sources": [question]})
    return [tuple(each) for each in found]


def the(found: Sequence[tuple[str, str]]) -> str:
    ((level, why),) = found
    assert level == "problem"
    return why


def test_a_checkpoint_and_a_gguf_file_are_what_they_should_be(checkpoint: Path, tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", name="m")
    assert look(checkpoint) == look(tmp_path / "m.gguf") == []


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    assert the(look(tmp_path / "typo")) == f"{tmp_path}/typo is not there"


def test_the_part_that_is_missing_is_named(tmp_path: Path) -> None:
    parts = [tmp_path / f"m-0000{n}-of-00002.gguf" for n in (1, 2)]
    parts[0].write_bytes(b"GGUF")
    assert the(look(*parts)) == f"{parts[1]} is not there"


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    """As Docker leaves one that it made for a path that was not there."""
    assert the(look(tmp_path)) == f"{tmp_path} is empty"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (POINTER, "a Git LFS pointer"),
        (b"<!doctype html>", "a web page"),
        (b"", "no safetensors file"),
        (b"\xff" * 9, "no safetensors file"),
        (struct.pack("<Q", 2) + b"[]", "no safetensors file"),
        (struct.pack("<Q", 9) + b'{"a": 1 }', "its header can't be read"),
    ],
)
def test_what_is_no_safetensors_file_is_told(checkpoint: Path, content: bytes, told: str) -> None:
    (checkpoint / "model.safetensors").write_bytes(content)
    assert told in the(look(checkpoint))


def test_a_file_that_was_cut_off_is_told(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "__metadata__": {}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"12345678")
    assert wrong_form(path) is None
    path.write_bytes(path.read_bytes()[:-3])
    assert wrong_form(path) == "5 bytes of weights where its header promises 8"


def snapshot(checkpoint: Path, cache: Path) -> Path:
    """As a cache of huggingface_hub lays a repository out."""
    folder = cache / "models--o--m" / "snapshots" / "0123abc"
    folder.mkdir(parents=True)
    (cache / "models--o--m" / "blobs").mkdir()
    for number, file in enumerate(sorted(checkpoint.iterdir())):
        blob = cache / "models--o--m" / "blobs" / f"{number:064}"
        blob.write_bytes(file.read_bytes())
        (folder / file.name).symlink_to(Path("../../blobs") / blob.name)
    return folder


def test_a_snapshots_links_lead_to_what_is_mounted_with_it(checkpoint: Path, tmp_path: Path) -> None:
    folder = snapshot(checkpoint, tmp_path / "hub")
    whole = [folder.parent.parent]
    assert look(folder, mounts=whole) == []
    assert "which is not below" in look(folder)[0][1]
    assert look(folder / "model.safetensors", mounts=whole) == []
    (folder / "model.safetensors").resolve().write_bytes(POINTER)
    assert "Git LFS pointer" in the(look(folder / "model.safetensors", mounts=whole))


def test_links_that_lead_out_or_nowhere_are_told(checkpoint: Path, tmp_path: Path) -> None:
    elsewhere = (checkpoint / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (checkpoint / "model.safetensors").symlink_to(elsewhere)
    assert f"leads to {elsewhere}, which is not below {checkpoint}" in the(look(checkpoint))
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "model.safetensors").symlink_to("gone")
    assert the(look(checkpoint)) == f"{checkpoint}/model.safetensors is a link that leads nowhere"


def test_what_nobody_may_look_at_is_not_called_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refused)
    assert look(tmp_path) == [("unknown", f"{tmp_path} can't be looked at: Permission denied")]
