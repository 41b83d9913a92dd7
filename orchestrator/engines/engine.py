"""What the program asks of an engine. docs/engines.md says how to add one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.engines.capacity import Allotment, Need, Serves, request_tokens
from orchestrator.engines.container import Container, Fetch, Served
from orchestrator.engines.host_memory import NOT_KNOWN, HostMemory, of_gpu_server
from orchestrator.engines.image import Recipe
from orchestrator.engines.parsers import Parsers, parsers_for
from orchestrator.engines.said_elsewhere import GPUS, Fields, said_elsewhere
from orchestrator.engines.size import ModelSize
from orchestrator.engines.sources import repository_problem
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.components import Component
from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem

Unavailable = Mapping[Component, str]  # images that can't be had, and why


@dataclass(frozen=True, slots=True)
class Start:
    """What one replica is started with."""

    gpus: int  # that are its own
    share: float | None  # of each GPU's memory; None: the engine's own default
    parallel: int  # requests that it must expect at once


@dataclass(frozen=True, slots=True)
class PracticeEngine:
    """What serves a model on a CPU, with synthetic weights."""

    container: Container
    served_name: str
    serves: Serves
    left_out: tuple[str, ...] = ()  # of the model's args: what is about GPUs, or about the real weights
    stand_in: str | None = None  # why another engine runs in its place, in words
    fetch: Fetch | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The names of what an engine tells of itself at /metrics; the first of several that is there counts."""

    waiting: str  # requests in its queue
    running: str  # that are computed
    cache: tuple[str, ...] = ()  # the fraction of its KV cache that is taken


class Engine(ABC):
    """What is stated here holds for an engine that says nothing else."""

    title: str  # as people write it
    images: Mapping[Component, Recipe | str]  # how each is built from packages, or in words why it is not
    practice_images: tuple[Component, ...] = ()  # that practice mode would like to have
    remark: str | None = None  # for whoever has a model of it: what to take instead, and why
    needs_gpus = False  # one at least, unless the spec says how many
    splits = False  # the model over the GPUs of a replica, by its attention heads
    has_parsers = False  # of calls of tools and of reasoning, which families.toml names
    embeds = True  # it makes embeddings
    hub_repository = False  # its source is in a repository of Hugging Face
    own_hub: str | None = None  # the URL where its weights come from, if that is no Hugging Face
    metrics: Metrics | None = None  # None: it tells nothing
    batches = False  # as many requests as there is room for, not a fixed number of slots
    smaller_cache: Mapping[str, str] = {}  # arguments that halve the KV cache
    said_by_fields: Fields = {}  # arguments that the spec has a field for
    variables_of_fields: Fields = {}  # the same of its environment
    abbreviates = False  # it takes the first letters of an option for all of it
    takes_args = True

    def problems(self, model: Model) -> Iterable[Problem]:
        """What of a model it can't do, as the spec is read."""
        if model.embeds and not self.embeds:
            yield Problem(("embeds",), f"{model.engine} makes no embeddings", "engine: vllm, ollama or llamacpp does")
        if self.needs_gpus and model.gpus == 0:
            yield Problem(("gpus",), f"{model.engine} needs at least one GPU (practice mode needs none)")
        yield from filter(None, [self.source_problem(model.source)])
        if model.args and not self.takes_args:
            yield Problem(("args",), f"{self.title} takes no arguments", "Its settings are variables: environment")
        variables = {**GPUS, **self.variables_of_fields}
        yield from said_elsewhere(model, self.said_by_fields, variables, abbreviated=self.abbreviates)

    def source_problem(self, source: str) -> Problem | None:
        """Why it can get no weights from there, as far as the name tells."""
        return repository_problem(source) if self.hub_repository else None

    @abstractmethod
    def image(self, model: Model) -> Component | None:
        """That serves this model. None: nothing of ours does."""

    @abstractmethod
    def serve(self, model: Model, start: Start) -> Served:
        """How one replica runs on a host."""

    @abstractmethod
    def practice(self, model: Model, service: str, unavailable: Unavailable) -> PracticeEngine:
        """How the replica of that Compose service runs in practice mode, without the images that can't be had."""

    def gpus(self, model: Model, there: int) -> int:
        """Of one replica, on a host with so many."""
        return model.gpus_wanted

    def parallel(self, model: Model, heads: int) -> int:
        """Requests that one replica is told to expect at once, in a class of so many people."""
        return 1

    def takes(self, model: Model, share: float | None) -> float:
        """The fraction of a GPU's memory that it takes, where it was given that `share` (None: the whole GPU)."""
        return 1.0 if share is None else share

    def overhead(self, gpus: int) -> float:
        """Bytes that it takes of each GPU besides weights and KV cache; 0 where no measurement is known."""
        return 0.0

    def parsers(self, model: Model) -> Parsers | None:
        """What takes its calls of tools and its reasoning apart. None: it needs none, or they are no choice of ours."""
        return parsers_for(model) if self.has_parsers and not model.embeds else None

    def kv_width(self, model: Model) -> float | None:
        """Bytes per number in its KV cache, by the model's arguments; None: not known here."""
        return None

    def least_kv(
        self, model: Model, size: ModelSize, gpus: int, assumed: Capacity, heads: int
    ) -> tuple[float | None, str]:
        """Bytes of KV cache on each GPU without which it is not worth starting, and what they are for, in words."""
        return None, ""

    def need(self, model: Model, size: ModelSize, gpus: int, assumed: Capacity, heads: int) -> Need:
        """The least that each of `gpus` GPUs must have for one replica; `heads` are the people of the class."""
        weights = None if size.weights is None else size.weights / gpus
        kv, kv_for = self.least_kv(model, size, gpus, assumed, heads)
        return Need(weights, self.overhead(gpus), kv, kv_for)

    def kept_on_host(self, model: Model, gpus: int) -> float:
        """Bytes that its arguments keep in the host's memory instead of the GPUs'."""
        return 0.0

    def host_memory(self, model: Model, size: ModelSize, gpus: int, given: Allotment) -> HostMemory:
        """Of one replica on so many GPUs, 0 for none."""
        if not self.needs_gpus:
            return NOT_KNOWN
        return of_gpu_server(size, gpus, given.budget, self.kept_on_host(model, gpus))

    def split_problem(self, size: ModelSize, gpus: int) -> str | None:
        """Why it can't split the model over so many GPUs."""
        if not self.splits or size.attention is None or gpus == 1:
            return None
        return size.attention.split_problem(gpus)

    def serves(self, model: Model, size: ModelSize, given: Allotment) -> Serves:
        """Requests at once of one replica."""
        why = f"how {self.title} shares out a GPU is not known here"
        return Serves(None, request_tokens(model, size, given.assumed), None, size.origin, why)
