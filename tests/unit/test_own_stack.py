"""The stack of people's own Open WebUIs: dozens of containers on one host, that must cost little while idle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.stacks import plan_stacks
from orchestrator.spec.components import COMPONENTS
from orchestrator.workflow.wanted.desired import desired
from tests.unit.spec_samples import VALID, spec_of

PEOPLE = tuple(Participant(f"p{number:02}") for number in range(1, 4))


def services(folder: Path, webui: str) -> dict[str, Any]:
    spec = spec_of(folder, VALID + f"practice: true\nwebui: {{{webui}}}\n")
    deployment, _ = plan_stacks(spec.workshop, 3, {})
    found = desired(
        spec,
        deployment,
        Identity(b"s" * 32, spec.workshop, PEOPLE),
        deployment_id="d",
        images={component: str(component) for component in COMPONENTS},
        cache=folder / "cache",
        tls={},
    )
    (files,) = found.files.values()
    return dict(YAML(typ="safe").load(files["compose.yaml"].content)["services"])


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_each_is_looked_at_less_often_than_the_one_for_all(tmp_path: Path) -> None:
    """Docker starts a process for each look: fifty Open WebUIs every two seconds would keep a core and a half busy."""
    (shared,) = [one for name, one in services(tmp_path, "mode: shared").items() if name == "webui"]
    own = [one for name, one in services(tmp_path, "mode: per_participant").items() if name.startswith("webui-")]
    assert len(own) == 3
    assert seconds(shared["healthcheck"]["interval"]) <= 2
    assert all(seconds(one["healthcheck"]["interval"]) >= 10 for one in own)
    given_up = [seconds(one["healthcheck"]["interval"]) * one["healthcheck"]["retries"] for one in (shared, *own)]
    assert max(given_up) <= 60


@pytest.mark.parametrize("domain", ["", ", domain: chat.example.org"])
def test_the_gateway_publishes_a_port_for_each_or_one_for_all_names(tmp_path: Path, domain: str) -> None:
    gateway = services(tmp_path, f"mode: per_participant, port: 3000{domain}")["gateway"]
    assert gateway["ports"] == ["8080:8080", *(["3000:3000"] if domain else ["3000:10000", "3001:10001", "3002:10002"])]
    assert {"webui-p01", "webui-p02", "webui-p03"} <= set(gateway["networks"])
