"""Rules that nginx would not take never lie where it reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.fleet.scripts import stack
from tests.stack.workshop.bed import Workshop
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full(
    "a class of its own for one refusal; test_gateway_reload has broken rules in a running nginx"
)

# The program with a template that went wrong, as a mistake of ours in a new version would.
BROKEN = """
import sys
from orchestrator.render import gateway
right = gateway._nginx_conf
gateway._nginx_conf = lambda config, resolver: right(config, resolver) + "\\nno_such_directive;\\n"
from orchestrator.cli import provision_main
sys.argv = ["provision", *sys.argv[1:]]
provision_main()
"""


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    made = make_workshop("broken-rules")
    made.provision()
    return made


def key(workshop: Workshop) -> str:
    return str(workshop.people()[0]["api_key"])


def answers(workshop: Workshop) -> bool | None:
    return workshop.client(key(workshop)).models.list().data[0].id == "tiny" or None


def test_broken_rules_never_replace_good_ones(workshop: Workshop) -> None:
    rules = workshop.stack / "gateway"
    before = stack.files({"folder": str(rules)})
    workshop.write(limits={"requests_per_minute": 777})
    environment = {**os.environ, "WORKSHOP_STACK_DIR": str(workshop.folder / "stack")}
    command = [sys.executable, "-c", BROKEN, str(workshop.file), "--output", "json"]
    ran = subprocess.run(command, cwd=Path.cwd(), env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 3, ran.stderr
    error = json.loads(ran.stdout)["error"]
    assert "nginx" in error["message"]
    assert "no_such_directive" in error["message"]
    assert stack.files({"folder": str(rules)}) == before
    assert answers(workshop)

    gateway = workshop.container("gateway")
    gateway.restart()  # what a power cut would do
    assert eventually(lambda: _again(workshop))
    workshop.provision()
    assert json.loads((rules / "policy.json").read_text())["callers"]["p01"]["limits"]["requests_per_minute"] == 777


def _again(workshop: Workshop) -> bool | None:
    try:
        return answers(workshop)
    except Exception:  # noqa: BLE001 - whatever a gateway that starts makes of it
        return None
