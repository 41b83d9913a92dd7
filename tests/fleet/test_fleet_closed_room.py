"""A class comes to hosts that reach no registry: copied from this machine, then out of one file and nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest

from orchestrator.plan.images import REFERENCES, Reference
from orchestrator.spec.components import Component
from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, give_weights, host_section, model
from tests.fleet.bed.registry import Registry
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("images and a class from one file, minutes; tests/unit/test_images_archive has the file")

LOGIN = ("class", secrets.token_hex(12))
PORT = 28410
COMPONENTS = (Component("gateway"), Component("llamacpp"))


@dataclass(frozen=True)
class Room:
    workshop: FleetWorkshop
    front: SshHost
    gpu: SshHost
    registry: Registry
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def hosts(self) -> tuple[SshHost, SshHost]:
        return self.front, self.gpu

    @property
    def file(self) -> Path:
        return self.workshop.folder / "fleet.images.tar.zst"

    def names(self) -> dict[str, str]:
        """What stacks call the images, to what this machine's engine has under it."""
        client = docker.from_env()
        try:
            short = {digest.partition(":")[2][:16] for digest in self.digests.values()}
            tags = {tag: str(image.id) for image in client.images.list() for tag in image.tags}
            return {tag: image for tag, image in tags.items() if tag[-16:] in short and tag.startswith("workshop-")}
        finally:
            client.close()

    def containers(self) -> set[str]:
        return {line for host in self.hosts for line in host.docker("ps", "-q", "--no-trunc").split()}


@pytest.fixture(scope="module")
def room(
    bed: Bed, hosts: Hosts, packaged: Callable[[Component], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    """The registry is this machine's alone, and wants a login; the hosts have none, nor a mirror."""
    front, gpu = hosts(HostSetup(name="front", mirror=False), HostSetup(name="gpu-1", mirror=False))
    give_weights(tmp_path_factory.mktemp("weights"), gpu)
    folder = tmp_path_factory.mktemp("room")
    with bed.registry(login=LOGIN) as registry:
        digests: dict[str, str] = {
            component: registry.push(packaged(component), REFERENCES[component].removeprefix("ghcr.io/"))
            for component in COMPONENTS
        }
        sections = {
            "hosts": [host_section(front, bed, "gateway"), host_section(gpu, bed, "inference")],
            "models": [model("tiny")],
            "gateway": {"port": PORT},
            "images": {
                "source": "registry",
                "registry": registry.outer,
                "login": {"user": LOGIN[0], "password": "${env:REGISTRY_PASSWORD}"},
            },
        }
        with fleet_workshop(bed, folder, **sections) as workshop:
            workshop.environment["REGISTRY_PASSWORD"] = LOGIN[1]
            room = Room(workshop, front, gpu, registry, digests)
            yield room
        remove_here(room)


def remove_here(room: Room) -> None:
    client, pinned = docker.from_env(), room.names()
    try:
        for image in client.images.list():
            names = [*image.tags, *image.attrs["RepoDigests"]]
            for name in names:
                if name.startswith(room.registry.outer) or name in pinned:
                    with suppress(docker.errors.ImageNotFound):  # a tag takes its digest along
                        client.images.remove(name, noprune=True)
    finally:
        client.close()


def ids(host: SshHost) -> dict[str, str]:
    lines = host.docker("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines()
    return dict(line.split() for line in lines)


def test_what_only_this_machine_can_pull_is_copied_to_hosts_and_is_the_same_there(room: Room) -> None:
    done = room.workshop.provision()
    assert done["ok"]
    assert sorted(line for line in done["changes"] if "copied from this machine" in line) == sorted(
        f"{host}: image {room.registry.outer}/{Reference.parse(REFERENCES[part]).repository}"
        f"{Reference.parse(REFERENCES[part]).suffix}: copied from this machine"
        for host, part in (
            ("front", Component("gateway")),
            ("gpu-1", Component("gateway")),
            ("gpu-1", Component("llamacpp")),
        )
    )
    here = room.names()
    assert len(here) == 2
    assert ids(room.gpu) == here
    assert set(ids(room.front).items()) < set(here.items())
    assert room.workshop.ask(room.workshop.people()[0]["api_key"])


def test_the_registrys_password_is_left_nowhere(room: Room) -> None:
    files = [path for path in room.workshop.folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if LOGIN[1].encode() in path.read_bytes()]
    for host in room.hosts:
        assert LOGIN[1] not in host.read("/var/log/dockerd.log")
        assert host.try_run("ls", "/root/.docker/config.json").returncode != 0


def test_a_running_class_notices_nothing_of_a_file_with_the_same_images(room: Room) -> None:
    before = room.containers()
    saved = room.workshop.run("images save", "--to", str(room.file), "--output", "json").json
    assert {image["component"]: image["digest"] for image in saved["images"]} == room.digests
    assert saved["bytes"] == room.file.stat().st_size < sum(image["size"] for image in saved["images"])
    assert not list(room.file.parent.glob(".*.new"))
    loaded = load(room)
    assert (loaded["changes"], loaded["notes"]) == ([], [])
    room.workshop.write(images={"source": "archive"})
    assert room.workshop.provision()["changes"] == []
    assert room.containers() == before


def test_a_damaged_file_changes_nothing(room: Room) -> None:
    room.workshop.run("teardown", "--yes")
    room.registry.stop()
    remove_here(room)
    for host in room.hosts:
        host.docker("system", "prune", "--all", "--force")
    damaged = room.file.with_name("damaged")
    content = bytearray(room.file.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    refused = load(room, damaged, code=1)["error"]
    assert (refused["code"], refused["file"]) == ("archive_invalid", str(damaged))
    assert not room.names()
    assert [ids(host) for host in room.hosts] == [{}, {}]


def test_a_host_that_is_down_costs_that_host(room: Room) -> None:
    room.gpu.stop(seconds=2)
    loaded = load(room, code=3)
    assert [(host["name"], host["ok"]) for host in loaded["hosts"]] == [
        ("this machine", True),
        ("front", True),
        ("gpu-1", False),
    ]
    assert "gpu-1" in loaded["hosts"][2]["problem"]
    assert len(ids(room.front)) == 1
    room.gpu.start()
    again = load(room)
    assert {line.partition(":")[0] for line in again["changes"]} == {"gpu-1"}
    assert ids(room.gpu) == room.names()


def test_the_class_comes_up_from_the_file_alone(room: Room) -> None:
    done = room.workshop.provision()
    assert done["ok"]
    assert not [line for line in done["changes"] if "pulled" in line or "copied" in line]
    assert room.workshop.ask(room.workshop.people()[0]["api_key"])
    for host in room.hosts:  # an engine that is asked to pull and can't, says so
        log = host.read("/var/log/dockerd.log")
        assert log
        assert "images/create" not in log


def load(room: Room, file: Path | None = None, code: int = 0) -> Any:
    done = room.workshop.run_words(
        "images", "load", str(file or room.file), str(room.workshop.file), "--output", "json", code=code
    )
    return done.json
