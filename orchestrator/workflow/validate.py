"""What is wrong with a spec beyond its text: the files it names, its secrets, and whether its models fit its hosts."""

from __future__ import annotations

from orchestrator.errors import SpecError, UserError
from orchestrator.plan.deployment import Deployment
from orchestrator.spec.knowledge_files import find_knowledge
from orchestrator.spec.loader import Spec
from orchestrator.workflow.context.open import newcomers
from orchestrator.workflow.gateway.certificates import require_usable
from orchestrator.workflow.wanted.authorities import authorities
from orchestrator.workflow.wanted.desired import instanced, planned
from orchestrator.workflow.wanted.functions import function_problems
from orchestrator.workflow.wanted.pictures import picture_problems


def problems(spec: Spec) -> list[UserError]:
    """All of them; looks at files, asks no host: what fits is judged where the spec declares all GPUs."""
    found = [] if spec.workshop.practice else spec.secret_problems()
    try:
        find_knowledge(spec)
    except SpecError as missing:
        found += missing.problems
    certificate = [] if spec.unread and not spec.workshop.practice else [require_usable]  # it may be for a host's name
    for look in (*certificate, *([] if spec.workshop.practice else [authorities])):
        try:
            look(spec)
        except UserError as problem:
            found.append(problem)
    found += [*picture_problems(spec), *function_problems(spec)]
    if not _untold(spec):
        try:
            planned(spec, {})
        except SpecError as unplaced:
            found += unplaced.problems
    try:
        instanced(spec, Deployment(()), newcomers(spec))
    except SpecError as too_many:
        found += too_many.problems
    return found


def _untold(spec: Spec) -> bool:
    """Whether only a host itself can say what GPUs it has, or which hosts there are."""
    if spec.unread and not spec.workshop.practice:
        return True
    return any("inference" in host.roles and host.gpus is None for host in spec.workshop.hosts)
