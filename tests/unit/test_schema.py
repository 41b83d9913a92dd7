"""The JSON Schema of workshop.yaml: the committed one is the program's, and every file that we ship follows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from orchestrator.spec.loader import load
from orchestrator.spec.schema import spec_schema
from tests.unit.spec_samples import VALID

ROOT = Path(__file__).parents[2]
SHIPPED = ["workshop.yaml", "examples/on-prem.yaml", "templates/init/workshop.yaml"]


def plain(text: str) -> Any:
    """As an editor sees it: times are text there."""
    yaml = YAML(typ="safe", pure=True)
    return json.loads(json.dumps(yaml.load(text), default=lambda time: time.isoformat()))


def problems(data: object) -> list[str]:
    return [error.message for error in Draft202012Validator(spec_schema()).iter_errors(data)]


def test_the_committed_schema_is_the_one_that_the_program_prints() -> None:
    """When this fails: workshop schema > docs/workshop.schema.json"""
    committed = (ROOT / "docs" / "workshop.schema.json").read_text(encoding="utf-8")
    assert committed == json.dumps(spec_schema(), indent=2) + "\n"
    Draft202012Validator.check_schema(spec_schema())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_follows_it_and_is_valid(name: str) -> None:
    assert problems(plain((ROOT / name).read_text(encoding="utf-8"))) == []
    assert load(ROOT / name).workshop.models


@pytest.mark.parametrize("name", SHIPPED[:2])
def test_the_first_line_leads_an_editor_to_the_schema(name: str) -> None:
    first = (ROOT / name).read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    target = (ROOT / name).parent / first.partition("$schema=")[2]
    assert target.resolve() == ROOT / "docs" / "workshop.schema.json"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("titel: x", "titel"),
        ("gateway: {prot: 1}", "prot"),
        ("gateway: {port: '8080'}", "8080"),
        ("webui: {mode: everybody}", "everybody"),
        ("handouts: {per_page: 7}", "7"),
    ],
)
def test_an_editor_marks_what_the_program_refuses(line: str, word: str) -> None:
    (message,) = problems(plain(VALID + line + "\n"))
    assert word in message


def test_every_key_of_the_top_level_is_described_or_named(tmp_path: Path) -> None:
    """The example that `workshop init` writes shows each section once."""
    shown = (ROOT / "templates/init/workshop.yaml").read_text(encoding="utf-8")
    missing = [key for key in spec_schema()["properties"] if f"{key}:" not in shown]
    assert missing in ([], ["timezone"])
