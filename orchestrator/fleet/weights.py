"""Weights on one host: a container of the engine's image that runs once and is removed.

It is made by the docker command of the host, which knows the host's proxies. Scripts and secrets are laid into
it, so that `docker inspect` shows neither. Its log is read again and again, not followed for hours.
"""

from __future__ import annotations

import inspect
import io
import secrets as secrets_module
import tarfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Self

from pydantic import SecretStr

from orchestrator import resources
from orchestrator.engines import loaded_files
from orchestrator.engines.container import Fetch
from orchestrator.engines.weights import SCRIPTS
from orchestrator.errors import HostError, Where
from orchestrator.fleet.docker_host import LABEL, NO_SUCH, SERVICE_LABEL
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts import weights_form
from orchestrator.plan.deployment import project_name

PAUSE = 1.0  # seconds between two looks
SAID = "WORKSHOP "  # how the scripts' own lines begin
LAST_LINES = 60
NOTHING = ("/bin/true",)
LOOK = ("/bin/sh", f"{SCRIPTS}/weights.sh", "look")
TIMED_OUT, STOPPED = -1, -2  # beside what the scripts end with
Heard = Callable[[int, int | None], None]  # bytes that are there, of how many


@dataclass(frozen=True, slots=True)
class Weights:
    """Of one model, for one host. `image` is the engine's; `secrets` become variables of the container that fetches."""

    workshop: str
    deployment: str  # the deployment's id
    fetch: Fetch
    image: str
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)

    @property
    def volume(self) -> str:
        return f"{project_name(self.workshop)}_{self.fetch.volume}"

    @property
    def path(self) -> PurePosixPath:
        """Of the volume in the container."""
        return PurePosixPath(self.fetch.volumes[0][1])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a container ended, and what it said last."""

    code: int
    lines: tuple[str, ...]

    @property
    def why(self) -> str:
        failed = [line.removeprefix("failed ") for line in self.said if line.startswith("failed ")]
        others = [line for line in self.lines if not line.startswith(SAID)]
        return (failed or others or [f"it ended with {self.code} and said nothing"])[-1]

    @property
    def said(self) -> list[str]:
        return [line.removeprefix(SAID) for line in self.lines if line.startswith(SAID)]


@dataclass(frozen=True, slots=True)
class Holding:
    """What a host has: free bytes, and the list of files (SIZE SHA256 PATH) where they are complete."""

    free: int
    files: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(int(line.split(" ", 1)[0]) for line in self.files)


def look(machine: Machine, weights: Weights, stop: threading.Event) -> Holding:
    """Asks nobody but the host."""
    with _container(machine, weights, LOOK, {}) as container:
        ended = container.run(120, stop)
    if ended.code:
        raise HostError(
            "weights_unknown", f"its weights can't be looked at: {ended.why}", where=Where(host=machine.name)
        )
    said = ended.said
    free = next((int(line.split()[1]) for line in said if line.startswith("free ")), 0)
    return Holding(free, tuple(line.removeprefix("file ") for line in said if line.startswith("file ")))


def fetch(machine: Machine, weights: Weights, heard: Heard, stop: threading.Event) -> Ended:
    """From where the model's source says."""
    with _container(machine, weights, weights.fetch.command, weights.secrets) as container:
        return container.run(weights.fetch.seconds, stop, heard)


def intact(machine: Machine, weights: Weights, parts: tuple[str, ...], stop: threading.Event) -> frozenset[str]:
    """Those of these files (SIZE SHA256 PATH) that an earlier copy brought, by their digests."""
    command = ("/bin/sh", f"{SCRIPTS}/weights.sh", "intact", weights.fetch.tree)
    with _container(machine, weights, command, {}, "".join(f"{line}\n" for line in parts)) as container:
        ended = container.run(weights.fetch.seconds, stop)
    return frozenset(line.removeprefix("intact ") for line in ended.said if line.startswith("intact "))


def receive(
    machine: Machine, weights: Weights, files: tuple[str, ...], tar: Iterator[bytes], stop: threading.Event
) -> Ended:
    """A tar with the model's tree, which stays only if all of `files` are in it as they should be."""
    command = ("/bin/sh", f"{SCRIPTS}/weights.sh", "adopt", weights.fetch.tree)
    with _container(machine, weights, command, {}, "".join(f"{line}\n" for line in files)) as container:
        container.put(str((weights.path / weights.fetch.tree).parent), tar)
        return container.run(weights.fetch.seconds, stop)


def send(machine: Machine, weights: Weights, stop: threading.Event) -> Generator[bytes, None, None]:
    """The model's tree as a tar."""
    with _container(machine, weights, NOTHING, {}) as container:
        yield from container.get(str(weights.path / weights.fetch.tree), stop)


def fetch_scripts() -> list[Path]:
    """All that a container that fetches is given, side by side."""
    own = sorted(path for path in (resources.COMPOSE / "fetch").iterdir() if path.is_file())
    modules = [Path(inspect.getfile(module)) for module in (loaded_files, weights_form)]
    return [resources.COMPOSE / "with-secrets.sh", *own, *modules]


class _container:  # noqa: N801 - used like a function
    """Made, and removed at the end. One that a killed run left goes before; what it fetched is in the volume."""

    def __init__(
        self,
        machine: Machine,
        weights: Weights,
        command: tuple[str, ...],
        secrets: Mapping[str, SecretStr],
        listing: str = "",
    ) -> None:
        self._machine, self._weights = machine, weights
        self._command, self._secrets, self._listing = command, secrets, listing
        self._docker = machine.docker
        looks = command in {NOTHING, LOOK}  # several may at once, and while one fetches
        own = f"-{secrets_module.token_hex(4)}" if looks else ""
        self._name = f"{weights.volume}-{weights.fetch.key}{own}"

    def __enter__(self) -> Self:
        self._remove()
        with self._docker.explained():
            self._docker.client.api.create_volume(self._weights.volume, labels=self._labels("volume"))
        made = self._machine.channel.run(self._create())
        if made.code:
            why = (made.error.strip().splitlines() or ["no reason given"])[-1]
            raise HostError(
                "weights_container", f"weights can't be fetched: {why}", where=Where(host=self._machine.name)
            )
        folder = str(self._weights.path / PurePosixPath(self._weights.fetch.tree).parent)
        try:
            self.put("/", iter([self._files(folder)]))
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def run(self, seconds: float, stop: threading.Event, heard: Heard = lambda *_: None) -> Ended:
        api = self._docker.client.api
        until = time.monotonic() + seconds
        with self._docker.explained():
            api.start(self._name)
        pause = PAUSE / 5
        while True:
            over = stop.wait(pause)
            pause = PAUSE
            with self._docker.explained():
                state = api.inspect_container(self._name)["State"]
                running = state["Status"] not in {"exited", "dead"}
                log: bytes = api.logs(self._name, tail=LAST_LINES if running else "all")
            lines = tuple(line.strip() for line in log.decode(errors="replace").splitlines() if line.strip())
            _tell(lines, heard)  # also of one that is quicker than a look
            if not running:
                return Ended(int(state["ExitCode"]), lines)
            if over:
                return Ended(STOPPED, ("it was stopped",))
            if time.monotonic() > until:
                return Ended(TIMED_OUT, (f"not done within {seconds:.0f} s",))

    def put(self, path: str, tar: Iterator[bytes]) -> None:
        with self._docker.explained():
            self._docker.client.api.put_archive(self._name, path, tar)

    def get(self, path: str, stop: threading.Event) -> Iterator[bytes]:
        with self._docker.explained():
            stream, _ = self._docker.client.api.get_archive(self._name, path, chunk_size=1 << 20)
            for chunk in stream:
                if stop.is_set():
                    return
                yield chunk

    def _create(self) -> list[str]:
        weights = self._weights
        variables = {"WORKSHOP_VOLUME": str(weights.path), "WORKSHOP_KEY": weights.fetch.key}
        variables |= weights.fetch.environment
        words = ["docker", "create", "--pull", "never", "--name", self._name, "--entrypoint", "/bin/sh"]
        words += [word for name, value in self._labels("container").items() for word in ("--label", f"{name}={value}")]
        words += [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        words += ["--log-driver", "json-file", "--log-opt", "max-size=20m"]
        words += ["--env", f"SECRETS_DIR={SCRIPTS}/secrets"]
        words += ["--mount", f"type=volume,source={weights.volume},target={weights.path}"]
        if self._command == weights.fetch.command:
            binds = [f"type=bind,source={source},target={path},readonly" for source, path in weights.fetch.files]
            words += [word for bind in binds for word in ("--mount", bind)]
        return [*words, weights.image, f"{SCRIPTS}/with-secrets.sh", *self._command]

    def _labels(self, kind: str) -> dict[str, str]:
        """Compose's own as well: it takes the volume for its own, and `down` finds the container."""
        project = project_name(self._weights.workshop)
        labels = {
            LABEL: self._weights.workshop,
            "workshop.deployment": self._weights.deployment,
            "workshop.host": self._machine.name,
            "com.docker.compose.project": project,
        }
        if kind == "volume":
            return labels | {"workshop.kind": "weights", "com.docker.compose.volume": self._weights.fetch.volume}
        oneoff = {SERVICE_LABEL: "fetch", "com.docker.compose.oneoff": "True"}
        return labels | oneoff | {"workshop.role": "fetch"}

    def _files(self, folder: str) -> bytes:
        """The scripts, the secrets, and the folder into which the tree goes."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            for script in fetch_scripts():
                _add(archive, f"{SCRIPTS}/{script.name}", script.read_bytes(), 0o755)
            for name, secret in self._secrets.items():
                _add(archive, f"{SCRIPTS}/secrets/{name}", secret.get_secret_value().encode(), 0o600)
            _add(archive, f"{SCRIPTS}/list", self._listing.encode(), 0o644)
            for parent in reversed([folder, *map(str, PurePosixPath(folder).parents)]):
                if parent != "/" and PurePosixPath(parent).is_relative_to(self._weights.path / "."):
                    entry = tarfile.TarInfo(parent.lstrip("/"))
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(entry)
        return content.getvalue()

    def _remove(self) -> None:
        from docker.errors import APIError

        with self._docker.explained():
            try:
                self._docker.client.api.remove_container(self._name, force=True)
            except APIError as problem:
                if problem.status_code != NO_SUCH:
                    raise


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _tell(lines: tuple[str, ...], heard: Heard) -> None:
    found = [line.removeprefix(f"{SAID}have ").split() for line in lines if line.startswith(f"{SAID}have ")]
    if found:
        have, *total = found[-1]
        heard(int(have), int(total[0]) if total else None)
