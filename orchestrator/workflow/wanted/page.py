"""What Open WebUI's page should show: the model menu, banners and suggested questions, out of the spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from orchestrator.spec import teams
from orchestrator.spec import tool_servers as tools
from orchestrator.spec import webui as given
from orchestrator.spec.loader import Spec
from orchestrator.spec.models import Model
from orchestrator.spec.workshop import Workshop
from orchestrator.webui.marks import Marks
from orchestrator.webui.tool_servers import tool_id
from orchestrator.webui.wanted import Banner, Function, Suggestion, ToolServer, VisibleModel
from orchestrator.workflow.wanted.pictures import pictures

PRESET = "preset"  # the tag by which the menu filters them


def entries(workshop: Workshop) -> tuple[VisibleModel, ...]:
    """The model menu, in the spec's order: models, then presets; without what stands in files."""
    models = {model.name: model for model in workshop.listed if not model.embeds}
    presets = (_preset(one, models[one.model]) for one in workshop.webui.presets)
    return (*(_model(model) for model in models.values()), *presets)


def menu(spec: Spec, functions: Sequence[Function]) -> tuple[VisibleModel, ...]:
    """With pictures, and those of these functions that are not for all.

    Raises UserError with the line of a picture that can't be used.
    """
    shown = pictures(spec)

    def named(entry: VisibleModel, kind: str) -> tuple[str, ...]:
        return tuple(one.id for one in functions if one.kind == kind and entry.name in one.models)

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


def suggestions(asked: Iterable[given.Suggestion]) -> tuple[Suggestion, ...]:
    return tuple(Suggestion(one.title, one.subtitle, one.prompt) for one in asked)


def tool_servers(spec: Spec) -> tuple[ToolServer, ...]:
    """Raises UserError where a key can't be read."""
    return tuple(_tool_server(spec, one) for one in spec.workshop.webui.tool_servers)


def _tool_server(spec: Spec, one: tools.ToolServer) -> ToolServer:
    return ToolServer(
        one.name,
        one.kind,
        one.url,
        one.document,
        one.title or one.name,
        one.description or "",
        spec.secret(one.api_key) if one.api_key else None,
        teams.given(one.teams),
    )


def page_marks(workshop: Workshop) -> Marks:
    """By which names are known at the Open WebUI for everybody; of no use for descriptions there."""
    return Marks(workshop.name if workshop.webui.is_elsewhere else None)


def tools_for(workshop: Workshop, team: str | None) -> tuple[str, ...]:
    """What Open WebUI calls the tool servers that a member of this team may use."""
    marks = page_marks(workshop)
    return tuple(
        tool_id(one.kind, marks.tool(one.name))
        for one in workshop.webui.tool_servers
        if teams.are_open(one.teams, team)
    )


def presets_for(workshop: Workshop, team: str | None) -> tuple[str, ...]:
    """The presets that a member of this team sees."""
    models = {model.name: model for model in workshop.listed}
    return tuple(one.name for one in workshop.webui.presets if teams.are_open(_teams(one, models[one.model]), team))


def _teams(preset: given.Preset, model: Model) -> tuple[str, ...] | None:
    return teams.given(preset.teams or model.teams)


def _model(model: Model) -> VisibleModel:
    return VisibleModel(
        model.name,
        str(model.engine),
        teams.given(model.teams),
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
