"""What differs on the hosts: containers, and the files that they are given."""

from __future__ import annotations

from orchestrator.fleet.machine import Machine
from orchestrator.identity.identity import Identity
from orchestrator.plan.deployment import Deployment
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.changes.change import Change
from orchestrator.workflow.context.hosts import front_of, open_fleet
from orchestrator.workflow.context.open import seats
from orchestrator.workflow.gateway.certificates import Served
from orchestrator.workflow.gateway.live import LOADED
from orchestrator.workflow.gateway.standing import last_change, outdated_note, rules_there, standing_policy
from orchestrator.workflow.images.choice import recorded_images
from orchestrator.workflow.rollout.difference import Difference, difference
from orchestrator.workflow.wanted.desired import Desired, desired

UNASKED = "nothing is deployed yet, and no host was asked: `workshop preflight` looks at them all"


def differences(
    spec: Spec,
    settings: Settings,
    state: State,
    deployment: Deployment,
    shown: Served,
    notes: list[str],
    *,
    fresh: bool,
) -> dict[str, Difference]:
    """By host, in the order of the stacks."""
    meta = state.meta
    if meta is None:
        if not all(stack.host.is_local for stack in deployment.stacks):
            notes.append(UNASKED)
        return {stack.host.name: Difference(create=stack.services) for stack in deployment.stacks}
    wanted: Desired | None = None
    if not fresh:
        images = {component: image.pinned for component, image in recorded_images(state).items()}
        wanted = desired(
            spec,
            deployment,
            Identity(state.secret, spec.workshop, state.people.preview(seats(spec)).participants),
            deployment_id=meta.deployment_id,
            images={Component(c): image for c, image in images.items()},
            cache=state.folder.rendered / ".cache",
            tls=shown.files,
            edges=shown.edges,
            revision=state.changes.revision,
            change=last_change(state),
            drained=state.drained.all(),
        )
    stacks = {stack.host.name: stack for stack in deployment.stacks}

    def compare(machine: Machine) -> Difference:
        stack = stacks[machine.name]
        containers = machine.docker.containers(spec.workshop.name)
        if wanted is None:
            return Difference(create=tuple(name for name in stack.services if name not in containers))
        files, loaded = wanted.files[machine.name], state.deployed.applied(machine.name).get(LOADED)
        machine.owner()  # tells where the stack lies
        return difference(stack, files, machine.stack(files["compose.yaml"].content.decode()), containers, loaded)

    with open_fleet(spec, settings, state.deployed.hosts()) as fleet:
        found, failed = fleet.each(compare, stacks)
        front = front_of(spec)
        if front in found:
            notes += outdated_note(state, standing_policy(rules_there(fleet[front])), spec.file)
    notes += [f"the plan takes every container of {name} as missing. {why}" for name, why in failed.items()]
    return {name: found.get(name, Difference(create=stack.services)) for name, stack in stacks.items()}


def on_host(found: Difference, host: str) -> list[Change]:
    changes = [Change(verb, "container", name, host) for verb, names in found.services() for name in names]
    if found.reloads and found.nginx:
        changes.append(Change("update", "rules", found.nginx, host))
    if found.files and not changes:
        changes.append(Change("update", "files", ", ".join(found.files[:3]), host))
    return changes
