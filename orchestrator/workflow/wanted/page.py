"""What Open WebUI's page should show: the model menu, banners and suggested questions, out of the spec."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from orchestrator.spec import webui as given
from orchestrator.spec.loader import Spec
from orchestrator.spec.models import Model
from orchestrator.spec.tool_servers import ToolServer as GivenToolServer
from orchestrator.spec.workshop import Workshop
from orchestrator.webui.tool_servers import tool_id
from orchestrator.webui.wanted import Banner, Suggestion, ToolServer, VisibleModel
from orchestrator.workflow.wanted.functions import kinds
from orchestrator.workflow.wanted.pictures import pictures

PRESET = "preset"  # the tag by which the menu filters them


def entries(workshop: Workshop) -> tuple[VisibleModel, ...]:
    """The model menu, in the spec's order: models, then presets; without what stands in files."""
    models = {model.name: model for model in workshop.listed if not model.embeds}
    presets = (_preset(one, models[one.model]) for one in workshop.webui.presets)
    return (*(_model(model) for model in models.values()), *presets)


def menu(spec: Spec) -> tuple[VisibleModel, ...]:
    """With pictures, and the functions that are not for all. Raises UserError with the line of a useless file."""
    shown, kind_of = pictures(spec), kinds(spec)

    def named(entry: VisibleModel, kind: str) -> tuple[str, ...]:
        some = (one.name for one in spec.workshop.webui.functions if entry.name in (one.models or ()))
        return tuple(name for name in some if kind_of[name] == kind)

    return tuple(
        replace(one, picture=shown.get(one.name), filters=named(one, "filter"), actions=named(one, "action"))
        for one in entries(spec.workshop)
    )


def chosen(workshop: Workshop) -> tuple[str, ...]:
    """The models of a new chat; people whose team has none of them get the first of their own menu."""
    if workshop.webui.default_models is not None:
        return tuple(workshop.webui.default_models)
    return tuple(model.name for model in workshop.listed if model.teams is None and not model.embeds)[:1]


def banners(workshop: Workshop) -> tuple[Banner, ...]:
    welcome = workshop.webui.welcome
    first = (Banner(welcome, workshop.title, dismissible=False),) if welcome else ()
    return first + tuple(Banner(one.text, one.title or "", one.kind, one.dismissible) for one in workshop.webui.banners)


def suggestions(given: Iterable[given.Suggestion]) -> tuple[Suggestion, ...]:
    return tuple(Suggestion(one.title, one.subtitle, one.prompt) for one in given)


def tool_servers(spec: Spec) -> tuple[ToolServer, ...]:
    """Raises UserError where a key can't be read."""
    return tuple(_tool_server(spec, one) for one in spec.workshop.webui.tool_servers)


def _tool_server(spec: Spec, one: GivenToolServer) -> ToolServer:
    key = spec.secret(one.api_key) if one.api_key else None
    teams = tuple(one.teams) if one.teams else None
    return ToolServer(
        one.name, one.kind, one.url, one.document, one.title or one.name, one.description or "", key, teams
    )


def tools_for(workshop: Workshop, team: str | None) -> tuple[str, ...]:
    """What Open WebUI calls the tool servers that a member of this team may use."""
    return tuple(
        tool_id(one.kind, one.name)
        for one in workshop.webui.tool_servers
        if _open_to(tuple(one.teams) if one.teams else None, team)
    )


def presets_for(workshop: Workshop, team: str | None) -> tuple[str, ...]:
    """The presets that a member of this team sees."""
    models = {model.name: model for model in workshop.listed}
    return tuple(one.name for one in workshop.webui.presets if _open_to(_teams(one, models[one.model]), team))


def _open_to(teams: tuple[str, ...] | None, team: str | None) -> bool:
    return teams is None or team in teams


def _teams(preset: given.Preset, model: Model) -> tuple[str, ...] | None:
    teams = preset.teams or model.teams
    return tuple(teams) if teams else None


def _model(model: Model) -> VisibleModel:
    return VisibleModel(
        model.name,
        str(model.engine),
        tuple(model.teams) if model.teams else None,
        title=model.title,
        description=model.description,
    )


def _preset(preset: given.Preset, model: Model) -> VisibleModel:
    return VisibleModel(
        preset.name,
        PRESET,
        _teams(preset, model),
        title=preset.title,
        description=preset.description,
        base=preset.model,
        parameters={**preset.parameters, **({"system": preset.system} if preset.system else {})},
        suggestions=suggestions(preset.suggestions),
    )
