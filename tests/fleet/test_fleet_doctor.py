"""The bundle about a class that runs on another host: it has what helps, and none of its secrets."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.bed.bed import Bed
from tests.fleet.bed.fleet_workshop import FleetWorkshop, fleet_workshop, host_section, model
from tests.fleet.bed.ssh_host import SshHost

pytestmark = pytest.mark.full("a class for one bundle; tests/unit/test_doctor_bundle has what is in it")

SENTINEL = "sentinel-5a17-of-the-provider"
CLAUDE = {
    "name": "claude",
    "engine": "external",
    "source": "claude",
    "base_url": "http://127.0.0.1:9/v1",
    "api_key": "${env:PROVIDER_KEY}",
}
ROSTER = "name,email\nAda Lovelace,ada@x.org\nGrace Hopper,grace@y.org\n"


@pytest.fixture(scope="module")
def workshop(bed: Bed, host: SshHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetWorkshop]:
    folder = tmp_path_factory.mktemp("doctor")
    (folder / "people.csv").write_text(ROSTER)
    sections = {
        "hosts": [host_section(host, bed, "gateway", "inference")],
        "models": [model("tiny"), CLAUDE],
        "participants": {"roster": "people.csv"},
        "public": {"tls": "auto"},
    }
    with fleet_workshop(bed, folder, name="sick") as made:
        made.environment["PROVIDER_KEY"] = SENTINEL
        made.write(**sections)
        made.provision(code=None)  # nobody stands behind claude
        yield made


def test_it_has_what_helps_and_no_secret(workshop: FleetWorkshop, tmp_path: Path) -> None:
    people = workshop.people()
    file = tmp_path / "b.tar.gz"
    done = workshop.run("doctor", "--to", str(file), "--output", "json")
    assert done.json["problems"] == []
    with tarfile.open(file) as archive:
        opened = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive.getmembers()}
        texts = {name: stream.read().decode() for name, stream in opened.items() if stream}
    for name in (
        "services/gateway.log",
        "services/model-tiny-1.log",
        "logs/ansible.log",
        "hosts/far/docker-info.json",
        "hosts/far/stack/compose.yaml",
        "hosts/far/stack/gateway/nginx.conf",
        "hosts/far/stack/gateway/policy.json",
        "status.json",
    ):
        assert texts[name], sorted(texts)
    everything = "\n".join(texts.values())
    secrets = [SENTINEL, *(person["api_key"] for person in people)]
    secrets.append((workshop.folder / ".workshop" / "sick" / "secret").read_bytes().hex())
    for pem in (workshop.folder / ".workshop" / "sick" / "tls").rglob("*.pem"):
        keys = re.findall(r"PRIVATE KEY-----\n(.*?)-----END", pem.read_text(), re.DOTALL)
        secrets += [line for key in keys for line in key.split()]
    assert len(secrets) > 5
    assert [secret for secret in secrets if secret in everything or secret in done.out + done.err] == []
    people_in_it = re.compile(r"Ada Lovelace|Grace Hopper|@[xy]\.org", re.IGNORECASE)
    assert [line for line in everything.splitlines() if people_in_it.search(line)] == []
