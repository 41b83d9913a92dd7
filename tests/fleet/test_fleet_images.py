"""Images reach hosts by digest from a registry; what it refuses is copied from a host that has it, the same bits."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from pydantic import SecretStr

from orchestrator.errors import HostError
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.images.distribute import Brought, Distribution
from orchestrator.fleet.images.login import Login
from orchestrator.fleet.images.resolve import Search
from orchestrator.fleet.images.settings import BuildSettings
from orchestrator.fleet.images.source import EngineSource
from orchestrator.plan.images import Image, ImageChoice
from orchestrator.spec.components import Component
from orchestrator.state.deployed import DeployedHost
from orchestrator.workflow.images.gather import Engine, gather, registries_of
from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.engine import docker
from tests.fleet.bed.limited_registry import Limited
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("images on three hosts; tests/unit/test_images_sources has what comes from where")

NAME = "library/fleet-images"


@pytest.fixture(scope="module")
def trio(hosts: Hosts) -> list[SshHost]:
    small = HostSetup(name="full", disks={"/var/lib/docker": "60m"})
    return hosts(HostSetup(name="one"), HostSetup(name="two"), small)


@pytest.fixture(scope="module")
def other_image() -> Iterator[str]:
    """Small, in this machine's engine, with other bits than `small_image`."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as writer:
        writer.addfile(tarfile.TarInfo("empty"))
    name = f"workshop-test-other:{os.getpid()}"
    docker("import", "-", name, stdin=tar.getvalue())
    yield name
    docker("rmi", name)


@pytest.fixture
def fleet(bed: Bed, trio: list[SshHost]) -> Iterator[Fleet]:
    """The hosts without an image."""
    for host in trio:
        host.docker("system", "prune", "--all", "--force")
    deployed = [
        DeployedHost(
            name=host.name,
            connection="ssh",
            address=host.address,
            user="root",
            port=host.port,
            key=bed.identity,
            project="workshop-w",
            folder=PurePosixPath("~/w"),
        )
        for host in trio
    ]
    with Fleet(deployed, bed.known_hosts) as fleet:
        yield fleet


def engine(fleet: Fleet, name: str, reference: str, folder: Path, login: Login | None = None) -> Engine:
    machine = fleet[name]
    choice = ImageChoice(source="registry", override={Component("ollama"): reference})
    settings = BuildSettings(folder, folder)
    reach = registries_of(machine)
    search = Search(choice, {}, machine.docker.client, settings, print, name, login, reach)
    return Engine(EngineSource(machine.docker), search)


def brought(fleet: Fleet, distribution: Distribution, image: Image, *names: str) -> dict[str, Brought]:
    came, failed = fleet.each(lambda machine: distribution.bring(machine, [image]), names)
    assert not failed
    return came


def ids(hosts: list[SshHost], image: Image) -> set[str]:
    return {host.docker("inspect", "--format", "{{.Id}}", image.pinned).strip() for host in hosts}


def test_every_host_pulls_by_the_digest_that_was_pulled_first(
    bed: Bed, fleet: Fleet, trio: list[SshHost], small_image: str, other_image: str, tmp_path: Path
) -> None:
    with bed.registry(login=("class", "sentinel")) as registry:
        digest = registry.push(small_image, "fleet-images:1")
        reference = f"{registry.address}/{NAME}:1"
        refused = gather([Component("ollama")], engine(fleet, "one", reference, tmp_path), [], builds=False)
        assert "no basic auth credentials" in refused.missing[Component("ollama")]
        login = Login(registry.address, "class", lambda: SecretStr("sentinel"))
        first = engine(fleet, "one", reference, tmp_path, login)
        found = gather([Component("ollama")], first, [], builds=False)
        image = found.images[Component("ollama")]
        assert image == Image(reference, digest, "registry")
        registry.push(other_image, "fleet-images:1")  # the tag moves on: nobody else gets it
        distribution = Distribution(found.sources, print, login)
        came = brought(fleet, distribution, image, "one", "two", "full")
        assert came["one"] == Brought()
        assert came["two"].changes == (f"two: image {reference}: pulled",)
        assert came["full"].notes == ()
    assert len(ids(trio, image)) == 1
    for host in trio:
        assert host.try_run("ls", "/root/.docker/config.json").returncode != 0
        assert "sentinel" not in host.read("/var/log/dockerd.log")


def test_a_registry_that_gives_no_more_is_made_up_for_by_the_host_that_has_it(
    bed: Bed, fleet: Fleet, trio: list[SshHost], small_image: str, tmp_path: Path
) -> None:
    with bed.registry() as registry, Limited.opened(registry, bed.outer_address, pulls=1) as address:
        registry.push(small_image, "fleet-images:2")
        reference = f"{address}/{NAME}:2"
        nowhere = engine(fleet, "full", f"{bed.outer_address}:1/x:1", tmp_path)  # as a machine that no registry answers
        found = gather([Component("ollama")], nowhere, [engine(fleet, "one", reference, tmp_path)], builds=False)
        image = found.images[Component("ollama")]
        assert found.sources[image.pinned].name == "one"
        came = brought(fleet, Distribution(found.sources, print), image, "one", "two")
    assert came["two"].changes == (f"two: image {reference}: copied from one",)
    assert "its registry gives this address no more for now" in came["two"].notes[0]
    assert len(ids(trio[:2], image)) == 1


def test_a_host_that_reaches_no_registry_is_not_kept_waiting(
    bed: Bed, fleet: Fleet, trio: list[SshHost], small_image: str, tmp_path: Path
) -> None:
    with bed.registry() as registry:
        registry.push(small_image, "fleet-images:3")
        first = engine(fleet, "one", f"{registry.address}/{NAME}:3", tmp_path)
        found = gather([Component("ollama")], first, [], builds=False)
    image = found.images[Component("ollama")]  # and the registry is gone
    came = brought(fleet, Distribution(found.sources, print), image, "two")
    assert came["two"] == Brought((f"two: image {image.reference}: copied from one",))
    assert "images/create" not in trio[1].read("/var/log/dockerd.log").rpartition(NAME + ":2")[2]


def test_other_bits_under_the_same_name_are_replaced(
    bed: Bed, fleet: Fleet, trio: list[SshHost], small_image: str
) -> None:
    bed.load(small_image, *trio[:2])
    image = Image("fleet-images:local", None, "registry")
    trio[0].docker("tag", small_image, image.pinned)
    trio[1].run("sh", "-c", f"echo x > /tmp/x && tar -c -C /tmp x | docker import - {image.pinned}")
    distribution = Distribution({image.pinned: EngineSource(fleet["one"].docker)}, print)
    assert brought(fleet, distribution, image, "two")["two"].changes == (
        "two: image fleet-images:local: copied from one",
    )
    assert len(ids(trio[:2], image)) == 1


def test_a_disk_without_room_is_told_before_anything_is_sent(fleet: Fleet, trio: list[SshHost]) -> None:
    image = Image("fleet-images:big", None, "packages")
    make = f"truncate -s 50M /tmp/big && tar -c -C /tmp big | docker import - {image.pinned}"
    trio[0].run("sh", "-c", make)
    distribution = Distribution({image.pinned: EngineSource(fleet["one"].docker)}, print)
    _, failed = fleet.each(lambda machine: distribution.bring(machine, [image]), ["full"])
    assert isinstance(failed["full"], HostError)
    assert failed["full"].code == "disk_full"
    assert "MiB are free at /var/lib/docker: " in failed["full"].message
