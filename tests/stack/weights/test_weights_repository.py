"""A repository fetched, copied and taken from a folder by containers of vLLM's own image, on this machine's engine."""

from __future__ import annotations

import io
import secrets
import shutil
import tarfile
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import docker
import pytest
from docker import DockerClient
from pydantic import SecretStr

from orchestrator.engines.container import Fetch
from orchestrator.engines.weights import HUGGING_FACE, repository_fetch
from orchestrator.fleet.channel import LocalChannel
from orchestrator.fleet.images.archive_manifest import Manifest
from orchestrator.fleet.images.archive_read import Archive
from orchestrator.fleet.images.archive_write import written
from orchestrator.fleet.images.weights_read import ArchiveStore
from orchestrator.fleet.images.weights_write import Crate, Crates
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.weights import Weights, look, send
from orchestrator.fleet.weights_folder import FolderStore
from orchestrator.fleet.weights_store import Kept, Store
from orchestrator.practice.huggingface import write_checkpoint
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model
from orchestrator.state.deployed import DeployedHost
from orchestrator.workflow.weights.delivery import Delivered, Delivery, Parcel
from tests.fleet.bed.hub_stand_in import HubStandIn

pytestmark = pytest.mark.full("whole downloads; tests/unit/test_weights_scripts has the scripts")

REPOSITORY = "lab/tiny"
OFFLINE = "from huggingface_hub import snapshot_download as s; print(s('lab/tiny', local_files_only=True))"


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, client: DockerClient) -> Iterator[HubStandIn]:
    folder = tmp_path_factory.mktemp("tiny")
    write_checkpoint(folder, name="tiny")
    address = client.networks.get("bridge").attrs["IPAM"]["Config"][0].get("Gateway")
    files = {REPOSITORY: {path.name: path.read_bytes() for path in folder.iterdir()}}
    with HubStandIn(address, files=files).serving() as hub:
        yield hub


@dataclass
class Bed:
    """Two hosts, which are two workshops' volumes of one engine: nothing else tells them apart."""

    weights: dict[str, Weights]
    client: DockerClient
    said: list[str]

    def machine(self, host: str) -> Machine:
        project = f"workshop-{self.weights[host].workshop}"
        return Machine(DeployedHost(name=host, project=project, folder=PurePosixPath("/nowhere")), LocalChannel(host))

    def bring(
        self,
        *hosts: str,
        stop: threading.Event | None = None,
        store: Store | None = None,
        fetches: bool = True,
        **settings: object,
    ) -> Delivered:
        machines = {name: self.machine(name) for name in self.weights}
        places = {name: threading.Semaphore(3) for name in machines}
        parcel = Parcel(
            model="tiny",
            weights={host: self.weights[host] for host in hosts},
            services={host: frozenset({"model-tiny-1"}) for host in hosts},
            store=store,
            fetches=fetches,
        )
        chosen = Settings(**settings)  # type: ignore[arg-type]
        return Delivery(parcel, machines, places, chosen, self.said.append, stop or threading.Event()).bring()

    def holds(self, host: str) -> tuple[str, ...]:
        return look(self.machine(host), self.weights[host], threading.Event()).files

    def loaded_offline(self, host: str) -> str:
        """Where huggingface_hub finds the repository, in a container without a network."""
        weights = self.weights[host]
        mounts = {weights.volume: {"bind": str(weights.path), "mode": "ro"}}
        said: bytes = self.client.containers.run(
            weights.image, ["-c", OFFLINE], entrypoint="python3", network_mode="none", volumes=mounts, remove=True
        )
        return said.decode()


@pytest.fixture
def bed(client: DockerClient, hub: HubStandIn, packaged: Callable[[Component], str]) -> Iterator[Bed]:
    model = Model(
        name="tiny", engine="vllm", source=REPOSITORY, environment={"HF_ENDPOINT": hub.endpoint}, fetch_timeout=60
    )
    fetch = repository_fetch(model, Component("vllm"), HUGGING_FACE)
    assert fetch is not None
    image = packaged(Component("vllm_cpu"))
    token = secrets.token_hex(3)
    weights = {host: Weights(f"weights-{token}-{host}", "d", fetch, image) for host in ("one", "two")}
    hub.asked.clear()
    hub.token = None
    yield Bed(weights, client, [])
    for made in weights.values():
        for container in client.containers.list(all=True, filters={"label": f"workshop.name={made.workshop}"}):
            container.remove(force=True)
        for volume in client.volumes.list(filters={"label": f"workshop.name={made.workshop}"}):
            volume.remove(force=True)


def test_what_is_fetched_is_found_by_huggingface_hub_without_a_network(bed: Bed, hub: HubStandIn) -> None:
    assert bed.bring("one") == Delivered(came={"one": "weights of tiny: fetched (0.2 MB)"})
    assert "/snapshots/" in bed.loaded_offline("one")
    assert len(bed.holds("one")) == len(hub.files[REPOSITORY])
    assert any("weights of tiny, fetched: " in line for line in bed.said)


def test_what_is_complete_is_not_asked_for_again(bed: Bed, hub: HubStandIn) -> None:
    bed.bring("one")
    hub.asked.clear()
    assert bed.bring("one") == Delivered()
    assert hub.asked == []


def test_a_second_host_gets_a_copy_without_a_question_to_the_hub(bed: Bed, hub: HubStandIn) -> None:
    bed.bring("one")
    hub.asked.clear()
    assert bed.bring("one", "two").came == {"two": "weights of tiny: copied from one (0.2 MB)"}
    assert hub.asked == []
    assert "/snapshots/" in bed.loaded_offline("two")
    assert bed.holds("two") == bed.holds("one")


def test_they_come_from_the_operators_folder(bed: Bed, hub: HubStandIn, tmp_path: Path, client: DockerClient) -> None:
    bed.bring("one")
    hub.asked.clear()
    weights = bed.weights["one"]
    copying = client.containers.create(weights.image, volumes={weights.volume: {"bind": "/w", "mode": "ro"}})
    stream, _ = copying.get_archive("/w/hub")
    (tmp_path / "hub.tar").write_bytes(b"".join(stream))
    copying.remove()
    shutil.unpack_archive(tmp_path / "hub.tar", tmp_path, filter="tar")
    done = bed.bring("two", store=FolderStore(tmp_path, bed.said.append))
    assert done.came == {"two": f"weights of tiny: copied from {tmp_path} (0.2 MB)"}
    assert hub.asked == []
    assert "/snapshots/" in bed.loaded_offline("two")


def test_the_token_stands_nowhere_but_in_what_the_hub_is_told(bed: Bed, hub: HubStandIn) -> None:
    hub.token = "hf_sentinel"
    bed.weights["one"] = replace(bed.weights["one"], secrets={"HF_TOKEN": SecretStr("hf_sentinel")})
    assert bed.bring("one").failed == {}
    assert not [line for line in bed.said if "sentinel" in line]
    bed.weights["two"] = replace(bed.weights["two"], secrets={"HF_TOKEN": SecretStr("hf_other")})
    refused = bed.bring("two", copy_weights=False).failed["two"]
    assert refused.startswith("the hub refuses lab/tiny (401)")
    assert "hf_other" not in refused


def test_what_takes_too_long_is_ended_and_told(bed: Bed, hub: HubStandIn) -> None:
    slow = replace(bed.weights["one"].fetch, command=("sleep", "60"), seconds=2)
    bed.weights["one"] = replace(bed.weights["one"], fetch=slow)
    assert "not done within 2 s: raise fetch_timeout" in bed.bring("one").failed["one"]
    assert not bed.client.containers.list(all=True, filters={"label": f"workshop.name={bed.weights['one'].workshop}"})


def test_an_archive_gives_a_host_what_it_lacks_and_no_more(bed: Bed, hub: HubStandIn, tmp_path: Path) -> None:
    bed.bring("one")
    hub.asked.clear()
    store = CountedStore(archive_of(bed, "one", tmp_path / "a.tar.zst"))
    assert bed.bring("two", store=store, fetches=False).came == {
        "two": "weights of tiny: copied from a.tar.zst (0.2 MB)"
    }
    assert bed.holds("two") == bed.holds("one")
    assert "/snapshots/" in bed.loaded_offline("two")
    cut_off(bed, "two")
    assert bed.holds("two") == ()
    before = store.sent
    assert list(bed.bring("two", store=store, fetches=False).came) == ["two"]
    assert bed.holds("two") == bed.holds("one")
    assert 0 < store.sent - before < before / 4  # the large file was whole
    assert hub.asked == []


class CountedStore:
    """An archive's, that knows how much was read of it."""

    def __init__(self, archive: Archive) -> None:
        self._store = ArchiveStore(archive)
        self.sent = 0

    def kept(self, fetch: Fetch) -> Kept | None:
        kept = self._store.kept(fetch)
        assert kept is not None

        def count(whole: frozenset[str], stop: threading.Event) -> Generator[bytes, None, None]:
            for piece in kept.open(whole, stop):
                self.sent += len(piece)
                yield piece

        return replace(kept, open=count)


def archive_of(bed: Bed, host: str, file: Path) -> Archive:
    """Of the weights that a host has, and no images."""
    weights, machine = bed.weights[host], bed.machine(host)

    def tar() -> Generator[bytes, None, None]:
        return send(machine, weights, threading.Event())

    fetch = weights.fetch
    crate = Crate("tiny", fetch.volumes[0][0], fetch.key, fetch.tree, host, bed.holds(host), tar)
    file.write_bytes(b"".join(written(no_images(), [], about, Crates([crate]))))
    return Archive.verified(file, bed.said.append)


def no_images() -> io.BytesIO:
    """As an engine saves nothing."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"[]"))
    stream.seek(0)
    return stream


def about(**parts: object) -> Manifest:
    return Manifest.model_validate({"program": "1", "workshop": "w", "made": "2026-11-21T12:00:00+00:00", **parts})


def cut_off(bed: Bed, host: str) -> None:
    """As a copy leaves it that broke off in its last small file."""
    weights = bed.weights[host]
    script = "rm -r .workshop; find hub -type f -size -4k -exec sh -c ': >\"$1\"' - {} \\;"
    mounts = {weights.volume: {"bind": "/w", "mode": "rw"}}
    bed.client.containers.run(
        weights.image, ["-c", script], entrypoint="/bin/sh", volumes=mounts, working_dir="/w", remove=True
    )
