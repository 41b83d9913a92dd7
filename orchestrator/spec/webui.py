"""Open WebUI in workshop.yaml: who gets one, and what stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from orchestrator.spec.connections import Connection, connection_problems
from orchestrator.spec.endpoints import PageUrl
from orchestrator.spec.functions import Function, FunctionId
from orchestrator.spec.knowledge import EMBEDDINGS, Collection
from orchestrator.spec.models import Model
from orchestrator.spec.secrets import secret_references
from orchestrator.spec.section import Problem, Section, below, duplicates, same_names
from orchestrator.spec.tool_servers import ToolServer
from orchestrator.spec.values import (
    DomainName,
    Line,
    ModelName,
    Port,
    RelativePath,
    SecretReference,
    Subnets,
    TeamName,
    Words,
)
from orchestrator.spelling import did_you_mean, nearest

ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
PresetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._:-]{0,78}[A-Za-z0-9])?$")]
NEEDS_A_PAGE = (
    *("welcome", "banners", "suggestions", "default_models"),
    *("presets", "functions", "tool_servers", "connections", "participants_may"),
)
PROVIDER_HINT = "Make it a model with engine: external, whose key the gateway keeps, or choose mode: shared"
SHARED_HINT = "Take it out, or choose mode: shared"
URL, ADMIN_KEY = ("webui", "url"), ("webui", "admin_key")
NOT_ELSEWHERE = ("database", "suggestions", "default_models", "embeddings", "connections", "participants_may")
NOT_OWN = ("database", "admin_key")  # refused with one each anyway
NOT_ELSEWHERE_HINT = "Take it out, and ask its administrator, or have an Open WebUI of the workshop's own: without url"
_FUNCTION_ID: TypeAdapter[str] = TypeAdapter(FunctionId)


class Banner(Section):
    """A line across the top of the page, for everybody who is signed in."""

    text: Words
    """Markdown."""
    title: Line | None = None
    kind: Literal["info", "success", "warning", "error"] = "info"
    dismissible: bool = True
    """Whether each person may close it for themselves; a text that changes is shown again."""


class Suggestion(Section):
    """A question on the empty page, to be sent by a click."""

    title: Line
    subtitle: Line = ""
    prompt: Words


class Preset(Section):
    """A model of the workshop under a name of its own, with a system prompt and parameters; in Open WebUI alone."""

    name: PresetName
    model: ModelName
    """The model of this workshop that answers."""
    title: Line | None = None
    """What the model menu shows; absent: the name."""
    description: Words | None = None
    picture: RelativePath | None = None
    """A PNG, JPEG, GIF or WebP file of at most 256 KiB."""
    system: Words | None = None
    """The system prompt. Who uses the preset doesn't see it on the page; it is no secret from a model that is asked."""
    parameters: dict[ParameterName, bool | int | float | str | list[str]] = {}
    """As the model's API calls them: temperature, top_p, max_tokens, stop, seed."""
    suggestions: Annotated[list[Suggestion], Field(max_length=20)] = []
    """Shown in place of the page's own while this preset is chosen."""
    teams: Annotated[list[TeamName], Field(min_length=1)] | None = None
    """The teams that see it; absent: who may use the model."""


class WebUI(Section):
    """Open WebUI: one for everybody, one for each participant or team, or none."""

    mode: Literal["shared", "per_participant", "per_team", "none"] = "shared"
    """One for everybody, one each ([webui.md](webui.md#one-for-all-or-one-each)), or none."""
    url: PageUrl | None = None
    """An Open WebUI that is there already, by the address of its page ([webui.md](webui.md#bring-your-own))."""
    admin_key: SecretReference | None = None
    """An API key, or a token, of an administrator there."""
    port: Port = 3000
    """With one each: the first of as many ports as there are participants, in the order of their ids."""
    domain: DomainName | None = None
    """With one each: all at `port`, by names below this one, `p01.DOMAIN`; the DNS must have `*.DOMAIN`."""
    bare: bool = False
    """With one each: nothing in it but the account, so that connecting it to the gateway is the exercise."""
    subnets: Subnets | None = None
    """With one each: private addresses for their networks, eight for each; absent: chosen by the workshop's name."""
    database: SecretReference | None = None
    """A PostgreSQL database, empty at first, by its address: `postgresql://USER:PASSWORD@HOST/NAME`; absent: a file."""
    welcome: Words | None = None
    """A banner that comes back with every page, closed or not. Markdown."""
    banners: Annotated[list[Banner], Field(max_length=20)] = []
    suggestions: Annotated[list[Suggestion], Field(max_length=50)] | None = None
    """Questions on the empty page; absent: left as they are, Open WebUI's own at first; `[]`: those again."""
    default_models: list[ModelName] | None = None
    """Chosen in a new chat, models or presets; absent: the first model that is for everybody."""
    presets: list[Preset] = []
    functions: list[Function] = []
    embeddings: ModelName | None = None
    """The model, with embeds: true, that makes files searchable; absent: a file goes into the question whole."""
    knowledge: list[Collection] = []
    """Collections of files that everybody, or a team, can ask."""
    tool_servers: list[ToolServer] = []
    connections: list[Connection] = []
    """Endpoints that Open WebUI asks past the gateway: `engine: external` is the usual way."""
    participants_may: list[Literal["knowledge"]] = []
    """What participants do there besides chatting: `knowledge`, make collections of their own files."""

    @property
    def is_shared(self) -> bool:
        """One for everybody."""
        return self.mode == "shared"

    @property
    def is_elsewhere(self) -> bool:
        """One that belongs to others: nothing of it runs here."""
        return self.url is not None

    @property
    def is_here(self) -> bool:
        """One for everybody, started by this program."""
        return self.is_shared and not self.is_elsewhere

    @property
    def runs(self) -> bool:
        """Any, started by this program."""
        return self.mode != "none" and not self.is_elsewhere

    @property
    def is_own(self) -> bool:
        """One for each participant or team, who are administrators there."""
        return self.mode in {"per_participant", "per_team"}

    @property
    def has_one_port(self) -> bool:
        """`port` is all that it takes: one for everybody, or one each by name."""
        return self.is_here or (self.is_own and self.domain is not None)


def webui_problems(webui: WebUI, models: Sequence[Model]) -> Iterable[Problem]:
    """What names models that are not there, or names that are taken."""
    if webui.mode == "none":
        for field in (*NEEDS_A_PAGE, "database"):
            if getattr(webui, field):
                yield Problem((field,), f"{field} is for Open WebUI, and its mode is none")
    yield from _own_problems(webui)
    yield from _elsewhere_problems(webui)
    if "knowledge" in webui.participants_may and webui.embeddings is None:
        message = "collections are searched with webui.embeddings, and none is named"
        yield Problem(("participants_may",), message, None, EMBEDDINGS)
    yield from below("presets", _preset_problems(webui.presets, models))
    choices = [*_listed(models), *(preset.name for preset in webui.presets)]
    taken = [*(name for model in models for name in (model.name, *model.aliases)), *choices]
    functions = [function.name for function in webui.functions]
    yield from below("connections", connection_problems(webui.connections, taken, functions))
    names = [server.name for server in webui.tool_servers]
    yield from below("tool_servers", same_names(names, "tool server"))
    yield from below("functions", _function_problems(webui.functions, choices))
    choices += [name for connection in webui.connections for name in connection.known_ids]
    for index, name in enumerate(webui.default_models or ()):
        if name not in choices:
            yield _unknown(("default_models", index), name, choices)
    for name, index in duplicates(webui.default_models or ()):
        yield Problem(("default_models", index), f"{name!r} stands here twice")


def _own_problems(webui: WebUI) -> Iterable[Problem]:
    """What only one for everybody can have, and what only one each."""
    if not webui.is_own:
        for field in ("bare", "subnets", "domain"):
            if getattr(webui, field):
                yield Problem((field,), f"{field} is for mode: per_participant or per_team")
        return
    if webui.bare:
        for field in (*NEEDS_A_PAGE, "embeddings", "knowledge"):
            if getattr(webui, field):
                yield Problem((field,), f"{field} would be left out: bare: true leaves Open WebUI empty")
    if webui.participants_may:
        message = "participants_may is for mode: shared; here people are administrators"
        yield Problem(("participants_may",), message, SHARED_HINT)
    if webui.database:
        yield Problem(("database",), "database is for mode: shared; here each keeps a file of its own", SHARED_HINT)
    yield from _readable_secrets(webui)


def _elsewhere_problems(webui: WebUI) -> Iterable[Problem]:
    """What a server of others needs, and what is not the workshop's to set there."""
    if webui.url is None:
        if webui.admin_key:
            yield Problem(("admin_key",), "admin_key is for an Open WebUI elsewhere", "Give its webui.url, too", URL)
        return
    if not webui.is_shared:
        yield Problem(("url",), f"url is for mode: shared; in {webui.mode} each is started here", SHARED_HINT)
    if webui.admin_key is None:
        hint = 'Give admin_key: "${env:WEBUI_ADMIN_KEY}", of an administrator there'
        yield Problem(("url",), "an Open WebUI elsewhere can't be entered without admin_key", hint, ADMIN_KEY)
    for field in NOT_ELSEWHERE:
        if getattr(webui, field):
            yield Problem((field,), f"{field} can't be set at {webui.url}: it belongs to others", NOT_ELSEWHERE_HINT)


def _readable_secrets(webui: WebUI) -> Iterable[Problem]:
    """All that would be set up there; what its start needs, as the database, is refused for itself."""
    for at, _ in secret_references(webui):
        if at[0] not in NOT_OWN:
            what = "key" if at[-1] == "api_key" else "secret"
            message = f"participants are administrators of their Open WebUI, and would read this {what}"
            yield Problem(at, message, PROVIDER_HINT if at[0] == "connections" else SHARED_HINT)


def _preset_problems(presets: Sequence[Preset], models: Sequence[Model]) -> Iterable[Problem]:
    yield from same_names([preset.name for preset in presets], "preset")
    listed, taken = _listed(models), {name for model in models for name in (model.name, *model.aliases)}
    for index, preset in enumerate(presets):
        if preset.name in taken:
            yield Problem((index, "name"), f"{preset.name!r} is the name of a model already")
        if preset.model not in listed:
            yield _unknown((index, "model"), preset.model, listed)
        elif blocked := [team for team in preset.teams or () if not listed[preset.model].open_to(team)]:
            message = f"the team {blocked[0]!r} may not use the model {preset.model!r}, which answers here"
            yield Problem((index, "teams"), message, "Open the model to it, or take the team out")


def _function_problems(functions: Sequence[Function], choices: Sequence[str]) -> Iterable[Problem]:
    for name, index in duplicates(function.name for function in functions):
        yield Problem((index,), f"a second function {name!r}", "Give one of them another id")
    for index, function in enumerate(functions):
        try:
            _FUNCTION_ID.validate_python(function.name)
        except ValidationError:
            hint = "Give it an id of small letters, digits and _"
            yield Problem((index, "file"), f"{function.name!r} can't be a function's id", hint)
        for number, name in enumerate(function.models or ()):
            if name not in choices:
                yield _unknown((index, "models", number), name, choices)


def _listed(models: Sequence[Model]) -> dict[str, Model]:
    """Those that the menu shows."""
    return {model.name: model for model in models if not model.hidden and not model.embeds}


def _unknown(at: tuple[str | int, ...], name: str, choices: Iterable[str]) -> Problem:
    return Problem(at, f"no model is named {name!r}", did_you_mean(nearest(name, choices)), ("models",))
