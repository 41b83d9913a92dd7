"""What the gateway of a running class serves on Ollama's own routes, without planning anything."""

from __future__ import annotations

from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import at_front
from orchestrator.workflow.gateway.standing import native_models, rules_there, standing_policy


def served_natively(spec: Spec, state: State, settings: Settings) -> frozenset[str]:
    """As the state noted it; a version that did not note it left it in the gateway's policy alone."""
    if state.spec.native is not None:
        return state.spec.native
    with at_front(spec, settings, state.deployed.hosts()) as front:
        policy = standing_policy(rules_there(front))
    return native_models(policy) if policy else frozenset()
