"""workshop.yaml as a whole, and the checks that need more than one section."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Annotated, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from orchestrator.local_time import moments, unclear
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.hosts import ALL_ROLES, Host
from orchestrator.spec.inventory import InventoryChoice
from orchestrator.spec.knowledge import embedder, knowledge_problems
from orchestrator.spec.limits import Limits
from orchestrator.spec.machines import is_loopback, machine_problems, role_problems
from orchestrator.spec.models import Model
from orchestrator.spec.names import name_problems
from orchestrator.spec.people import Participants
from orchestrator.spec.section import Problem, below, refuse, same_names
from orchestrator.spec.sections import Archive, Grace, Handouts, Images, Ports, Public, window_problems
from orchestrator.spec.values import DnsLabel, Line, TeamName
from orchestrator.spec.webui import webui_problems
from orchestrator.spelling import did_you_mean, nearest

THIS_MACHINE = Host(name="here", roles=list(ALL_ROLES))
HOSTS_UNKNOWN = "hosts are unknown"  # as context of the validation: an inventory has more of them
YEARS = range(2000, 3000)  # who means for ever writes no window


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("moment", "expected a time like 2026-12-01T08:30:00+01:00") from None


def _reckonable(moment: datetime) -> datetime:
    """Hours of grace, days of a certificate and offsets are added to it."""
    if moment.year not in YEARS:
        raise PydanticCustomError("moment", f"expected a year from {YEARS[0]} to {YEARS[-1]}")
    return moment


@cache
def _timezones() -> frozenset[str]:
    """Looks at every file of the system's, which takes as long as reading a spec."""
    return frozenset(available_timezones())


def _timezone(name: str) -> str:
    if name not in _timezones():
        raise PydanticCustomError("timezone", "expected the name of a time zone, like Europe/Zurich")
    return name


Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str), AfterValidator(_reckonable)]
TimeZone = Annotated[str, AfterValidator(_timezone)]


class Workshop(Ports):
    """One class: its name, time, participants, hosts and models."""

    name: DnsLabel
    """A DNS label of at most 40 characters; names every container, network and volume."""
    title: Line
    timezone: TimeZone | None = None
    """For times without an offset; one that comes twice as clocks are put back needs its offset."""
    opens: Moment | None = None
    """Keys work from then; absent: always."""
    closes: Moment | None = None
    """Keys work until then; absent: always."""
    grace: Grace = Grace()
    """How long before opens and after closes keys work too; cards and answers name the hours without it."""
    public: Public = Public()
    participants: Participants
    instructors: list[TeamName] = []
    """Teams whose members may ask at any time, before opens and after closes too."""
    hosts: Annotated[list[Host], Field(min_length=1)] = [THIS_MACHINE]
    inventory: InventoryChoice | None = None
    models: Annotated[list[Model], Field(min_length=1)]
    capacity: Capacity = Capacity()
    limits: Limits = Limits()
    handouts: Handouts = Handouts()
    archive: Archive = Archive()
    images: Images = Images()
    practice: bool = False
    """CPU engines and synthetic weights on this machine: no GPU, no download, no account."""

    def moment(self, value: datetime | None) -> datetime | None:
        """The time with its offset: its own, else that of the workshop's time zone then."""
        if value is None or value.tzinfo is not None or self.timezone is None:
            return value
        return moments(value, ZoneInfo(self.timezone))[0]

    @property
    def window(self) -> tuple[datetime, datetime] | None:
        opens, closes = self.moment(self.opens), self.moment(self.closes)
        return (opens, closes) if opens and closes else None

    @property
    def listed(self) -> tuple[Model, ...]:
        """The models that participants may name."""
        return tuple(model for model in self.models if not model.hidden)

    def models_for(self, team: str | None) -> tuple[str, ...]:
        """The names of the models that a member of this team may use; None: somebody without one."""
        return tuple(model.name for model in self.listed if model.open_to(team))

    @property
    def embedder(self) -> Model | None:
        """The model whose embeddings Open WebUI searches with."""
        return embedder(self.webui.embeddings, self.models)

    @property
    def teams(self) -> tuple[str, ...]:
        """All teams that a model, a connection or a collection of files is restricted to, sorted."""
        named = [model.teams for model in self.listed] + [collection.teams for collection in self.webui.knowledge]
        named += [connection.teams for connection in self.webui.connections]
        return tuple(sorted({team for teams in named for team in teams or ()}))

    @model_validator(mode="after")
    def _sections_agree(self, info: ValidationInfo) -> Self:
        refuse(
            [
                *self._time_problems(),
                *below("hosts", same_names([host.name for host in self.hosts], "host")),
                *below("models", same_names([model.name for model in self.models], "model")),
                *below("models", name_problems(self.models)),
                *(self._host_problems() if info.context != HOSTS_UNKNOWN else []),
                *below("webui", webui_problems(self.webui, self.models)),
                *below("webui", self._knowledge_problems()),
                *below("webui", self._own_page_problems()),
                *self._elsewhere_problems(),
            ],
        )
        return self

    def _knowledge_problems(self) -> Iterable[Problem]:
        webui = self.webui
        has_page, elsewhere = webui.mode != "none", webui.is_elsewhere
        return knowledge_problems(
            webui.embeddings, webui.knowledge, self.models, has_page=has_page, elsewhere=elsewhere
        )

    def _own_page_problems(self) -> Iterable[Problem]:
        if self.webui.mode == "per_team" and self.participants.roster is None:
            yield Problem(("mode",), "per_team needs teams: a roster with a column team", "Or mode: per_participant")
        yield from self._unsearched() if self.webui.is_own else ()

    def _unsearched(self) -> Iterable[Problem]:
        """With one each, files are searched with a key that opens the model, so only its teams may have one."""
        model = self.embedder
        if model is None or model.teams is None:
            return
        for index, collection in enumerate(self.webui.knowledge):
            if collection.teams is None or set(collection.teams) - set(model.teams):
                message = f"it is searched with {model.name}, which is for {', '.join(model.teams)} alone"
                yield Problem(("knowledge", index, "name"), message, "Open the model to all who have the collection")

    def _elsewhere_problems(self) -> Iterable[Problem]:
        """Open WebUI elsewhere asks the gateway under the address that participants have."""
        host, url = self.public.host, self.webui.url
        if url and host and is_loopback(host) and not is_loopback(urlsplit(url).hostname or ""):
            hint = "Give a name or address at which it reaches the gateway"
            yield Problem(("public", "host"), f"{url} can't reach the gateway at {host}: that is itself", hint)

    def _time_problems(self) -> Iterable[Problem]:
        if self.grace != Grace() and self.opens is None and self.closes is None:
            yield Problem(("grace",), "grace is around opens and closes, and there are none")
        unplaced = [*self._unplaced()]
        yield from unplaced or window_problems(self.moment(self.opens), self.moment(self.closes))

    def _unplaced(self) -> Iterable[Problem]:
        """Times that are not one moment."""
        for field, value in (("opens", self.opens), ("closes", self.closes)):
            if value is None or value.tzinfo is not None:
                continue
            if self.timezone is None:
                message = f"{field} has no offset: write +01:00 after it, or give timezone: Europe/Zurich"
                yield Problem((field,), message)
            elif wrong := unclear(value, ZoneInfo(self.timezone), self.timezone):
                yield Problem((field,), *wrong)

    def _host_problems(self) -> Iterable[Problem]:
        yield from role_problems(self.hosts, webui=self.webui.runs)
        yield from machine_problems(self.hosts)
        names = {host.name for host in self.hosts if "inference" in host.roles}
        if not names and any(not model.is_external for model in self.models):
            yield Problem(("hosts",), "no host has the role inference")
        for index, model in enumerate(self.models):
            if model.host is not None and model.host not in names:
                yield Problem(("models", index, "host"), f"no host with the role inference is named {model.host!r}")
            yield from self._label_problems(index, model)

    def _label_problems(self, index: int, model: Model) -> Iterable[Problem]:
        labelled = [set(host.labels) for host in self.hosts if "inference" in host.roles]
        missing = [label for label in model.labels if not any(label in labels for labels in labelled)]
        for label in missing:
            hint = did_you_mean(nearest(label, set().union(*labelled)))
            message = f"no host with the role inference has the label {label!r}"
            yield Problem(("models", index, "labels", model.labels.index(label)), message, hint)
        if not missing and not any(set(model.labels) <= labels for labels in labelled):
            yield Problem(("models", index, "labels"), "no host with the role inference has all of these labels")
