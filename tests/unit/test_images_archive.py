"""One file with all images of a spec: whole or refused, layers once, and only what is asked for taken out of it."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.fleet.images.archive_manifest import FOOTER, HEADER, SKIP_FOOTER, SKIP_MANIFEST, Manifest
from orchestrator.fleet.images.archive_read import Archive
from orchestrator.fleet.images.archive_tar import SaveError
from orchestrator.fleet.images.archive_write import Saved, written
from orchestrator.fleet.images.content import Content
from orchestrator.plan.images import Image
from orchestrator.spec.components import Component

BASE, TOP, OTHER = b"base " * 9000, b"top " * 700, b"other " * 700
DIGEST = f"sha256:{'d' * 64}"
GATEWAY = Image("nginx:1.30", DIGEST, "registry")
WEBUI = Image("workshop-webui:abc", None, "packages")


def name_of(content: bytes) -> str:
    return f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"


def docker_save(*images: tuple[Image, Sequence[bytes]], links: bool = False) -> io.BytesIO:
    """As an engine writes it: layers once; with `links` as engines before Docker 25 do."""
    stream = io.BytesIO()
    told, there = [], set()
    with tarfile.open(fileobj=stream, mode="w") as tar:

        def add(name: str, content: bytes) -> str:
            if name not in there:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
                there.add(name)
            return name

        for number, (image, layers) in enumerate(images):
            config = add(name_of(image.pinned.encode()), image.pinned.encode())
            names = []
            for layer in layers:
                if not links:
                    names.append(add(name_of(layer), layer))
                    continue
                first = f"{hashlib.sha256(layer).hexdigest()}/layer.tar"
                mine = first if first not in there else f"{number}{first[1:]}"
                if mine == first:
                    add(first, layer)
                else:
                    entry = tarfile.TarInfo(mine)
                    entry.type, entry.linkname = tarfile.SYMTYPE, f"../{first}"
                    tar.addfile(entry)
                names.append(mine)
            told.append({"Config": config, "RepoTags": [image.pinned], "Layers": names})
        add("index.json", b"{}")
        add("manifest.json", json.dumps(told).encode())
        add("repositories", b"{}")
    stream.seek(0)
    return stream


def saved(component: Component, image: Image) -> Saved:
    content = Content(f"sha256:{hashlib.sha256(image.pinned.encode()).hexdigest()}", "linux/amd64")
    return Saved(component, image, f"sha256:{'1' * 64}", content, 1000)


def about(**parts: Any) -> Manifest:
    return Manifest(program="1", workshop="w", made="2026-11-21T12:00:00+00:00", **parts)


def archived(stream: io.BytesIO) -> bytes:
    both = [saved(Component("gateway"), GATEWAY), saved(Component("webui"), WEBUI)]
    return b"".join(written(stream, both, about))


def silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def content() -> bytes:
    return archived(docker_save((GATEWAY, [BASE, TOP]), (WEBUI, [BASE, OTHER])))


@pytest.fixture
def archive(content: bytes, tmp_path: Path) -> Archive:
    (tmp_path / "a.tar.zst").write_bytes(content)
    return Archive.verified(tmp_path / "a.tar.zst", silent)


def members(pieces: Iterable[bytes]) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def refusal(path: Path) -> UserError:
    with pytest.raises(UserError) as refused:
        Archive.verified(path, silent)
    assert refused.value.code == "archive_invalid"
    assert "\n" not in str(refused.value)
    assert refused.value.where.file == path
    return refused.value


def test_what_was_saved_is_told_with_digest_platform_and_checksums(archive: Archive) -> None:
    gateway, webui = archive.manifest.images
    assert (gateway.component, gateway.reference, gateway.digest) == (Component("gateway"), "nginx:1.30", DIGEST)
    assert (webui.digest, webui.platform) == (None, "linux/amd64")
    assert {part.sha256 for part in archive.manifest.parts} >= {
        hashlib.sha256(x).hexdigest() for x in (BASE, TOP, OTHER)
    }


def test_a_layer_that_images_share_is_in_it_once(archive: Archive, content: bytes) -> None:
    assert [part.size for part in archive.manifest.parts].count(len(BASE)) == 1
    assert archive.size([image.image for image in archive.manifest.images]) < 2 * len(BASE)
    assert len(content) < len(BASE)


@pytest.mark.parametrize("links", [False, True])
def test_only_what_is_asked_for_comes_out(tmp_path: Path, links: bool) -> None:
    file = tmp_path / "a"
    file.write_bytes(archived(docker_save((GATEWAY, [BASE, TOP]), (WEBUI, [BASE, OTHER]), links=links)))
    archive = Archive.verified(file, silent)
    found = members(archive.read([archive.manifest.images[1].image]))
    (told,) = json.loads(found.pop("manifest.json"))
    assert told["RepoTags"] == [WEBUI.pinned]
    assert [found.pop(name) for name in told["Layers"]] == [BASE, OTHER]
    assert found == {told["Config"]: WEBUI.pinned.encode()}


def test_all_of_it_comes_out_as_it_went_in(archive: Archive) -> None:
    found = members(archive.read([image.image for image in archive.manifest.images]))
    assert set(found.values()) >= {BASE, TOP, OTHER}
    assert len(json.loads(found["manifest.json"])) == 2


@pytest.mark.skipif(shutil.which("zstd") is None, reason="no zstd command")
def test_the_common_tools_read_it_too(archive: Archive) -> None:
    plain = subprocess.run(["zstd", "-dc", archive.file], capture_output=True, check=True).stdout
    told = json.loads(members([plain])["manifest.json"])
    assert [entry["RepoTags"] for entry in told] == [[GATEWAY.pinned, "nginx:1.30"], [WEBUI.pinned]]


@given(data=st.data())
def test_any_byte_that_was_flipped_is_noticed(
    content: bytes, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    near = st.integers(0, FOOTER - 1).map(lambda number: len(content) - 1 - number)  # the end is what is trusted first
    at = data.draw(st.integers(0, len(content) - 1) | near)
    mask = data.draw(st.integers(1, 255))
    altered = bytearray(content)
    altered[at] ^= mask
    file = tmp_path_factory.getbasetemp() / "flipped"
    file.write_bytes(altered)
    refusal(file)


@given(data=st.data())
def test_a_file_that_was_cut_off_is_noticed(
    content: bytes, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "cut"
    file.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    refusal(file)


def test_another_file_is_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_bytes(b"x" * 4096)
    assert "is no archive of images" in str(refusal(file))
    with pytest.raises(UserError, match="cannot be read: no such file"):
        Archive.verified(tmp_path / "none", silent)


def test_what_changes_after_it_was_checked_is_noticed_on_the_way(archive: Archive) -> None:
    altered = archive.manifest.model_copy(
        update={"parts": tuple(part.model_copy(update={"sha256": "0" * 64}) for part in archive.manifest.parts)}
    )
    read = Archive(archive.file, altered, archive._end).read([archive.manifest.images[0].image])
    with pytest.raises(UserError, match="its checksum does not match"):
        list(read)


def test_a_manifest_of_a_newer_kind_is_not_guessed_at(archive: Archive, tmp_path: Path) -> None:
    text = archive.manifest.model_dump_json().replace('"format":1', '"format":2').encode()
    file = tmp_path / "newer"
    file.write_bytes(sealed(archive.file.read_bytes()[: archive._end], text))
    assert "not one that this version reads (format)" in str(refusal(file))


def test_an_engine_that_leaves_an_image_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="did not send workshop-webui:abc"):
        archived(docker_save((GATEWAY, [BASE])))


def sealed(packed: bytes, text: bytes) -> bytes:
    """The file's end as archive_manifest.py describes it."""
    last = b"workshop-images\n" + len(text).to_bytes(8)
    body = packed + HEADER.pack(SKIP_MANIFEST, len(text)) + text + HEADER.pack(SKIP_FOOTER, len(last) + 32) + last
    return body + hashlib.sha256(body).digest()
