"""All that preflight looks at, in the order of its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from orchestrator.checks.preflight import engine, gpus, machine, reach, weights
from orchestrator.checks.preflight.facts import Facts, Needs
from orchestrator.checks.preflight.faults import CHECK as HOLES
from orchestrator.checks.preflight.finding import Finding
from orchestrator.errors import UserError

Judge = Callable[[str, Facts, Needs], Iterator[Finding]]

JUDGES: tuple[tuple[str, Judge], ...] = (
    ("sudo", machine.sudo),
    ("system", machine.system),
    ("docker", engine.docker),
    ("compose", engine.compose),
    ("gpus", gpus.gpus),
    ("runtime", gpus.runtime),
    ("memory", machine.memory),
    ("disk", engine.disk),
    ("ports", engine.ports),
    ("clock", machine.clock),
    ("peers", reach.peers),
    ("registry", reach.registries),
    ("hub", reach.hubs),
    ("weights", weights.weights),
)
SSH = "ssh"
INSTALLED = frozenset({"docker", "compose", "runtime"})
CHECKS = (SSH, *(name for name, _ in JUDGES), HOLES)
ELSEWHERE = {"sudo_password": "sudo", "python_missing": "system", "script_failed": "system"}


def judge(host: str, facts: Facts, needs: Needs) -> list[Finding]:
    """Of a host that answers."""
    found = [finding for _, judge_ in JUDGES for finding in judge_(host, facts, needs)]
    if needs.bootstrap:
        found = [_installed(finding, facts) for finding in found]
    return [Finding(SSH, host, "ok", "reached"), *found]


def _installed(finding: Finding, facts: Facts) -> Finding:
    """What `bootstrap: true` lets provision put right is no problem."""
    engine_there = facts.engine.version is not None or "not installed" not in facts.engine.said
    if finding.level != "problem" or finding.check not in INSTALLED or (finding.check == "docker" and engine_there):
        return finding
    return replace(finding, level="warn", remedy="provision installs it (bootstrap: true)")


def unreached(host: str, problem: UserError) -> list[Finding]:
    """Of one that could not be looked at, as far as it got."""
    check = ELSEWHERE.get(problem.code, SSH)
    before = [Finding(SSH, host, "ok", "reached")] if check != SSH else []
    return [*before, Finding.of(check, host, problem)]
