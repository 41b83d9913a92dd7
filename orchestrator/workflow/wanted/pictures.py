"""Pictures of models, as Open WebUI takes them: data URLs."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.spec.document import Path_
from orchestrator.spec.loader import Spec
from orchestrator.workflow.wanted.files import content_of

LIMIT = 256 * 1024  # bytes: each is in every list of models that the administrator's page loads
KINDS = (
    ("png", 0, b"\x89PNG\r\n\x1a\n"),
    ("jpeg", 0, b"\xff\xd8\xff"),
    ("gif", 0, b"GIF8"),
    ("webp", 8, b"WEBP"),
)


def pictures(spec: Spec) -> dict[str, str]:
    """By the name of the model or preset. Raises UserError `picture_unreadable` with the line of one that is none."""
    return {name: _picture(spec, at, path) for name, at, path in _given(spec)}


def picture_problems(spec: Spec) -> list[UserError]:
    """A problem for each that can't be used."""
    found = []
    for _, at, path in _given(spec):
        try:
            _picture(spec, at, path)
        except UserError as problem:
            found.append(problem)
    return found


def _given(spec: Spec) -> list[tuple[str, Path_, Path]]:
    workshop = spec.workshop
    models = [(one.name, ("models", index), one.picture) for index, one in enumerate(workshop.models)]
    presets = [(one.name, ("webui", "presets", index), one.picture) for index, one in enumerate(workshop.webui.presets)]
    return [(name, (*at, "picture"), path) for name, at, path in (*models, *presets) if path]


def _picture(spec: Spec, at: Path_, path: Path) -> str:
    content = content_of(spec, path, LIMIT, lambda message: _unusable(spec, at, message))
    for kind, offset, magic in KINDS:
        if content[offset : offset + len(magic)] == magic:
            return f"data:image/{kind};base64,{b64encode(content).decode()}"
    raise _unusable(spec, at, f"{path} is no PNG, JPEG, GIF or WebP picture")


def _unusable(spec: Spec, at: Path_, message: str) -> UserError:
    return spec.problem(at, "picture_unreadable", message, "A square of some 200 pixels will do.")
