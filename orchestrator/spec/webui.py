"""Open WebUI in workshop.yaml: who gets one, and what is in it."""

from __future__ import annotations

from typing import Literal

from orchestrator.spec.section import Section
from orchestrator.spec.values import Port


class WebUI(Section):
    """Open WebUI: one for everybody, or none."""

    mode: Literal["shared", "none"] = "shared"
    port: Port = 3000
