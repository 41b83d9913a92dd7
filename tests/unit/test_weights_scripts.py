"""The scripts that fetch weights, as they run in an engine's container, against a local stand-in for the hub."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.engines.weights import file_fetch
from orchestrator.fleet.weights import fetch_scripts
from orchestrator.practice.gguf import write_gguf
from orchestrator.practice.huggingface import write_checkpoint
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model
from tests.fleet.bed.hub_stand_in import COMMIT, HubStandIn, sha256

REPOSITORY = "lab/tiny"
WEIGHTS = "model.safetensors"
GGUF = "lab/tiny-GGUF/resolve/main/tiny.gguf"
KINDS = ("repository", "file")


@dataclass
class Volume:
    """A folder that is taken for the volume, and the fetching of one of both kinds into it."""

    folder: Path
    hub: HubStandIn
    kind: str
    scripts: Path

    def run(self, *, token: str | None = None, form: str = "consolidated") -> tuple[int, str]:
        file = self.folder / "tiny.gguf"
        command = {
            "repository": [sys.executable, str(self.scripts / "fetch_repository.py"), form, REPOSITORY],
            "file": ["sh", str(self.scripts / "fetch_file.sh"), "hub", f"{self.hub.endpoint}/{GGUF}", str(file)],
        }[self.kind]
        done = subprocess.run(
            command, env=self.environment(token), capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    def environment(self, token: str | None = None) -> dict[str, str]:
        own = {"WORKSHOP_VOLUME": str(self.folder), "WORKSHOP_KEY": "k", "HF_ENDPOINT": self.hub.endpoint}
        return {"PATH": os.environ["PATH"], **own, **({"HF_TOKEN": token} if token else {})}

    def look(self) -> list[str]:
        """The marker's lines, if the weights are complete."""
        command = ["sh", str(self.scripts / "weights.sh"), "look"]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=True, timeout=60)
        lines = done.stdout.splitlines()
        assert int(lines[0].removeprefix("WORKSHOP free ")) > 0
        return [line.removeprefix("WORKSHOP file ") for line in lines[1:]]

    @property
    def weights(self) -> Path:
        at = self.folder / "hub/models--lab--tiny/snapshots" / COMMIT / WEIGHTS
        return at if self.kind == "repository" else self.folder / "tiny.gguf"

    @property
    def expected(self) -> bytes:
        return (
            self.hub.files[REPOSITORY][WEIGHTS]
            if self.kind == "repository"
            else self.hub.files["lab/tiny-GGUF"]["tiny.gguf"]
        )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("models")
    write_checkpoint(folder / "tiny", name="tiny")
    write_gguf(folder / "tiny.gguf", name="tiny")
    found = {path.name: path.read_bytes() for path in (folder / "tiny").iterdir()}
    return {
        REPOSITORY: {**found, "pytorch_model.bin": b"the same again"},
        "lab/tiny-GGUF": {"tiny.gguf": (folder / "tiny.gguf").read_bytes()},
    }


@pytest.fixture
def hub(models: dict[str, dict[str, bytes]]) -> Iterator[HubStandIn]:
    with HubStandIn(files=models).serving() as hub:
        yield hub


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Side by side, as a container that fetches has them."""
    folder = tmp_path_factory.mktemp("scripts")
    for script in fetch_scripts():
        shutil.copy(script, folder)
    return folder


@pytest.fixture(params=KINDS)
def volume(request: pytest.FixtureRequest, tmp_path: Path, hub: HubStandIn, scripts: Path) -> Volume:
    return Volume(tmp_path, hub, request.param, scripts)


@pytest.fixture
def repository(tmp_path: Path, hub: HubStandIn, scripts: Path) -> Volume:
    return Volume(tmp_path, hub, "repository", scripts)


def test_what_is_fetched_is_what_the_hub_has_and_is_marked_complete(volume: Volume) -> None:
    code, said = volume.run()
    assert code == 0, said
    assert volume.weights.read_bytes() == volume.expected
    assert (
        f"{len(volume.expected)} {sha256(volume.expected)} {volume.weights.relative_to(volume.folder)}" in volume.look()
    )
    size = sum(int(line.split()[0]) for line in volume.look())
    assert said.splitlines()[-1] == f"WORKSHOP have {size} {size}"
    assert not list(volume.folder.rglob("*.part*"))


def test_other_forms_of_the_same_weights_are_left_out(repository: Volume) -> None:
    assert repository.run()[0] == 0
    assert not [path for path in repository.hub.asked if "pytorch_model.bin" in path]


@pytest.mark.parametrize(("form", "left_out"), [("consolidated", WEIGHTS), ("common", "consolidated.safetensors")])
def test_of_two_forms_the_one_comes_that_the_engine_loads(repository: Volume, form: str, left_out: str) -> None:
    files = repository.hub.files[REPOSITORY]
    repository.hub.files = {REPOSITORY: {**files, "consolidated.safetensors": files[WEIGHTS]}}
    assert repository.run(form=form)[0] == 0
    names = {line.rpartition("/")[2] for line in repository.look()}
    assert set(files) - {"pytorch_model.bin"} | {"consolidated.safetensors"} == names | {left_out}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html><html><head><title>Sign in</title>", "a web page"),
        (b"\n <html lang=en>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a Git LFS pointer"),
        (b'{"error": "Repository is being moved"}', "no "),
        (b"\x00\x01\x02", "no "),
    ],
)
def test_what_is_no_weights_is_told_and_not_kept(volume: Volume, content: bytes, told: str) -> None:
    """Whatever digest the server gives for it."""
    before = volume.hub.files
    name, repository = (WEIGHTS, REPOSITORY) if volume.kind == "repository" else ("tiny.gguf", "lab/tiny-GGUF")
    volume.hub.files = {**before, repository: {**before[repository], name: content}}
    code, said = volume.run()
    assert code == 1
    assert told in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("WORKSHOP failed ")
    assert volume.look() == []
    assert not volume.weights.exists()
    volume.hub.files = before
    assert volume.run()[0] == 0  # the next run heals
    assert volume.weights.read_bytes() == volume.expected


def test_what_an_earlier_build_took_for_weights_is_fetched_anew(volume: Volume) -> None:
    assert volume.run()[0] == 0
    page = b"<html>" + b" " * (len(volume.expected) - 6)
    volume.weights.resolve().write_bytes(page)
    assert volume.look() == []
    assert volume.run()[0] == 0
    assert volume.weights.read_bytes() == volume.expected


@pytest.mark.parametrize("name", ["a b.gguf", "a#b.gguf", "a[1-2].gguf", "a{x,y}.gguf", "ä+100%.gguf", "a?b.gguf"])
def test_a_file_of_an_odd_name_is_the_one_that_comes(tmp_path: Path, scripts: Path, hub: HubStandIn, name: str) -> None:
    data = hub.files["lab/tiny-GGUF"]["tiny.gguf"]
    others = dict.fromkeys(("a", "a1.gguf", "a2.gguf", "ax.gguf", "ay.gguf", "b.gguf"), b"GGUF another")
    hub.files = {"lab/odd": {name: data, **others}}
    model = Model(name="m", engine="llamacpp", source=f"lab/odd/{name}", environment={"HF_ENDPOINT": hub.endpoint})
    fetch = file_fetch(model, Component("llamacpp"))
    assert fetch is not None
    path = tmp_path / fetch.tree
    command = ["sh", str(scripts / "fetch_file.sh"), *fetch.command[2:4], str(path)]
    volume = Volume(tmp_path, hub, "file", scripts)
    done = subprocess.run(command, env=volume.environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_bytes() == data


def test_a_hub_that_lists_nothing_is_told(repository: Volume) -> None:
    repository.hub.listing = lambda repository: {"error": repository}  # type: ignore[method-assign]
    code, said = repository.run()
    assert code == 1
    assert "does not list the files of lab/tiny" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_a_download_that_breaks_off_goes_on_where_it_stopped(volume: Volume) -> None:
    volume.hub.break_after, volume.hub.breaks = 100_000, 1
    code, said = volume.run()
    assert code == 0, said
    assert volume.hub.ranges == ["bytes=100000-"]
    assert volume.weights.read_bytes() == volume.expected


def test_the_next_run_goes_on_with_what_an_earlier_one_left(volume: Volume) -> None:
    volume.hub.break_after, volume.hub.breaks = 50_000, 1
    command_ended_early(volume)
    volume.hub.breaks = 0
    assert volume.look() == []
    code, said = volume.run()
    assert code == 0, said
    assert volume.hub.ranges
    assert volume.hub.ranges[-1] == "bytes=50000-"
    assert volume.weights.read_bytes() == volume.expected


def command_ended_early(volume: Volume) -> None:
    """As after a power cut: a part lies there, and nothing says that it is complete."""
    part = {
        "repository": volume.folder / "hub/models--lab--tiny/blobs" / f"{sha256(volume.expected)}.part",
        "file": volume.folder / "tiny.gguf.part",
    }[volume.kind]
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(volume.expected[:50_000])
    if volume.kind == "file":
        whole = volume.hub.files["lab/tiny-GGUF"]["tiny.gguf"]
        tag = f'"{sha256(whole)[:16]}"'
        part.with_name("tiny.gguf.part.tag").write_text(f"{sha256(whole)}{tag}\n")


def test_what_a_broken_copy_left_is_not_taken_for_whole(repository: Volume) -> None:
    volume = repository
    blob = volume.folder / "hub/models--lab--tiny/blobs" / sha256(volume.expected)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(volume.expected[:1000])
    assert volume.run()[0] == 0
    assert volume.weights.read_bytes() == volume.expected


def test_a_damaged_file_is_noticed_and_fetched_again(volume: Volume) -> None:
    volume.hub.damaged = 1
    code, said = volume.run()
    assert code == 0, said
    assert "came damaged and is fetched again" in said
    assert volume.weights.read_bytes() == volume.expected


def test_a_file_that_comes_damaged_twice_is_not_kept(volume: Volume) -> None:
    volume.hub.damaged = 9
    code, said = volume.run()
    assert code == 1
    assert "came damaged twice" in said.splitlines()[-1]
    assert volume.look() == []
    assert not volume.weights.exists()


def test_the_token_is_for_the_hub_and_not_for_its_storage(volume: Volume) -> None:
    volume.hub.token = "hf_right"
    code, said = volume.run(token="hf_right")
    assert code == 0, said
    assert volume.hub.storage_tokens == []
    assert "hf_right" not in said


def test_a_wrong_token_is_told_in_one_line(volume: Volume) -> None:
    volume.hub.token = "hf_right"
    code, said = volume.run(token="hf_wrong")
    assert code == 3
    (line,) = [line for line in said.splitlines() if "failed" in line]
    assert "401" in line
    assert "HF_TOKEN" in line
    assert "hf_wrong" not in said


def test_a_file_that_was_cut_off_afterwards_is_not_complete(volume: Volume) -> None:
    assert volume.run()[0] == 0
    os.truncate(volume.weights, 10)
    assert volume.look() == []


def test_a_disk_without_room_is_told_before_anything_is_fetched(volume: Volume) -> None:
    volume.hub.claimed = 1 << 60
    code, said = volume.run()
    assert code == 4
    assert "no room: it needs 11529215046068" in said.splitlines()[-1]
    assert not [path for path in volume.hub.asked if path.startswith("GET storage/")]


def test_names_that_lead_out_of_the_volume_are_refused(repository: Volume) -> None:
    repository.hub.files = {REPOSITORY: {"../../../../evil": b"x"}}
    code, said = repository.run()
    assert code == 1
    assert "odd name" in said
    assert hashlib.sha256(b"x").hexdigest() not in said
