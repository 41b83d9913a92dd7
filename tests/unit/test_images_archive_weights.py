"""Weights in the file of images: as they are, found again one by one, and never unpacked where they don't belong."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import pytest

from orchestrator.engines.container import Fetch
from orchestrator.errors import UserError
from orchestrator.fleet.images import weights_write
from orchestrator.fleet.images.archive_manifest import Manifest
from orchestrator.fleet.images.archive_read import Archive
from orchestrator.fleet.images.archive_tar import PIECE, SaveError
from orchestrator.fleet.images.archive_write import written
from orchestrator.fleet.images.weights_read import ArchiveStore
from orchestrator.fleet.images.weights_write import Crate, Crates
from orchestrator.spec.components import Component
from tests.unit.test_images_archive import BASE, GATEWAY, about, docker_save, members, saved, sealed, silent

TREE = "hub/models--lab--tiny"
LARGE, SMALL, STALE = bytes(range(256)) * 9000, b'{"a": 1}', b"of an older snapshot" * 99
SNAPSHOT = f"{TREE}/snapshots/0123"
BLOB = f"{TREE}/blobs/{hashlib.sha256(LARGE).hexdigest()}"
CONFIG = f"{TREE}/blobs/{hashlib.sha1(SMALL, usedforsecurity=False).hexdigest()}"


def line(path: str, content: bytes) -> str:
    return f"{len(content)} {hashlib.sha256(content).hexdigest()} {path}"


LISTING = (line(f"{SNAPSHOT}/config.json", SMALL), line(f"{SNAPSHOT}/model.safetensors", LARGE))
FILES: dict[str, bytes | str] = {
    BLOB: LARGE,
    CONFIG: SMALL,
    f"{TREE}/blobs/{hashlib.sha256(STALE).hexdigest()}": STALE,
    f"{TREE}/blobs/{'e' * 64}.part": b"half",
    f"{TREE}/refs/main": b"0123",
    f"{SNAPSHOT}/config.json": f"../../blobs/{CONFIG.rpartition('/')[2]}",
    f"{SNAPSHOT}/model.safetensors": f"../../blobs/{BLOB.rpartition('/')[2]}",
}


def tar_of(files: Mapping[str, bytes | str], parent: str = "hub/") -> bytes:
    """As an engine gives a folder of a volume: content, or what a link leads to."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.removeprefix(parent))
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def crate(files: Mapping[str, bytes | str] | None = None, listing: tuple[str, ...] = LISTING) -> Crate:
    content = tar_of(FILES if files is None else files)

    def tar() -> Generator[bytes, None, None]:
        yield from (content[at : at + 70_001] for at in range(0, len(content), 70_001))

    return Crate("tiny", "weights-huggingface", "lab--tiny", TREE, "gpu-1", listing, tar)


def fetch(key: str = "lab--tiny", tree: str = TREE) -> Fetch:
    return Fetch(Component("vllm"), (), (("weights-huggingface", "/w"),), key=key, tree=tree)


def pieces(*crates: Crate) -> Iterator[bytes]:
    return written(docker_save((GATEWAY, [BASE])), [saved(Component("gateway"), GATEWAY)], about, Crates(crates))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    (tmp_path / "a.tar.zst").write_bytes(b"".join(pieces(crate())))
    return Archive.verified(tmp_path / "a.tar.zst", silent)


def unpacked(archive: Archive, whole: frozenset[str] = frozenset()) -> dict[str, bytes | str]:
    kept = ArchiveStore(archive).kept(fetch())
    assert kept is not None
    with tarfile.open(fileobj=io.BytesIO(b"".join(kept.open(whole, threading.Event())))) as tar:
        return {e.name: e.linkname if e.issym() else tar.extractfile(e).read() for e in tar}  # type: ignore[union-attr]


def test_what_engines_open_comes_out_as_it_lay_there_and_leftovers_do_not(archive: Archive) -> None:
    wanted = {path: content for path, content in FILES.items() if content not in {STALE, b"half"}}
    assert unpacked(archive) == {path.removeprefix("hub/"): content for path, content in wanted.items()}
    kept = ArchiveStore(archive).kept(fetch())
    assert kept is not None
    assert kept.files == LISTING
    assert {part.rpartition(" ")[2] for part in kept.parts} == {BLOB, CONFIG, f"{TREE}/refs/main"}


def test_the_images_are_read_as_before(archive: Archive) -> None:
    assert BASE in members(archive.read([GATEWAY])).values()


@pytest.mark.skipif(shutil.which("zstd") is None, reason="no zstd command")
def test_the_common_tools_pass_over_them(archive: Archive) -> None:
    plain = subprocess.run(["zstd", "-dc", archive.file], capture_output=True, check=True).stdout
    assert "manifest.json" in members([plain])
    assert LARGE[:9000] not in plain


def test_they_are_not_packed_and_never_whole_in_memory(archive: Archive) -> None:
    assert LARGE[: PIECE // 2] in archive.file.read_bytes()
    assert max(map(len, pieces(crate()))) <= PIECE


def test_a_long_file_lies_in_several_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_write, "FRAME", 100_000)
    file = tmp_path / "a"
    file.write_bytes(b"".join(pieces(crate())))
    assert unpacked(Archive.verified(file, silent))[BLOB.removeprefix("hub/")] == LARGE


def test_what_a_host_has_is_not_sent_again(archive: Archive) -> None:
    assert BLOB.removeprefix("hub/") not in unpacked(archive, frozenset({BLOB}))
    assert CONFIG.removeprefix("hub/") in unpacked(archive, frozenset({BLOB}))


def test_other_weights_than_those_that_are_in_it_are_not_taken_for_them(archive: Archive) -> None:
    store = ArchiveStore(archive)
    assert store.kept(fetch(key="lab--tiny--v2")) is None
    assert store.kept(fetch(tree="hub/models--lab--other")) is None


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({**FILES, BLOB: LARGE[:-1] + b"x"}, f"at gpu-1 are damaged: {SNAPSHOT}/model.safetensors"),
        ({path: c for path, c in FILES.items() if path != BLOB}, f"at gpu-1 lack {SNAPSHOT}/model.safetensors"),
    ],
)
def test_weights_that_are_not_what_they_are_said_to_be_are_not_saved(files: dict[str, bytes | str], why: str) -> None:
    with pytest.raises(SaveError, match=why):
        list(pieces(crate(files)))


def test_weights_that_break_off_are_not_saved() -> None:
    content = tar_of(FILES)[:100_000]

    def tar() -> Generator[bytes, None, None]:
        yield content

    with pytest.raises(SaveError, match="the weights of tiny broke off at gpu-1"):
        list(pieces(Crate("tiny", "weights-huggingface", "lab--tiny", TREE, "gpu-1", LISTING, tar)))


def test_a_byte_that_changes_after_the_check_is_noticed_on_the_way(archive: Archive) -> None:
    content = bytearray(archive.file.read_bytes())
    content[content.find(LARGE[:5000]) + 7] ^= 1
    archive.file.write_bytes(content)
    with pytest.raises(UserError, match="its checksum does not match"):
        unpacked(archive)
    with pytest.raises(UserError, match="its checksum does not match"):
        Archive.verified(archive.file, silent)


@pytest.mark.parametrize(
    "change",
    [
        {"links": {f"{SNAPSHOT}/config.json": "../../../../../etc/passwd"}},
        {"read": ("../../etc/passwd",)},
        {"tree": "/etc"},
        {"tree": "hub/models--lab--other"},
        {"read": (f"{SNAPSHOT}/absent",)},
    ],
)
def test_a_list_that_leads_elsewhere_is_refused(archive: Archive, change: dict[str, object], tmp_path: Path) -> None:
    (weights,) = archive.manifest.weights
    altered = archive.manifest.model_copy(update={"weights": (weights.model_copy(update=change),)})
    file = tmp_path / "altered"
    file.write_bytes(sealed(archive.file.read_bytes()[: weights.files[0].at], altered.text))
    with pytest.raises(UserError) as refused:
        Archive.verified(file, silent)
    assert refused.value.code == "archive_invalid"
    assert "weights" in str(refused.value)


def test_without_weights_the_file_is_what_earlier_versions_wrote() -> None:
    made = Manifest(program="1", workshop="w", made="2026-11-21T12:00:00+00:00", images=(), parts=())
    assert b"weights" not in made.text
    assert Manifest.model_validate_json(made.text) == made
