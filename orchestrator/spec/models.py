"""The models of workshop.yaml: what participants pick by name, and the engine behind each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from orchestrator.spec import teams
from orchestrator.spec.capacity import Size
from orchestrator.spec.endpoints import BaseUrl, HeaderName, HeaderValue, QueryName, QueryValue
from orchestrator.spec.engine_names import EngineName, kind_of
from orchestrator.spec.hosts import Label
from orchestrator.spec.limits import Bounds
from orchestrator.spec.providers import BEARER, PRESETS, Preset, Provider
from orchestrator.spec.section import Problem, Section, duplicates, refuse
from orchestrator.spec.values import (
    DnsLabel,
    EngineArgument,
    EnvironmentName,
    EnvironmentValue,
    Line,
    ModelName,
    RelativePath,
    SecretReference,
    TeamName,
    Words,
)

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
ArgumentValue = Text | int | float | bool | list[Text | int | float]


Balance = Literal["least_connections", "participant", "prompt"]
EXTERNAL_ONLY = ("provider", "base_url", "api_key", "api_key_header", "headers", "query", "ca")
OWN_ONLY = ("args", "gpus", "memory_gib", "host", "labels", "size")
EXTERNAL = "external"  # whose fields are of their own
AUTO, OFF = "auto", "off"
ParserChoice = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Model(Section):
    """One model: its name for clients, the engine that serves it, and who may use it."""

    name: ModelName
    engine: EngineName
    source: Line
    """vLLM, SGLang, TGI: a Hugging Face repository. Ollama: a tag. llama.cpp: OWNER/REPO/FILE.gguf. External: its name.

    Of a GGUF file in parts (FILE-00001-of-00003.gguf) the first; all are fetched.
    An absolute path: weights that lie on the host; for Ollama a GGUF file, or a folder with a Modelfile.
    """
    replicas: Annotated[int, Field(ge=1, le=64)] = 1
    gpus: Annotated[int, Field(ge=0, le=16)] | None = None
    """GPUs of one replica; absent: 1 for vLLM, SGLang and TGI; 1 for Ollama where the host has one; 0 for llama.cpp."""
    memory_gib: Annotated[float, Field(gt=0, strict=False)] | None = None
    """What one replica needs on each of its GPUs, in GiB, for checking whether it fits."""
    context: Annotated[int, Field(ge=256, le=10_000_000)] | None = None
    """Tokens that one request may use, prompt and answer together; absent: what the engine takes by default."""
    host: DnsLabel | None = None
    """The host that must serve it; absent: whichever has room."""
    labels: list[Label] = []
    """Only hosts that have all of these labels serve it."""
    size: Size | None = None
    """Absent: from the model's own files, the hub, or the table of common models."""
    args: dict[EngineArgument, ArgumentValue] = {}
    """More arguments of the engine, by name: `max_num_seqs: 64` becomes `--max-num-seqs 64`.

    In practice mode too, but for what is about GPUs or the real weights; the plan names what is left out.
    """
    tools: ParserChoice = AUTO
    """vLLM, SGLang: the parser of calls of tools; `auto` goes by the model's family, `off` refuses a chat with tools.

    Other engines do it by the model's own template.
    """
    reasoning: ParserChoice = AUTO
    """vLLM, SGLang: the parser that keeps what the model thinks apart from its answer; `auto` goes by its family."""
    environment: dict[EnvironmentName, EnvironmentValue] = {}
    start_timeout: Annotated[int, Field(ge=10, le=14_400)] = 1200
    """Seconds until the engine must have loaded its weights."""
    fetch_timeout: Annotated[int, Field(ge=10, le=604_800)] = 14_400
    """Seconds that fetching its weights to a host may take; what came is kept, and the next run goes on with it."""
    teams: Annotated[list[TeamName], Field(min_length=1)] | None = None
    """The teams that may use it; absent: everybody."""
    limits: Bounds = Bounds()
    """For each participant at this model, beside their own; absent: only their own."""
    balance: Balance = "least_connections"
    """Over replicas. `participant`: each person stays with one; `prompt`: what begins alike goes to the same one."""
    fallback: list[ModelName] = []
    """Models asked in its place, in this order, while none of its replicas can answer; then what those fall back to."""
    aliases: list[ModelName] = []
    """Other names that clients may send; no list shows them."""
    title: Line | None = None
    """What Open WebUI's model menu shows; absent: the name."""
    description: Words | None = None
    """Open WebUI shows it beside the name."""
    picture: RelativePath | None = None
    """For Open WebUI: a PNG, JPEG, GIF or WebP file of at most 256 KiB."""
    embeds: bool = False
    """It makes embeddings (/v1/embeddings) instead of chatting, and is started for that; Open WebUI's menu lacks it."""
    hidden: bool = False
    """Only as another's fallback: in nobody's list, and nobody may name it."""
    provider: Annotated[Provider, Field(strict=False)] | None = None
    """External only: whose API it is; base_url, headers and the key's header are known then."""
    base_url: BaseUrl | None = None
    """External only: where the provider's API begins, with its path (often /v1); absent: as the provider has it."""
    api_key: SecretReference | None = None
    """External only: the provider's key; participants never see it."""
    api_key_header: HeaderName = BEARER
    """External only: the header for the key, like api-key. Authorization takes `Bearer KEY`, others the key alone."""
    headers: dict[HeaderName, HeaderValue] = {}
    """External only: more headers for the provider. A value may be a reference to a secret."""
    query: dict[QueryName, QueryValue] = {}
    """External only: what stands after the ? of each request, like api-version."""
    ca: RelativePath | None = None
    """External only: certificates of the provider's own authority, as a PEM file; trusted beside the public ones."""

    @property
    def preset(self) -> Preset | None:
        return PRESETS[self.provider] if self.provider else None

    @property
    def endpoint(self) -> str | None:
        """Where an external model's API begins."""
        return self.base_url or (self.preset.base_url if self.preset else None)

    @property
    def is_external(self) -> bool:
        """Whether a provider serves it, and no engine of ours."""
        return self.engine == EXTERNAL

    @property
    def gpus_wanted(self) -> int:
        return self.gpus if self.gpus is not None else int(kind_of(self.engine).needs_gpus)

    def open_to(self, team: str | None) -> bool:
        """Whether a member of this team may use it."""
        return teams.are_open(self.teams, team)

    @model_validator(mode="after")
    def _fields_fit_the_engine(self) -> Self:
        refuse(self._engine_problems())
        return self

    def _engine_problems(self) -> Iterable[Problem]:
        yield from self._external_problems() if self.is_external else self._own_problems()
        for name, number in duplicates(self.aliases):
            yield Problem(("aliases", number), f"the alias {name!r} stands here twice")
        if self.name in self.aliases:
            yield Problem(("aliases", self.aliases.index(self.name)), f"{self.name!r} is the model's own name")
        for name, number in duplicates(self.fallback):
            yield Problem(("fallback", number), f"{name!r} stands here twice")

    def _own_problems(self) -> Iterable[Problem]:
        if self.source.startswith("-"):
            yield Problem(("source",), "a source does not begin with a hyphen", "Arguments of the engine go to args:")
        for field in EXTERNAL_ONLY:
            if field in self.model_fields_set and getattr(self, field) is not None:
                yield Problem((field,), f"{field} belongs to engine: external, not to {self.engine}")
        yield from kind_of(self.engine).problems(self)

    def _external_problems(self) -> Iterable[Problem]:
        if self.endpoint is None:
            yield Problem((), "an external model needs base_url, or a provider that is known")
        if self.provider and self.api_key is None:
            message = f"{self.provider} needs api_key"
            yield Problem(("provider",), message, 'Like "${env:' + f"{self.provider.upper()}_API_KEY" + '}"')
        if self.ca is not None and self.endpoint is not None and not self.endpoint.startswith("https://"):
            yield Problem(("ca",), "ca is for https://, and base_url is not")
        if self.replicas != 1:
            yield Problem(("replicas",), "an external model has no replicas here")
        for field in OWN_ONLY:
            if getattr(self, field):
                yield Problem((field,), f"{field} is for engines that run here, not for a provider")
        names = [self.api_key_header, *self.headers] if self.api_key else list(self.headers)
        for name, _ in duplicates(name.lower() for name in names):
            given = next(own for own in reversed(self.headers) if own.lower() == name)
            yield Problem(("headers", given), f"the header {given} is given twice")
