"""One host's Docker engine, looked at through the Docker SDK. Changes nothing but what a running process is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.errors import UserError, Where
from orchestrator.fleet.container_command import ContainerCommand

if TYPE_CHECKING:
    from docker import DockerClient

LABEL, SERVICE_LABEL = "workshop.name", "com.docker.compose.service"
NO_SUCH, CONFLICT = 404, 409  # the engine's answers for a container that is gone, or stopped, or paused
NOT_RUNNING = {NO_SUCH, CONFLICT}
SECONDS = 150  # for one answer of the engine, first questions to a model included


class ContainerDownError(UserError):
    """There is no such container, or it does not run."""


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One container of the workshop as the engine tells it."""

    id: str
    name: str
    service: str
    role: str  # gateway, webui, engine, fetch
    model: str | None
    state: str  # running, exited, created, restarting, ...
    health: str | None  # healthy, unhealthy, starting; None: it has no check
    image: str  # id
    config_hash: str  # of the Compose service it was made from
    deployment: str
    restarts: int
    started: str
    exit_code: int = 0  # of the last time that it ended; 128 and a signal's number where it was killed
    out_of_memory: bool = False

    @property
    def ended(self) -> str | None:
        """How it ended the last time, where it does not run now."""
        if self.state in {"running", "created", "paused"}:
            return None
        if self.out_of_memory:
            return "out of memory"
        return f"killed by signal {self.exit_code - 128}" if self.exit_code > 128 else f"exit code {self.exit_code}"  # noqa: PLR2004

    @property
    def is_up(self) -> bool:
        return self.state == "running" and self.health in {None, "healthy"}


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What carries a workshop's label on a host."""

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]


class DockerHost:
    """`name` is the host's name in the spec, for messages."""

    def __init__(self, client: DockerClient, name: str) -> None:
        self.client = client
        self.name = name

    def containers(self, workshop: str) -> dict[str, ContainerState]:
        """The workshop's containers by service, stopped ones too, without those that fetch weights."""
        return self._inspected(f"{LABEL}={workshop}")

    def container(self, workshop: str, service: str) -> ContainerState | None:
        """That of one service; None: there is none."""
        return self._inspected(f"{LABEL}={workshop}", f"{SERVICE_LABEL}={service}").get(service)

    def runs(self, workshop: str, service: str) -> bool:
        """Whether the container of this service is there, and up."""
        found = self.container(workshop, service)
        return found is not None and found.is_up

    def _inspected(self, *labels: str) -> dict[str, ContainerState]:
        with self.explained():
            found = self.client.api.containers(all=True, filters={"label": list(labels)})
            states = [_state(self.client.api.inspect_container(item["Id"])) for item in found if not _is_fetch(item)]
        return {state.service: state for state in states}

    def leftovers(self, workshop: str) -> Leftovers:
        """Everything of the workshop that is still there."""
        label = {"label": f"{LABEL}={workshop}"}
        with self.explained():
            api = self.client.api
            containers = api.containers(all=True, filters=label)
            networks = api.networks(filters=label)
            volumes = api.volumes(filters=label)["Volumes"] or []
        return Leftovers(
            tuple(sorted(item["Names"][0].lstrip("/") for item in containers)),
            tuple(sorted(item["Name"] for item in networks)),
            tuple(sorted(item["Name"] for item in volumes)),
        )

    def weights(self, workshop: str) -> frozenset[str]:
        """Names of the volumes that hold weights."""
        with self.explained():
            volumes = self.client.api.volumes(filters={"label": [f"{LABEL}={workshop}", "workshop.kind=weights"]})
        return frozenset(item["Name"] for item in volumes["Volumes"] or [])

    def published_ports(self) -> dict[int, str]:
        """Ports of the host that a container holds: port -> the workshop's name, or the container's."""
        with self.explained():
            found = self.client.api.containers()
        return {
            port["PublicPort"]: item["Labels"].get(LABEL) or f"container {item['Names'][0].lstrip('/')}"
            for item in found
            for port in item["Ports"]
            if "PublicPort" in port
        }

    def subnets(self, without: str) -> dict[str, str]:
        """Addresses that Docker's networks have: subnet -> the network's name; not those of the workshop `without`."""
        with self.explained():
            found = self.client.api.networks()
        return {
            part["Subnet"]: item["Name"]
            for item in found
            if (item.get("Labels") or {}).get(LABEL) != without
            for part in (item.get("IPAM") or {}).get("Config") or ()
            if "Subnet" in part
        }

    def logs(self, container: str, tail: int) -> str:
        with self.explained():
            text: bytes = self.client.api.logs(container, tail=tail, timestamps=True)
        return text.decode(errors="replace")

    def ask(self, container: str, command: list[str]) -> tuple[int, str]:
        """Run a command that only looks inside a container: exit status and output."""
        with self.explained():
            return _said_by(ContainerCommand(self.client.api, container, command))

    def converse(self, container: str, command: list[str], said: bytes) -> tuple[int, str]:
        """Run a command inside a container with `said` on its stdin: exit status and output.

        Raises ContainerDownError.
        """
        from docker.errors import APIError

        with self.explained():
            try:
                return _said_by(ContainerCommand(self.client.api, container, command, said=said))
            except APIError as problem:
                if problem.status_code not in NOT_RUNNING:
                    raise
                raise ContainerDownError(
                    "container_down",
                    "its container is not there" if problem.status_code == NO_SUCH else "its container does not run",
                    where=Where(host=self.name, service=container),
                ) from problem

    @contextmanager
    def explained(self) -> Iterator[None]:
        """The engine's own troubles as one line."""
        from docker.errors import APIError, DockerException
        from requests.exceptions import RequestException

        try:
            yield
        except APIError as problem:
            raise UserError(
                "docker_error", f"Docker answered: {problem.explanation}", where=Where(host=self.name)
            ) from problem
        except (DockerException, RequestException, TimeoutError, ConnectionError) as problem:
            raise _unreachable(self.name, problem) from problem


def connect(name: str, address: str | None) -> DockerHost:
    """The engine at `address`; None: the one that the docker command would ask.

    Raises UserError `docker_unreachable`.
    """
    import docker
    from docker.errors import DockerException

    chosen = {"DOCKER_HOST": address} if address else engine_address()
    try:
        return DockerHost(docker.from_env(timeout=SECONDS, environment={**os.environ, **chosen}), name)
    except DockerException as problem:
        raise _unreachable(name, problem) from problem


def connect_local(name: str) -> DockerHost:
    """The engine that the docker command would ask. Raises UserError `docker_unreachable`."""
    return connect(name, None)


def engine_address() -> dict[str, str]:
    """DOCKER_HOST as the docker command understands it: the variable, else the current context, else nothing."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    if address := os.environ.get("DOCKER_HOST"):
        return {"DOCKER_HOST": address}
    try:
        context = ContextAPI.get_current_context()
    except (DockerException, OSError, ValueError):
        return {}
    return {"DOCKER_HOST": context.Host} if context and context.Name != "default" and context.Host else {}


def engine_trouble(host: str, said: str) -> UserError:
    """What the docker command or the SDK says of an engine that does not answer, with the remedy."""
    if "not installed" in said or "not found" in said:
        message = "Docker is not installed"
        hint = "Let provision install it (bootstrap: true on that host), or do it yourself; here `make provision` does"
    elif "permission denied" in said.lower():
        message = "you may not talk to Docker"
        hint = (
            "Add the user to the group docker there and sign in again, or set become: true; on this machine, use sudo"
        )
    else:
        message = "Docker does not answer"
        hint = "Start it there (sudo systemctl start docker); on this machine `make provision` does"
    return UserError("docker_unreachable", message, where=Where(host=host), hint=hint)


def _unreachable(host: str, problem: Exception) -> UserError:
    return engine_trouble(host, str(problem))


def _said_by(command: ContainerCommand) -> tuple[int, str]:
    output = b"".join(part for _, part in command.frames())
    return command.status(), output.decode(errors="replace")


def _is_fetch(item: dict[str, Any]) -> bool:
    return bool(item["Labels"].get("workshop.role") == "fetch")


def _state(item: dict[str, Any]) -> ContainerState:
    labels, state = item["Config"]["Labels"], item["State"]
    return ContainerState(
        id=item["Id"],
        name=item["Name"].lstrip("/"),
        service=labels.get(SERVICE_LABEL, ""),
        role=labels.get("workshop.role", ""),
        model=labels.get("workshop.model"),
        state=state["Status"],
        health=(state.get("Health") or {}).get("Status"),
        image=item["Image"],
        config_hash=labels.get("com.docker.compose.config-hash", ""),
        deployment=labels.get("workshop.deployment", ""),
        restarts=item.get("RestartCount", 0),
        started=state.get("StartedAt", ""),
        exit_code=state.get("ExitCode", 0),
        out_of_memory=bool(state.get("OOMKilled")),
    )
