"""Which images practice mode would have to do without, found out without pulling or building anything."""

from __future__ import annotations

from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import connect_local
from orchestrator.fleet.images.reachable import reachable_registries
from orchestrator.fleet.images.recipes import RECIPES
from orchestrator.fleet.images.settings import BuildSettings
from orchestrator.fleet.images.torch import find_torch
from orchestrator.plan.images import ImageChoice, Reference, reference_for
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.images.choice import OPTIONAL, recorded_images, wanted_components


def unavailable(spec: Spec, state: State) -> dict[Component, str]:
    """Component -> why; what an earlier run found counts first."""
    if not spec.workshop.practice:
        return {}
    recorded = recorded_images(state)
    doubtful = sorted((OPTIONAL & wanted_components(spec)) - set(recorded))
    section = spec.workshop.images
    choice = ImageChoice(section.source, section.registry, dict(section.override))
    references = {component: Reference.parse(reference_for(component, choice)) for component in doubtful}
    pulls = section.source in {"auto", "registry"}
    asked = {reference.host for reference in references.values()} if pulls else set()
    reachable = reachable_registries(asked, _engine()) if asked else frozenset()
    found: dict[Component, str] = {}
    for component, reference in references.items():
        if reference.host in reachable or (component in choice.override and section.source != "archive"):
            continue
        reason = f"{reference.host} can't be reached" if asked else f"images.source is {section.source}"
        lack = _cannot_build(component, section.source, state)
        if lack:
            found[component] = f"{reason}; {lack}"
    return found


def _cannot_build(component: Component, source: str, state: State) -> str | None:
    if source == "archive":
        return "it was in no archive that was loaded"
    if component not in RECIPES:
        return "no package ships it"
    if source == "registry":
        return "images.source: registry builds nothing"
    torch = find_torch(BuildSettings.from_environment(state.folder.logs, state.folder.rendered / ".cache"))
    return torch if isinstance(torch, str) else None


def _engine() -> dict[str, object]:
    """What the local engine says of its registries; nothing where none answers: a plan needs no Docker."""
    try:
        return dict(connect_local("here").client.info())
    except (UserError, OSError):
        return {}
