"""A class comes to hosts that reach neither a registry nor a hub: images and weights out of one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from orchestrator.practice.gguf import write_gguf
from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, host_section
from tests.fleet.bed.hub_stand_in import HubStandIn
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full(
    "images and weights from one file, minutes; tests/unit/test_images_archive_weights has the file"
)

PORT = 23410
TOKEN = "hf_sentinel_of_the_room"
VOLUME = "/var/lib/docker/volumes/workshop-fleet_weights-llamacpp/_data"
FILE = "lab--tiny-GGUF--tiny.gguf"


@dataclass(frozen=True)
class Room:
    workshop: FleetWorkshop
    engines: tuple[SshHost, SshHost]
    hub: HubStandIn

    @property
    def file(self) -> Path:
        return self.workshop.folder / "fleet.images.tar.zst"

    def load(self, code: int = 0) -> Any:
        words = ("images", "load", str(self.file), str(self.workshop.file), "--output", "json")
        return self.workshop.run_words(*words, code=code).json


@pytest.fixture(scope="module")
def room(bed: Bed, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    one, two = hosts(HostSetup(name="one", mirror=False), HostSetup(name="two", mirror=False))
    gguf = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(gguf, name="tiny", end_bias=-30.0)
    hub = HubStandIn(bed.outer_address, files={"lab/tiny-GGUF": {"tiny.gguf": gguf.read_bytes()}}, token=TOKEN)
    with hub.serving():
        tiny = {
            "name": "tiny",
            "engine": "llamacpp",
            "source": "lab/tiny-GGUF/tiny.gguf",
            "context": 256,
            "replicas": 2,
            "environment": {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "${env:HF_TOKEN}"},
        }
        sections = {
            "hosts": [host_section(one, bed, "gateway", "inference"), host_section(two, bed, "inference")],
            "models": [tiny],
            "gateway": {"port": PORT},
        }
        with fleet_workshop(bed, tmp_path_factory.mktemp("room"), **sections) as workshop:
            workshop.environment["HF_TOKEN"] = TOKEN
            yield Room(workshop, (one, two), hub)


def volumes_for_saving() -> list[str]:
    client = docker.from_env()
    try:
        return [volume.name for volume in client.volumes.list(filters={"label": "workshop.name=fleet.save"})]
    finally:
        client.close()


def test_one_file_holds_images_and_weights_and_no_token(room: Room) -> None:
    saved = room.workshop.run("images save", "--weights", "--to", str(room.file), "--output", "json").json
    size = len(room.hub.files["lab/tiny-GGUF"]["tiny.gguf"])
    assert saved["weights"] == [{"model": "tiny", "files": 1, "size": size}]
    assert saved["weights_left_out"] == []
    assert TOKEN.encode() not in room.file.read_bytes()
    assert volumes_for_saving() == []


def test_without_the_weights_there_is_no_file(room: Room) -> None:
    room.workshop.environment["HF_TOKEN"] = "hf_wrong"
    other = room.file.with_name("other")
    refused = room.workshop.run("images save", "--weights", "--to", str(other), "--output", "json", code=1)
    room.workshop.environment["HF_TOKEN"] = TOKEN
    assert refused.json["error"]["code"] == "weights_missing"
    assert "(401)" in refused.json["error"]["message"]
    assert not list(room.file.parent.glob("*other*"))


def test_weights_go_to_the_hosts_whose_models_need_them(room: Room) -> None:
    room.hub.asked.clear()
    room.hub.files.clear()
    loaded = room.load()
    came = [line for line in loaded["changes"] if "weights" in line]
    assert sorted(came) == [
        f"{name}: weights of tiny: copied from {room.file.name} (0.5 MB)" for name in ("one", "two")
    ]
    assert loaded["notes"] == []
    assert room.load()["changes"] == []


def test_preflight_does_not_ask_for_a_hub_that_nobody_needs(room: Room) -> None:
    (tiny,) = room.workshop.spec["models"]
    room.workshop.write(models=[{**tiny, "environment": {**tiny["environment"], "HF_ENDPOINT": "https://hub.invalid"}}])
    there = hub_findings(room)
    room.engines[1].run("sh", "-c", f"mv {VOLUME}/.workshop {VOLUME}/aside")
    copied = hub_findings(room)
    room.engines[1].run("sh", "-c", f"mv {VOLUME}/aside {VOLUME}/.workshop")
    room.workshop.write(models=[tiny])
    assert {host: (one["level"], one["what"]) for host, one in there.items()} == dict.fromkeys(
        ("one", "two"), ("ok", "hub.invalid is not reached: no name; the weights are there")
    )
    assert (copied["one"]["level"], copied["two"]["level"]) == ("ok", "warn")
    assert copied["two"]["remedy"] == "Nothing: the weights are copied there from one"


def hub_findings(room: Room) -> dict[str, Any]:
    seen = room.workshop.run("preflight", "--output", "json", code=None).json
    return {one["host"]: one for one in seen["findings"] if one["check"] == "hub"}


def test_a_copy_that_was_cut_off_is_made_good(room: Room) -> None:
    host = room.engines[0]
    host.run("sh", "-c", f"rm {VOLUME}/.workshop/* && truncate -s 1000 {VOLUME}/{FILE}")
    assert room.load()["changes"] == [f"one: weights of tiny: copied from {room.file.name} (0.5 MB)"]


def test_the_class_comes_up_without_registry_and_hub(room: Room) -> None:
    room.workshop.write(images={"source": "archive"})
    done = room.workshop.provision()
    assert done["ok"], done
    assert not [line for line in done["changes"] if "weights" in line]
    assert not [path for path in room.hub.asked if "/resolve/" in path]  # whether it is there is asked, for files not
    assert room.workshop.ask(room.workshop.people()[0]["api_key"])


def test_a_host_that_has_them_is_asked_when_nobody_else_does(room: Room) -> None:
    again = room.file.with_name("again")
    saved = room.workshop.run("images save", "--weights", "--to", str(again), "--output", "json").json
    assert [weights["model"] for weights in saved["weights"]] == ["tiny"]
    assert volumes_for_saving() == []
