"""Weights that the spec says lie on a host. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.checks.preflight.facts import Facts, Needs
from orchestrator.checks.preflight.finding import Finding

PUT_THERE = "Put the weights there, or name them in models[].source as they lie on that host"
WHO_MAY = "Docker may be allowed to read it; the user who looked is not: sudo ls -l there tells"


def weights(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    for model, path in needs.paths.items():
        found = facts.paths.get(model)
        if found is None:
            continue
        for level, why in found:
            known = level == "problem"
            remedy = PUT_THERE if known else WHO_MAY
            yield Finding("weights", host, "problem" if known else "unknown", f"{model}: {why}", remedy)
        if not found:
            yield Finding("weights", host, "ok", f"{model}: {path}")
