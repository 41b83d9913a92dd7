"""All hosts of a workshop at once: opened together, asked in parallel, let go of together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from orchestrator.errors import UserError
from orchestrator.fleet.channel import Channel, LocalChannel, SshChannel
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.ssh_config import SshAddress
from orchestrator.private_folder import SOCKETS, PrivateFolder
from orchestrator.state.deployed import DeployedHost

AT_ONCE = 32  # hosts
T = TypeVar("T")


class Fleet(Mapping[str, Machine]):
    """Machines by name, in the order given. Opening asks no host anything; what is open is closed at the end."""

    def __init__(self, hosts: Iterable[DeployedHost], known_hosts: Path | None = None) -> None:
        self._own = PrivateFolder(SOCKETS, short=True)
        self._private = self._own.path
        self._machines = {
            host.name: Machine(host, self._channel(number, host, known_hosts)) for number, host in enumerate(hosts)
        }

    def __getitem__(self, name: str) -> Machine:
        return self._machines[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._machines)

    def __len__(self) -> int:
        return len(self._machines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.each(Machine.close)
        finally:
            self._own.remove()

    def each(
        self, do: Callable[[Machine], T], names: Iterable[str] | None = None
    ) -> tuple[dict[str, T], dict[str, UserError]]:
        """What `do` gave for each host, and for those where it failed, why. A slow host delays no other."""
        chosen = [self[name] for name in (self if names is None else names)]
        with ThreadPoolExecutor(max(1, min(AT_ONCE, len(chosen)))) as pool:
            jobs = {machine.name: pool.submit(do, machine) for machine in chosen}
        done: dict[str, T] = {}
        failed: dict[str, UserError] = {}
        for name, job in jobs.items():
            try:
                done[name] = job.result()
            except UserError as problem:
                failed[name] = problem
        return done, failed

    def _channel(self, number: int, host: DeployedHost, known_hosts: Path | None) -> Channel:
        if host.connection == "local":
            return LocalChannel(host.name)
        folder = self._private / str(number)
        folder.mkdir(mode=0o700)
        return SshChannel(host.name, ssh_address(host), folder, known_hosts)


def ssh_address(host: DeployedHost) -> SshAddress:
    return SshAddress(
        host=host.address,
        user=host.user,
        port=host.port,
        key=host.key,
        jump=host.jump,
        fingerprint=host.host_key,
        become=host.become,
    )
