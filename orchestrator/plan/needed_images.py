"""Which images a spec needs, wherever its backends go: for those who have images and do not ask the hosts. Pure."""

from __future__ import annotations

from orchestrator.engines.registry import engine_of
from orchestrator.plan.stacks import practice_components
from orchestrator.spec.components import GATEWAY, WEBUI, Component
from orchestrator.spec.hosts import Host
from orchestrator.spec.workshop import Workshop


def needed_components(workshop: Workshop) -> frozenset[Component]:
    """Of the whole workshop."""
    if workshop.practice:
        return practice_components(workshop)
    return frozenset().union(*(components_for(host, workshop) for host in workshop.hosts))


def components_for(host: Host, workshop: Workshop) -> frozenset[Component]:
    """What may run on a host with these roles: all engines, as long as nobody knows where each model goes."""
    if workshop.practice:
        return practice_components(workshop)
    found = {GATEWAY}  # of an inference host, too: its edge
    if "webui" in host.roles and workshop.webui.runs:
        found.add(WEBUI)
    if "inference" in host.roles:
        found |= {part for model in workshop.models if (part := engine_of(model).image(model))}
    return frozenset(found)
