"""A small workshop.yaml that is valid, and what comes of a changed one."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SpecError, UserError
from orchestrator.spec.loader import Spec, load

VALID = """\
name: class
title: A class
participants: {count: 3}
models:
  - name: m
    engine: ollama
    source: "llama3.2:3b"
"""


def model(extra: str) -> str:
    """The valid file, with more lines in its only model."""
    return VALID + "".join(f"    {line}\n" for line in extra.splitlines())


def with_models(*models: str) -> str:
    """The valid file with these models instead, each in flow style without its braces."""
    return VALID.split("models:", maxsplit=1)[0] + "models:\n" + "".join(f"  - {{{one}}}\n" for one in models)


def spec_of(folder: Path, text: str | bytes) -> Spec:
    file = folder / "workshop.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file)


def problems_of(folder: Path, text: str | bytes) -> tuple[UserError, ...]:
    with pytest.raises(SpecError) as caught:
        spec_of(folder, text)
    return caught.value.problems


def told(folder: Path, text: str | bytes) -> list[str]:
    """Each problem as a user reads it, the folder's own path left out."""
    return [str(problem).replace(f"{folder}/", "") for problem in problems_of(folder, text)]
