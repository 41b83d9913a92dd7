"""Weights on hosts: fetched once, checked, copied from host to host, from the operator's folder; llama.cpp for real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, host_section
from tests.fleet.bed.hub_stand_in import HubStandIn
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("weights on three hosts, minutes; tests/unit/test_weights_parts has what goes where")

SOURCE = "lab/tiny-GGUF/tiny.gguf"


@pytest.fixture(scope="module")
def hub(bed: Bed, gguf: bytes) -> Iterator[HubStandIn]:
    with HubStandIn(bed.outer_address, files={"lab/tiny-GGUF": {"tiny.gguf": gguf}}).serving() as hub:
        yield hub


@pytest.fixture(scope="module")
def pair(hosts: Hosts) -> list[SshHost]:
    return hosts(HostSetup(name="one"), HostSetup(name="two"))


@pytest.fixture(scope="module")
def workshop(
    bed: Bed, pair: list[SshHost], hub: HubStandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FleetWorkshop]:
    one = host_section(pair[0], bed, "gateway", "webui", "inference")
    with fleet_workshop(bed, tmp_path_factory.mktemp("weights"), hosts=[one], models=[tiny(hub)]) as workshop:
        yield workshop


def tiny(hub: HubStandIn, name: str = "tiny", **more: Any) -> dict[str, Any]:
    environment = {"HF_ENDPOINT": hub.endpoint, **more.pop("environment", {})}
    return {"name": name, "engine": "llamacpp", "source": SOURCE, "context": 256, "environment": environment, **more}


def fetched(hub: HubStandIn) -> list[str]:
    return [path for path in hub.asked if path.startswith("GET storage/")]


def test_replicas_of_a_host_share_what_was_fetched_once(workshop: FleetWorkshop, hub: HubStandIn) -> None:
    hub.break_after, hub.breaks = 100_000, 1
    workshop.write(models=[tiny(hub, replicas=2)])
    done = workshop.run("provision", "--output", "json")
    assert done.json["ok"], done.json
    assert [line for line in done.json["changes"] if "weights" in line] == ["one: weights of tiny: fetched (0.5 MB)"]
    assert len(fetched(hub)) == 2  # the second goes on where the first was broken off
    assert hub.ranges == ["bytes=100000-"]
    assert "one: weights of tiny, fetched: " in done.err
    assert workshop.ask(workshop.people()[0]["api_key"])


def test_a_new_replica_finds_the_weights_and_asks_nobody(workshop: FleetWorkshop, hub: HubStandIn) -> None:
    hub.asked.clear()
    workshop.write(models=[tiny(hub, replicas=3)])
    done = workshop.provision()
    assert done["ok"]
    assert done["changes"]
    assert not [line for line in done["changes"] if "weights" in line]
    assert not [path for path in hub.asked if "/resolve/" in path]


def test_a_second_host_gets_a_copy_without_the_hub(
    workshop: FleetWorkshop, bed: Bed, pair: list[SshHost], hub: HubStandIn
) -> None:
    hub.asked.clear()
    two = host_section(pair[1], bed, "inference", address=pair[1].address)
    workshop.write(hosts=[*workshop.spec["hosts"], two], models=[tiny(hub), tiny(hub, "far", host="two")])
    done = workshop.provision()
    assert done["ok"], done
    assert "two: weights of far: copied from one (0.5 MB)" in done["changes"]
    assert not [path for path in hub.asked if "/resolve/" in path]
    assert workshop.ask(workshop.people()[0]["api_key"], "far")


def test_a_copy_that_arrives_damaged_is_fetched_instead(
    workshop: FleetWorkshop, pair: list[SshHost], hub: HubStandIn
) -> None:
    hub.asked.clear()
    volume = "workshop-fleet_weights-llamacpp"
    file = "/var/lib/docker/volumes/workshop-fleet_weights-llamacpp/_data/lab--tiny-GGUF--tiny.gguf"
    pair[0].run("sh", "-c", f"printf x | dd of={file} bs=1 seek=1000 conv=notrunc status=none")  # same size
    pair[1].docker("rm", "-f", *pair[1].docker("ps", "-aq").split())
    pair[1].docker("volume", "rm", volume)
    done = workshop.provision()
    assert "two: weights of far: fetched (0.5 MB)" in done["changes"]
    assert fetched(hub)


def test_a_wrong_token_is_one_clear_line_and_costs_that_model(
    workshop: FleetWorkshop, hub: HubStandIn, gguf: bytes
) -> None:
    hub.files["lab/gated-GGUF"] = {"tiny.gguf": gguf}
    hub.token = "hf_right"
    workshop.environment["HF_TOKEN"] = "hf_wrong_one"
    gated = tiny(
        hub, "gated", source="lab/gated-GGUF/tiny.gguf", environment={"HF_TOKEN": "${env:HF_TOKEN}"}, host="two"
    )
    try:
        workshop.write(models=[tiny(hub), tiny(hub, "far", host="two"), gated])
        done = workshop.run("provision", "--output", "json", code=None)
        (note,) = [note for note in done.json["notes"] if "weights" in note]
        assert note.startswith("two: weights of gated: the server refuses it (401)")
        assert "hf_wrong_one" not in done.out + done.err
        assert workshop.ask(workshop.people()[0]["api_key"], "far")
    finally:
        hub.token = None


def test_a_path_that_is_not_there_costs_its_model_and_leaves_nothing(
    workshop: FleetWorkshop, hub: HubStandIn, pair: list[SshHost]
) -> None:
    two = pair[1]
    two.run("mkdir", "-p", "/srv/models")
    two.run("sh", "-c", "echo 'version https://git-lfs.github.com/spec/v1' >/srv/models/pointer.gguf")
    typo = {"name": "typo", "engine": "llamacpp", "source": "/srv/models/tipo.gguf", "host": "two"}
    pointer = {"name": "pointer", "engine": "llamacpp", "source": "/srv/models/pointer.gguf", "host": "two"}
    workshop.write(models=[tiny(hub), tiny(hub, "far", host="two"), typo, pointer])
    looked = workshop.run("preflight", "--output", "json", code=1)
    told = {finding["what"] for finding in looked.json["findings"] if finding["check"] == "weights"}
    assert told == {
        "typo: /srv/models/tipo.gguf is not there",
        "pointer: /srv/models/pointer.gguf is a Git LFS pointer, not the weights that it points to (git lfs pull gets them)",
    }
    done = workshop.run("provision", "--output", "json", code=None)
    notes = [note for note in done.json["notes"] if note.startswith("two: weights of ")]
    assert [note.split(": ")[1] for note in notes] == ["weights of typo", "weights of pointer"]
    assert workshop.ask(workshop.people()[0]["api_key"], "far")
    assert two.run("ls", "/srv/models").split() == ["pointer.gguf"]
