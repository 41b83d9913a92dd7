"""Weights for an archive, from wherever they are: this machine, the hub, a host that has them.

What is fetched for it lies in volumes of their own, until the archive is written: an interrupted save goes on with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

from orchestrator.engines.container import Fetch
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import NO_SUCH
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.images.weights_write import Crate
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.weights import Weights, look, send
from orchestrator.fleet.weights_folder import FolderStore
from orchestrator.plan.needed_weights import needed_weights
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.deployed import DeployedHost
from orchestrator.workflow.context.hosts import open_fleet
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.images.choice import HERE
from orchestrator.workflow.weights.delivery import Parcel
from orchestrator.workflow.weights.fetch import deliver

DEPLOYMENT = "images-save"  # what its volumes and containers carry in place of a deployment's id


@dataclass(frozen=True, slots=True)
class Gathered:
    crates: tuple[Crate, ...] = ()
    left_out: Mapping[str, str] | None = None  # by model, why


@contextmanager
def gathered(
    spec: Spec, settings: Settings, known: tuple[DeployedHost, ...], images: Mapping[Component, str], report: Report
) -> Iterator[Gathered]:
    """All weights that the spec's models need, to be read while this is open; `images` by component.

    Raises UserError `weights_missing`. What was fetched is removed where it was put to use, and kept otherwise.
    """
    fetches, left_out = needed_weights(spec.workshop)
    stop = threading.Event()
    here = DeployedHost(name=HERE, project="", folder=PurePosixPath("/"))
    with Fleet([here]) as local, open_fleet(spec, settings, known) as hosts:
        search = _Search(spec, settings, local, hosts, images, report, stop)
        try:
            found = search.crates(fetches)
            yield Gathered(tuple(found), left_out)
        except BaseException:
            stop.set()
            raise
        search.clear(fetches)


@dataclass(frozen=True, slots=True)
class _Search:
    spec: Spec
    settings: Settings
    local: Fleet
    hosts: Fleet
    images: Mapping[Component, str]
    report: Report
    stop: threading.Event

    def crates(self, fetches: Mapping[str, Fetch]) -> list[Crate]:
        found: dict[str, Crate] = {}
        for model, fetch in fetches.items():
            if crate := self._here(model, fetch):
                found[model] = crate
        missing = [model for model in fetches if model not in found]
        failed = self._fetched({model: fetches[model] for model in missing})
        for model in missing:
            kept = self._crate(model, self.local[HERE], self._aside(fetches[model]))
            elsewhere = kept or self._there(model, fetches[model])
            if elsewhere is None:
                index = [own.name for own in self.spec.workshop.models].index(model)
                message = f"the weights of {model} can't be had: {failed.get(model, 'they are nowhere')}"
                hint = "Mend that, or name a folder that has them (WORKSHOP_WEIGHTS), or a host of the workshop"
                raise self.spec.problem(("models", index), "weights_missing", message, hint)
            found[model] = elsewhere
        return [found[model] for model in fetches]

    def clear(self, fetches: Mapping[str, Fetch]) -> None:
        """What was fetched for the archive is in it now."""
        from docker.errors import APIError

        docker = self.local[HERE].docker
        there = docker.weights(self._aside_name)
        for volume in {self._aside(fetch).volume for fetch in fetches.values()} & there:
            with docker.explained():
                try:
                    docker.client.api.remove_volume(volume)
                except APIError as problem:
                    if problem.status_code != NO_SUCH:
                        raise

    def _here(self, model: str, fetch: Fetch) -> Crate | None:
        """Of the class, if this machine is a host of it; of the operator's folder; of an earlier save."""
        machine = self.local[HERE]
        if crate := self._crate(model, machine, self._own(fetch)):
            return crate
        store = FolderStore(self.settings.weights, self.report.say) if self.settings.weights else None
        if store and (kept := store.kept(fetch)):
            tar = partial(kept.open, frozenset(), self.stop)
            return self._made(model, fetch, kept.origin, kept.files, tar)
        return None

    def _there(self, model: str, fetch: Fetch) -> Crate | None:
        """A host that answers, of those that have them."""

        def crate(machine: Machine) -> Crate | None:
            return self._crate(model, machine, self._own(fetch))

        names = [name for name in self.hosts if not self.hosts[name].is_local]
        found, _ = self.hosts.each(crate, names)
        return next((one for one in found.values() if one), None)

    def _crate(self, model: str, machine: Machine, weights: Weights) -> Crate | None:
        """Without the image it can't be looked at: then it is no help."""
        try:
            if weights.volume not in machine.docker.weights(weights.workshop):
                return None
            holding = look(machine, weights, self.stop)
        except UserError:
            return None
        tar = partial(send, machine, weights, self.stop)
        return self._made(model, weights.fetch, machine.name, holding.files, tar) if holding.files else None

    def _made(
        self,
        model: str,
        fetch: Fetch,
        origin: str,
        files: tuple[str, ...],
        tar: Callable[[], Generator[bytes, None, None]],
    ) -> Crate:
        return Crate(model, *fetch.place, fetch.tree, origin, files, tar)

    def _fetched(self, fetches: Mapping[str, Fetch]) -> dict[str, str]:
        """Into volumes of their own; why not, by model."""
        if not fetches:
            return {}
        secret = {
            model: {name: value.reveal(self.spec.folder) for name, value in fetch.secret_environment.items()}
            for model, fetch in fetches.items()
        }
        parcels = [
            Parcel(model, {HERE: replace(self._aside(fetch), secrets=secret[model])}, {})
            for model, fetch in fetches.items()
        ]
        done = deliver(parcels, self.local, [HERE], self.settings, self.report.say)
        return {parcel.model: one.failed[HERE] for parcel, one in zip(parcels, done, strict=True) if one.failed}

    def _own(self, fetch: Fetch) -> Weights:
        return Weights(self.spec.workshop.name, DEPLOYMENT, fetch, self.images[fetch.component])

    def _aside(self, fetch: Fetch) -> Weights:
        return replace(self._own(fetch), workshop=self._aside_name)

    @property
    def _aside_name(self) -> str:
        return f"{self.spec.workshop.name}.save"  # no workshop can be called so
