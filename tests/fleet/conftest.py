"""Hosts to deploy to: containers with sshd and a Docker engine (or bare, with systemd), reached by real SSH.

    def test_something(bed: Bed) -> None:
        with bed.hosts(HostSetup(name="front"), HostSetup(name="gpu-1", gpus=[H100, L4])) as (front, gpu):
            gpu.address, gpu.port       # 22; also reachable: every port that a container inside publishes
            bed.identity                # private key file; opens root, ubuntu (sudo, no docker group), dock, plain
            bed.known_hosts             # file with the hosts' real keys; gpu.fingerprint is SHA256:...
            gpu.run("ls", "/srv")       # look inside without SSH; gpu.docker("ps"), gpu.read(path), gpu.write(path, text)
            bed.load("image:tag", front, gpu)    # from this machine's engine into theirs
            gpu.stop(), gpu.kill(), gpu.start(); gpu.partition(), gpu.partition(front), gpu.heal(); gpu.unplug(), gpu.plug()

Fixtures: `bed` (the whole session; one network, one key), `hosts` (`hosts(3)`, or `hosts(HostSetup(...), ...)`; they stay
until the module's last test, then they are removed), `mirror` (a registry that hosts ask for images of docker.io:
`mirror.push("workshop-gateway:abc", "nginx:1.30")`, then `docker pull nginx:1.30` works in them; `mirror.pulls("nginx")`).
Further: `bed.registry(login=("user", "password"))`, `bed.slow_route(host, delay=0.3)`, `bed.wrong_known_hosts(host)`,
`host.rekey()`, `HostSetup(disks={"/var/lib/docker": "300m"})` with `host.fill_disk()`, `HostSetup(kind="bare")`,
`HostSetup(trusts=[])` (an sshd that refuses the key), `SshAuthority` for certificates of users and hosts (bed/keys.py). `small_image` (busybox, 2 MB) is for
what needs no real one; `packaged(Component("gateway"))` names the
program's own image of a component.

The classes are in bed/: bed.py, ssh_host.py, registry.py, slow_route.py, keys.py. A host takes 1 to 3 s and some 185 MiB, so
share them within a module and keep to eight at once. Their addresses lie in the Docker engine's own network: the tests
must run on its machine. Only what is labelled as this bed's, or as that of a process that is gone, is removed.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator

import pytest

from orchestrator.practice.gguf import write_gguf
from orchestrator.spec.components import Component
from tests.fleet.bed.bed import Bed, Hosts, bed_or_skip
from tests.fleet.bed.fleet_workshop import give_weights
from tests.fleet.bed.images import SMALL, build
from tests.fleet.bed.registry import Registry
from tests.fleet.bed.ssh_host import HostSetup, SshHost


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A tiny model that llama.cpp serves."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(path, name="tiny", end_bias=-30.0)
    return path.read_bytes()


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    with bed_or_skip(tmp_path_factory.mktemp("bed")) as opened:
        yield opened


@pytest.fixture(scope="module")
def hosts(bed: Bed) -> Iterator[Hosts]:
    """`hosts(2)` are host-a and host-b with Docker; or say by HostSetup what each is to be."""
    started: list[SshHost] = []

    def start(*wanted: int | HostSetup) -> list[SshHost]:
        setups: list[HostSetup] = []
        for item in wanted:
            if isinstance(item, HostSetup):
                setups.append(item)
            else:
                used = len(started) + len(setups)
                setups += [HostSetup(name=f"host-{letter}") for letter in string.ascii_lowercase[used : used + item]]
        new = bed.start(*setups)
        started.extend(new)
        return new

    yield start
    bed.remove(*started)


@pytest.fixture(scope="module")
def host(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> SshHost:
    """One for a whole workshop, with weights."""
    (host,) = hosts(HostSetup(name="far"))
    give_weights(tmp_path_factory.mktemp("weights"), host)
    return host


@pytest.fixture(scope="session")
def small_image(bed: Bed) -> str:
    """Two megabytes with busybox: a shell, `httpd`. In this machine's engine; bed.load or mirror.push bring it further."""
    build([SMALL], bed.folder)
    return SMALL.tag


@pytest.fixture(scope="session")
def mirror(bed: Bed) -> Iterator[Registry]:
    with bed.registry(mirror=True) as registry:
        yield registry


@pytest.fixture(scope="session")
def gateway_image(packaged: Callable[[Component], str]) -> str:
    return packaged(Component("gateway"))
