"""The guide of a made-up workshop, and its examples run as somebody would who has copied them."""

from __future__ import annotations

import html
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

from orchestrator.handouts import GuideModel, Handout
from orchestrator.handouts.guide import guide_html
from orchestrator.resources import TEMPLATES
from tests.unit.handout_samples import credentials, handout

MODELS = (
    GuideModel("staff-only", "external", teams=("staff",)),
    GuideModel("embedder", "llamacpp", chat=False),
    GuideModel("mistral-7b", "vllm"),
    GuideModel("llama3.2", "ollama", ollama=True),
)


def page(**changes: object) -> str:
    wanted: Handout = replace(handout(credentials()), **{"models": MODELS, **changes})  # type: ignore[arg-type]
    return guide_html(wanted, TEMPLATES / "guide").decode()


def snippet(text: str, name: str) -> str:
    found = re.search(rf'<pre id="{name}"[^>]*><code>(.*?)</code></pre>', text, re.DOTALL)
    assert found, f"the guide has no snippet {name}"
    return html.unescape(found[1]) + "\n"


def run(
    command: list[str], folder: Path, key: str = "ws-right-key", check: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "WORKSHOP_API_KEY": key, "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=check, timeout=60)
