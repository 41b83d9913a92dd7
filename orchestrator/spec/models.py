"""The models of workshop.yaml: what participants pick by name, and the engine behind each."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from orchestrator.spec.section import Problem, Section, refuse
from orchestrator.spec.values import (
    DnsLabel,
    EngineArgument,
    EnvironmentName,
    EnvironmentValue,
    Line,
    ModelName,
    SecretReference,
    TeamName,
)

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
ArgumentValue = Text | int | float | bool | list[Text | int | float]


def _port(url: str) -> str:
    try:
        known = urlsplit(url).port != 0
    except ValueError:
        known = False
    if not known:
        raise PydanticCustomError("port", "expected a port from 1 to 65535")
    return url


BaseUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$"),
    AfterValidator(_port),
]


class Engine(StrEnum):
    VLLM = "vllm"
    OLLAMA = "ollama"
    LLAMACPP = "llamacpp"
    TGI = "tgi"
    EXTERNAL = "external"


GPU_ENGINES = frozenset({Engine.VLLM, Engine.TGI})


class Model(Section):
    """One model: its name for clients, the engine that serves it, and who may use it."""

    name: ModelName
    engine: Annotated[Engine, Field(strict=False)]
    source: Line
    """vLLM, TGI: a Hugging Face repository. Ollama: a tag. llama.cpp: OWNER/REPO/FILE.gguf. External: its name."""
    replicas: Annotated[int, Field(ge=1, le=64)] = 1
    gpus: Annotated[int, Field(ge=0, le=16)] | None = None
    """GPUs of one replica; absent: 1 for vLLM and TGI; 1 for Ollama where the host has one; 0 for llama.cpp."""
    memory_gib: Annotated[float, Field(gt=0, strict=False)] | None = None
    """What one replica needs on each of its GPUs, in GiB, for checking whether it fits."""
    context: Annotated[int, Field(ge=256, le=10_000_000)] | None = None
    """Tokens that one request may use, prompt and answer together; absent: what the engine takes by default."""
    host: DnsLabel | None = None
    """The host that must serve it; absent: whichever has room."""
    args: dict[EngineArgument, ArgumentValue] = {}
    """More arguments of the engine, by name: `max_num_seqs: 64` becomes `--max-num-seqs 64`."""
    environment: dict[EnvironmentName, EnvironmentValue] = {}
    start_timeout: Annotated[int, Field(ge=10, le=14_400)] = 1200
    """Seconds until the engine must have loaded its weights."""
    teams: Annotated[list[TeamName], Field(min_length=1)] | None = None
    """The teams that may use it; absent: everybody."""
    base_url: BaseUrl | None = None
    """External only: where the provider's API begins, with its path (often /v1)."""
    api_key: SecretReference | None = None
    """External only: the provider's key; participants never see it."""

    @property
    def gpus_wanted(self) -> int:
        return self.gpus if self.gpus is not None else int(self.engine in GPU_ENGINES)

    def open_to(self, team: str | None) -> bool:
        """Whether a member of this team may use it."""
        return self.teams is None or (team is not None and team in self.teams)

    @model_validator(mode="after")
    def _fields_fit_the_engine(self) -> Self:
        refuse(self._engine_problems())
        return self

    def _engine_problems(self) -> Iterable[Problem]:
        external = self.engine is Engine.EXTERNAL
        if external and self.base_url is None:
            yield Problem((), "an external model needs base_url")
        if not external and self.base_url is not None:
            yield Problem(("base_url",), f"base_url belongs to engine: external, not to {self.engine}")
        if not external and self.api_key is not None:
            yield Problem(("api_key",), f"api_key belongs to engine: external, not to {self.engine}")
        if external and self.replicas != 1:
            yield Problem(("replicas",), "an external model has no replicas here")
        if self.engine in GPU_ENGINES and self.gpus == 0:
            yield Problem(("gpus",), f"{self.engine} needs at least one GPU (practice mode needs none)")
        if self.engine is Engine.LLAMACPP and not is_gguf(self.source):
            yield Problem(("source",), "expected OWNER/REPO/FILE.gguf, a URL or an absolute path ending in .gguf")


def is_gguf(source: str) -> bool:
    """Whether llama.cpp can load this source: a GGUF file in a repository, at a URL, or on the host."""
    return source.endswith(".gguf") and (source.startswith(("/", "https://", "http://")) or source.count("/") > 1)
