"""Preflight's table: a line for each host or for each check, whichever is narrower."""

from __future__ import annotations

import pytest

from orchestrator.checks.preflight.finding import Finding
from orchestrator.checks.preflight.judge import CHECKS
from orchestrator.cli.commands import preflight
from orchestrator.workflow.preflight import Preflight


@pytest.mark.parametrize("hosts", [2, 30])
def test_preflights_table_is_as_narrow_as_it_can_be(hosts: int) -> None:
    names = {f"gpu-{number}": "10.0.0.1" for number in range(hosts)}
    findings = tuple(Finding(check, name, "ok", "fine") for name in names for check in CHECKS)
    first, *_ = preflight.summary(Preflight("w", names, frozenset(names), {}, findings, 1.0)).splitlines()
    assert first.split() == (["host", *names] if hosts < len(CHECKS) else ["host", *CHECKS])
