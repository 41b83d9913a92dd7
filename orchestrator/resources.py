"""Where the packaged playbooks, templates and Compose files lie: inside the wheel, or at the checkout's top level."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_PACKAGED = _PACKAGE / "_data"
_ROOT = _PACKAGED if _PACKAGED.is_dir() else _PACKAGE.parent

BOOTSTRAP = _ROOT / "bootstrap"
PLAYBOOKS = _ROOT / "playbooks"
TEMPLATES = _ROOT / "templates"
COMPOSE = _ROOT / "compose"
IMAGES = COMPOSE / "images"
