"""The bed: a network with hosts in it, a key that opens them, and the file that knows them."""

from __future__ import annotations

import ipaddress
import itertools
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

import pytest

from tests.fleet.bed.engine import (
    TEST,
    docker,
    owner_label,
    privileges,
    remove_all,
    remove_containers,
    says,
    sweep,
    why_no_engine,
)
from tests.fleet.bed.host_files import environment, files
from tests.fleet.bed.images import HOST, REGISTRY, build
from tests.fleet.bed.keys import SshKey
from tests.fleet.bed.network import create_network
from tests.fleet.bed.registry import Registry
from tests.fleet.bed.slow_route import SlowRoute
from tests.fleet.bed.ssh_host import HostSetup, SshHost

MOST_HOSTS = 8  # at once, some 185 MiB each
MIRROR = 2  # last byte of the mirror's address, started or not
FIRST_HOST = 11
CHUNK = 1 << 20
Hosts = Callable[..., list[SshHost]]  # the fixture `hosts`


class Bed:
    """Made by `Bed.opened`. `folder` holds the key (`identity`) and `known_hosts`; both are the session's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(3)
        self.network = f"fleet-{self.token}"
        self.key = SshKey()
        self.identity = self.key.write(folder / "id_ed25519")
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.touch(mode=0o600)
        self.subnet = ipaddress.IPv4Network("192.0.2.0/24")  # until it is open
        self._privileges: list[str] = []
        self._hosts: dict[str, SshHost] = {}
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._next = itertools.count(FIRST_HOST)

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """Everything in it is gone at the end, and what killed runs left is gone at the beginning."""
        sweep()
        build([HOST], folder)
        bed = cls(folder)
        try:
            bed._privileges = privileges(HOST.tag)
            bed.subnet = create_network(bed.network, bed.labels)
            yield bed
        finally:
            remove_all(f"workshop.test.bed={bed.token}")

    @property
    def labels(self) -> list[str]:
        return [
            word for label in (TEST, owner_label(), f"workshop.test.bed={self.token}") for word in ("--label", label)
        ]

    @property
    def outer_address(self) -> str:
        """Where hosts reach this machine."""
        return self._at(1)

    @property
    def mirror_address(self) -> str:
        return f"{self._at(MIRROR)}:5000"

    # Hosts

    def start(self, *setups: HostSetup) -> list[SshHost]:
        """At once, ready when this returns. What can't be started leaves nothing behind."""
        if len(self._hosts) + len(setups) > MOST_HOSTS:
            raise RuntimeError(f"more than {MOST_HOSTS} hosts at once: {sorted(self._hosts)} are up, remove some")
        names = [setup.name for setup in setups]
        if doubled := set(self._hosts) & set(names) or len(set(names)) < len(names):
            raise ValueError(f"these hosts are there already: {doubled}")
        build({setup.image for setup in setups}, self.folder)
        placed = [(setup, setup.address or self._at(next(self._next))) for setup in setups]
        with ThreadPoolExecutor(max(1, len(setups))) as pool:
            outcomes = [pool.submit(self._start, setup, address) for setup, address in placed]
        if failed := [error for outcome in outcomes if (error := outcome.exception())]:
            self.remove(*(outcome.result() for outcome in outcomes if not outcome.exception()))
            raise failed[0]
        return [outcome.result() for outcome in outcomes]

    @contextmanager
    def hosts(self, *setups: HostSetup) -> Iterator[list[SshHost]]:
        """Started, and removed at the end."""
        started = self.start(*setups)
        try:
            yield started
        finally:
            self.remove(*started)

    def remove(self, *hosts: SshHost) -> None:
        """With all that was in them; their lines leave known_hosts."""
        if hosts:
            remove_containers([host.container for host in hosts])
        for host in hosts:
            self._hosts.pop(host.name, None)
        self._write_known_hosts()

    def load(self, image: str, *hosts: SshHost) -> None:
        """An image of this machine's engine into the hosts' engines, under the same name."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE, start_new_session=True) as saving:
            commands = [
                ["docker", "exec", "--interactive", host.container, "docker", "load", "--quiet"] for host in hosts
            ]
            loads = [
                subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                for command in commands
            ]
            try:
                _copy(saving.stdout, [load.stdin for load in loads])
            finally:
                said = [load.communicate()[0] for load in loads]
        if saving.returncode or any(load.returncode for load in loads):
            raise RuntimeError(f"{image} could not be loaded: {said}")

    # Clients

    def ssh_command(
        self,
        host: SshHost,
        *,
        user: str = "root",
        identity: Path | None = None,
        known_hosts: Path | None = None,
        route: SlowRoute | None = None,
        connect_timeout: int = 10,
    ) -> list[str]:
        """ssh(1) with nothing of this machine's own settings; the words to run follow it."""
        address, port = (route.address, route.port) if route else (host.address, host.port)
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": str(connect_timeout),
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(known_hosts or self.known_hosts),
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-i", str(identity or self.identity), *words, "-p", str(port), f"{user}@{address}"]

    @contextmanager
    def slow_route(self, host: SshHost, *, delay: float, port: int | None = None) -> Iterator[SlowRoute]:
        """Another way to a port of the host (its sshd's), `delay` seconds longer in each direction."""
        with SlowRoute.opened((host.address, port or host.port), delay=delay) as route:
            self.know(f"[{route.address}]:{route.port} {host.key.public}")
            yield route

    def know(self, line: str) -> None:
        """One more line of known_hosts."""
        self._lines.append(line)
        self._write_known_hosts()

    def wrong_known_hosts(self, *hosts: SshHost) -> Path:
        """A file that has another key for each of these."""
        path = self.folder / f"known_hosts.{secrets.token_hex(3)}"
        path.write_text("".join(f"{host.address} {SshKey().public}\n" for host in hosts), encoding="utf-8")
        return path

    # Registries

    @contextmanager
    def registry(self, *, mirror: bool = False, login: tuple[str, str] | None = None) -> Iterator[Registry]:
        """A registry of images. As `mirror` it is what hosts' engines ask for images of docker.io; one at a time."""
        build([REGISTRY], self.folder)
        address = self._at(MIRROR if mirror else next(self._next))
        with Registry.opened(self.network, address, self.labels, login=login) as registry:
            yield registry

    def _start(self, setup: HostSetup, address: str) -> SshHost:
        options = [*self.labels, *self._privileges, "--name", f"{self.network}-{setup.name}", "--hostname", setup.name]
        options += ["--network", self.network, "--ip", address]
        for path, size in setup.disks.items():
            options += ["--tmpfs", f"{path}:rw,exec,mode=0755,size={size}"]
        if setup.kind == "bare":
            options += ["--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"]
            options += [word for path in ("/run", "/run/lock", "/tmp") for word in ("--tmpfs", path)]
        options += [word for value in environment(setup, self.subnet, self.mirror_address) for word in ("--env", value)]
        container = says("create", *options, setup.image.tag)
        try:
            docker("cp", "--archive", "-", f"{container}:/", stdin=files(setup, address, self.key))
            host = SshHost(self, setup, address, container, setup.key)
            docker("start", container)
            host.wait_until_ready()
        except BaseException:
            remove_containers([container])
            raise
        with self._lock:
            self._hosts[setup.name] = host
            self._write_known_hosts()
        return host

    def _write_known_hosts(self) -> None:
        lines = [*self._lines, *(f"{host.address} {host.setup.key.public}" for host in self._hosts.values())]
        aside = self.known_hosts.with_suffix(f".{secrets.token_hex(3)}")
        aside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        aside.replace(self.known_hosts)

    def _at(self, last: int) -> str:
        return str(self.subnet[last])


@contextmanager
def bed_or_skip(folder: Path) -> Iterator[Bed]:
    """An open bed; without a Docker engine the test is skipped, and says so."""
    if reason := why_no_engine():
        pytest.skip(reason)
    with Bed.opened(folder) as opened:
        yield opened


def _copy(source: IO[bytes] | None, targets: Sequence[IO[bytes] | None]) -> None:
    """One stream into several. A target that goes away is found out by its exit code."""
    assert source is not None
    open_targets = [target for target in targets if target is not None]
    while chunk := source.read(CHUNK):
        for target in list(open_targets):
            try:
                target.write(chunk)
            except BrokenPipeError:
                open_targets.remove(target)
