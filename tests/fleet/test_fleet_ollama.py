"""Ollama's models on hosts: pulled once, made of files, copied. With a stand-in for Ollama, not the real program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, host_section
from tests.fleet.bed.images import OLLAMA, build
from tests.fleet.bed.ollama_registry_stand_in import OllamaRegistryStandIn
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full(
    "a stand-in's models on hosts, minutes; tests/unit/test_weights_parts has what goes where"
)

PORT = 23510
VOLUME = "/var/lib/docker/volumes/workshop-fleet_weights-ollama/_data"
GGUF = "/srv/own.gguf"


@pytest.fixture(scope="module")
def registry(bed: Bed, gguf: bytes) -> Iterator[OllamaRegistryStandIn]:
    with OllamaRegistryStandIn(bed.outer_address, {"tiny:1b": gguf}).serving() as registry:
        yield registry


@pytest.fixture(scope="module")
def pair(bed: Bed, hosts: Hosts, gguf: bytes) -> list[SshHost]:
    build([OLLAMA], bed.folder)
    pair = hosts(HostSetup(name="one"), HostSetup(name="two"))
    pair[0].write(GGUF, gguf)
    pair[0].write("/srv/helper/Modelfile", "FROM ./weights.gguf\nPARAMETER num_ctx 512\n")
    pair[0].write("/srv/helper/weights.gguf", gguf)
    return pair


@pytest.fixture(scope="module")
def workshop(
    bed: Bed, pair: list[SshHost], registry: OllamaRegistryStandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FleetWorkshop]:
    sections = {
        "hosts": [host_section(pair[0], bed, "gateway", "inference"), host_section(pair[1], bed, "inference")],
        "models": [pulled(registry, replicas=2), made("own", GGUF), made("helper", "/srv/helper")],
        "gateway": {"port": PORT},
        "images": {"source": "packages", "override": {"ollama": OLLAMA.tag}},
    }
    with fleet_workshop(bed, tmp_path_factory.mktemp("ollama"), **sections) as workshop:
        yield workshop


def pulled(registry: OllamaRegistryStandIn, name: str = "tiny", **more: Any) -> dict[str, Any]:
    environment = {"OLLAMA_STAND_IN_REGISTRY": registry.endpoint}
    return {"name": name, "engine": "ollama", "source": "tiny:1b", "gpus": 0, "environment": environment, **more}


def made(name: str, source: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "engine": "ollama", "source": source, "gpus": 0, "host": "one", **more}


def blobs(registry: OllamaRegistryStandIn) -> list[str]:
    return [path for path in registry.asked if "/blobs/" in path]


def test_a_model_is_pulled_once_and_copied_and_others_are_made_of_files(
    workshop: FleetWorkshop, registry: OllamaRegistryStandIn
) -> None:
    done = workshop.provision()
    assert done["ok"], done
    assert len(blobs(registry)) == 2  # weights and configuration, for one of both hosts
    came = sorted(line.partition(" (")[0] for line in done["changes"] if "weights" in line)
    first, second = ("one", "two") if "one: weights of tiny: fetched" in came else ("two", "one")
    assert came == sorted(
        [
            "one: weights of helper: fetched",
            "one: weights of own: fetched",
            f"{first}: weights of tiny: fetched",
            f"{second}: weights of tiny: copied from {first}",
        ]
    )


@pytest.mark.parametrize("name", ["tiny", "own", "helper"])
def test_each_answers_under_its_own_name(workshop: FleetWorkshop, name: str) -> None:
    assert workshop.ask(workshop.people()[0]["api_key"], name) == "tick"


def test_nothing_is_asked_again_when_nothing_changed(workshop: FleetWorkshop, registry: OllamaRegistryStandIn) -> None:
    registry.asked.clear()
    assert workshop.provision()["changes"] == []
    assert registry.asked == []


def test_a_blob_that_is_damaged_is_not_copied_on(
    workshop: FleetWorkshop, pair: list[SshHost], registry: OllamaRegistryStandIn
) -> None:
    blob = pair[0].run("sh", "-c", f"find {VOLUME}/tiny--1b/blobs -size +100k").strip()
    pair[0].run("sh", "-c", f"printf x | dd of={blob} bs=1 seek=1000 conv=notrunc status=none")
    pair[1].docker("rm", "-f", *pair[1].docker("ps", "-aq", "--filter", "label=workshop.role=engine").split())
    pair[1].run("rm", "-r", f"{VOLUME}/.workshop", f"{VOLUME}/tiny--1b")
    done = workshop.provision()
    assert "two: weights of tiny: fetched" in " ".join(done["changes"])
    assert len(blobs(registry)) == 2


def test_a_file_that_is_not_there_is_one_clear_line_and_costs_that_model(
    workshop: FleetWorkshop, registry: OllamaRegistryStandIn
) -> None:
    workshop.write(models=[pulled(registry, replicas=2), made("absent", "/srv/absent.gguf")])
    done = workshop.run("provision", "--output", "json", code=None).json
    (note,) = [note for note in done["notes"] if "weights" in note]
    assert note.startswith("one: weights of absent: ")
    assert "/srv/absent.gguf" in note
    assert workshop.ask(workshop.people()[0]["api_key"]) == "tick"
