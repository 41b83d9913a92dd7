"""What differs between a stack as it should be and as it is on its host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.fleet.docker_host import ContainerState
from orchestrator.fleet.machine import StackThere
from orchestrator.plan.deployment import Stack
from orchestrator.render.files import Files, differences, prints
from orchestrator.workflow.gateway.live import rules_digest


@dataclass(frozen=True, slots=True)
class Difference:
    """Paths of files, and services by what must happen to them."""

    files: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()  # files that should not be there
    create: tuple[str, ...] = ()
    recreate: tuple[str, ...] = ()
    start: tuple[str, ...] = ()  # there, but stopped, or not yet healthy
    restart: tuple[str, ...] = ()  # running, but it hangs
    remove: tuple[str, ...] = ()
    nginx: str | None = None  # the service that loads its files again: gateway or edge
    unread: bool = False  # its files are right, but nginx never loaded them

    @property
    def is_empty(self) -> bool:
        return not (
            self.unread or self.files or self.create or self.recreate or self.start or self.restart or self.remove
        )

    @property
    def stopping(self) -> frozenset[str]:
        """Services whose running container goes."""
        return frozenset((*self.recreate, *self.restart, *self.remove))

    @property
    def reloads(self) -> bool:
        """The rules of the gateway, or of the edge, changed and its container stays."""
        touched = any(path.startswith(f"{self.nginx}/") for path in self.files)
        return (touched or self.unread) and self.nginx not in {
            None,
            *self.create,
            *self.recreate,
            *self.start,
            *self.restart,
        }

    def lines(self, host: str) -> list[str]:
        """One line for each change, as `plan` and `provision` tell them."""
        told = [f"{host}: container {name}: {verb}" for verb, names in self.services() for name in names]
        return told + ([f"{host}: {self.nginx}: new rules"] if self.reloads else []) or (
            [f"{host}: files"] if self.files else []
        )

    def services(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return (
            ("create", self.create),
            ("recreate", self.recreate),
            ("start", self.start),
            ("restart", self.restart),
            ("remove", self.remove),
        )


def difference(
    stack: Stack,
    files: Files,
    there: StackThere,
    containers: Mapping[str, ContainerState],
    loaded: str | None = None,
) -> Difference:
    """Compare with what lies on the host, and with the containers that Docker tells of.

    `loaded` is the digest of the files that its nginx has loaded, where that is known.
    """
    wrong = differences(there.files, prints(files))
    made = [name for name in stack.services if name in containers]
    recreate = tuple(n for n in made if containers[n].config_hash != there.hashes.get(n, containers[n].config_hash))
    down = [name for name in made if name not in recreate and not containers[name].is_up]
    return Difference(
        files=wrong,
        stale=tuple(path for path in wrong if path not in files),
        create=tuple(name for name in stack.services if name not in containers),
        recreate=recreate,
        start=tuple(name for name in down if not _hangs(containers[name])),
        restart=tuple(name for name in down if _hangs(containers[name])),
        remove=tuple(sorted(name for name in containers if name not in stack.services)),
        nginx=stack.nginx,
        unread=stack.nginx is not None and loaded not in {None, rules_digest(files, stack.nginx)},
    )


def _hangs(container: ContainerState) -> bool:
    """It has a process, which does not answer; one that is still loading its weights does not hang."""
    return container.state == "paused" or (container.state == "running" and container.health == "unhealthy")
