"""One host as workflows see it: what lies there, its Docker engine, and single files of a running gateway."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from orchestrator.errors import HostError, Where
from orchestrator.fleet.channel import Channel
from orchestrator.fleet.docker_host import DockerHost, connect
from orchestrator.fleet.ownership import Owner, owner_file
from orchestrator.fleet.playbook import Target
from orchestrator.fleet.scripts import lock, look, rules, stack
from orchestrator.render.files import Print
from orchestrator.state.deployed import DeployedHost


@dataclass(frozen=True, slots=True)
class Look:
    """What a host is like before anything is put there."""

    owner: Owner | None  # of the workshop of this name
    busy: frozenset[int]  # ports that somebody listens on, of those that were asked for
    docker: str | None  # the engine's version; None: it does not answer
    docker_said: str
    compose: str | None


@dataclass(frozen=True, slots=True)
class StackThere:
    """What lies in the stack's folder, and the hashes that its services' containers must carry."""

    files: Mapping[str, Print]
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RulesThere:
    """What the gateway of a stack goes by; `content` is that of its policy, None where there is none."""

    owner: Owner | None  # of the workshop of this name
    files: Mapping[str, Print]
    content: bytes | None


class Machine:
    """`host` says how it is reached and where the stack lies. Raises HostError whenever it can't be reached."""

    def __init__(self, host: DeployedHost, channel: Channel) -> None:
        self.host = host
        self.channel = channel
        self._engine_answered = False  # when it was looked at

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def is_local(self) -> bool:
        return self.host.connection == "local"

    @property
    def folder(self) -> PurePosixPath:
        """Of the stack; absolute once the host was looked at."""
        return self.host.folder

    @cached_property
    def docker(self) -> DockerHost:
        """Its Docker engine. Raises UserError `docker_unreachable`."""
        if not self._engine_answered:
            self.channel.require_engine()
        return connect(self.name, self.channel.engine())

    def look(self, ports: Sequence[int] = ()) -> Look:
        """One question to the host; from then on its folder is known."""
        found = self.channel.call(look.look, {"folder": str(self.folder), "ports": list(ports)})
        self.host = replace(self.host, folder=PurePosixPath(found["folder"]))
        self._engine_answered = found["docker"] is not None
        return Look(
            owner=Owner.read(found["owner"]),
            busy=frozenset(found["busy"]),
            docker=found["docker"],
            docker_said=found["docker_said"],
            compose=found["compose"],
        )

    def owner(self) -> Owner | None:
        """Of the workshop of this name that lies there; a smaller question than `look`."""
        found = self.channel.call(look.owner, {"folder": str(self.folder)})
        self.host = replace(self.host, folder=PurePosixPath(found["folder"]))
        return Owner.read(found["owner"])

    def holder(self) -> dict[str, object] | None:
        """The note of whoever is at work on the workshop there; None: nobody is."""
        found = self.channel.call(lock.holder, {"folder": str(self.folder)})
        return found if isinstance(found, dict) else None

    def files(self) -> dict[str, Print]:
        """What lies in the stack's folder."""
        found = self.channel.call(stack.files, {"folder": str(self.folder)})
        return {path: Print(*print_) for path, print_ in found.items()}

    def taken_addresses(self, workshop: str) -> dict[str, str]:
        """Of networks of Docker that are not the workshop's, and of the host's own: ADDRESS/PREFIX -> whose."""
        routes = dict.fromkeys(self.channel.call(look.routes, {}), "a network of the host")
        return routes | {subnet: f"Docker's network {name}" for subnet, name in self.docker.subnets(workshop).items()}

    def stack(self, compose: str) -> StackThere:
        """What lies there, beside what the compose.yaml with this text would make."""
        question = {"folder": str(self.folder), "project": self.host.project, "compose": compose}
        found = self.channel.call(stack.present, question)
        return StackThere({path: Print(*print_) for path, print_ in found["files"].items()}, found["hashes"])

    def read(self, path: str) -> bytes | None:
        """A file of the stack's folder; None where there is none."""
        found = self.channel.call(stack.read, {"path": str(self.folder / path)})
        return None if found is None else base64.b64decode(found)

    def rules(self, below: str, path: str) -> RulesThere:
        """What nginx goes by, in the stack's folder `below`; `path` is the file of it that is read."""
        question = {"folder": str(self.folder), "below": below, "path": path}
        found = self.channel.call(rules.there, question)
        self.host = replace(self.host, folder=PurePosixPath(found["folder"]))
        content = None if found["content"] is None else base64.b64decode(found["content"])
        files = {name: Print(*print_) for name, print_ in found["files"].items()}
        return RulesThere(Owner.read(found["owner"]), files, content)

    def replace(self, path: str, content: bytes, *, before: bytes) -> bool:
        """Replace a file of the stack's folder as a whole, if it still is what it was `before`; whether it was.

        Raises HostError `file_not_written`; then the old one stands.
        """
        question = {
            "path": str(self.folder / path),
            "content": base64.b64encode(content).decode(),
            "before": hashlib.sha256(before).hexdigest(),
        }
        found = self.channel.call(rules.replace, question)
        if why := found["trouble"]:
            message, hint = f"{self.folder / path} can't be written: {why}", "Make room there or give write permission"
            raise HostError(
                "file_not_written", message, where=Where(host=self.name), hint=f"{hint}, then run this again"
            )
        return bool(found["done"])

    def lying(self) -> tuple[str, ...]:
        """The stack's folder and the note whose it is, as far as they are there."""
        paths = [str(self.folder), str(owner_file(self.folder))]
        return tuple(self.channel.call(stack.lying, {"paths": paths}))

    def listening(self, ports: Sequence[int]) -> tuple[int, ...]:
        """Of these ports those that somebody listens on."""
        return tuple(self.channel.call(look.busy, {"ports": list(ports)}))

    def running(self) -> tuple[str, ...]:
        """Processes that are at work on the stack's folder, by id and name."""
        return tuple(self.channel.call(stack.running, {"folder": str(self.folder)}))

    def target(self, variables: Mapping[str, object]) -> Target:
        """The host for a playbook."""
        connection = self.channel.for_ansible()
        if not (
            self.is_local or self.host.become
        ):  # the lock's holder clears it away, also after a command that was killed
            connection = {"ansible_remote_tmp": f"{self.folder}{lock.ASIDE}"} | connection
        return Target(self.name, connection=connection, variables=variables)

    def close(self) -> None:
        self.channel.close()
