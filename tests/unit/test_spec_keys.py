"""A key that no section knows is refused at every level, and the nearest spelling is offered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from orchestrator.spec.loader import load
from orchestrator.spec.workshop import Workshop
from tests.unit.spec_samples import VALID, told

Steps = tuple[str | int, ...]
FULL = """\
name: class
title: A class
opens: 2026-12-01T08:30:00+01:00
closes: 2026-12-01T17:30:00+01:00
grace: {before: 15}
timezone: Europe/Zurich
public: {host: llm.example.org, tls: {cert: c.pem, key: k.pem}}
participants: {count: 3, spare: 1}
hosts: [{name: a, address: localhost, gpus: {count: 1, memory_gib: 24}}]
inventory: {path: hosts.ini, roles: {gpu: [inference]}, environment: {A: b}}
models: [{name: m, engine: vllm, source: o/m, args: {x: 1}, environment: {A: b}, size: {weights_gib: 1}, limits: {token_budget: 1}}, {name: e, engine: vllm, source: o/e, embeds: true}]
capacity: {at_once: 0.5}
limits: {requests_per_minute: 60, teams: {NAME: {token_budget: 1}}, participants: {NAME: {token_budget: 1}}}
gateway: {port: 8080}
webui:
  banners: [{text: t}]
  suggestions: [{title: t, prompt: p}]
  tool_servers: [{name: t, kind: openapi, url: "http://tools"}]
  connections: [{name: lab, url: "http://lab/v1", headers: {A: b}, models: [x]}]
  functions: [{file: f.py, valves: {a: b}}]
  embeddings: e
  knowledge: [{name: k, files: [notes]}]
  participants_may: [knowledge]
  presets: [{name: q, model: m, suggestions: [{title: t, prompt: p}]}]
handouts: {paper: a4}
archive: {required: true}
images: {source: auto, login: {user: u, password: "${env:SHELL}"}}
practice: true
"""


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, Steps]:
    """The section that a field holds, and the step that leads into a list or mapping of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ()
    inside: dict[Any, Steps] = {list: (0,), dict: ("NAME",)}
    for part in get_args(annotation):
        found, step = _model_in(part)
        if found:
            return found, step or inside.get(get_origin(annotation), ())
    return None, ()


def _sections(section: type[BaseModel] = Workshop, at: Steps = ()) -> Iterator[tuple[Steps, type[BaseModel]]]:
    """Every section of the spec, wherever it stands: a new one is found by itself."""
    yield at, section
    for name, field in section.model_fields.items():
        inner, step = _model_in(field.annotation)
        if inner:
            yield from _sections(inner, (*at, name, *step))


SECTIONS = list(_sections())
DATA = YAML(typ="safe").load(FULL)
FIELDS = [(at, name) for at, section in SECTIONS for name in section.model_fields]


def _changed(tmp_path: Path, at: Steps, keys: dict[str, object]) -> list[str]:
    section = data = deepcopy(DATA)
    for step in at:
        section = section[step]
    section.update(keys)
    return told(tmp_path, json.dumps(data, indent=1, default=datetime.isoformat))  # which is YAML, too


def _dotted(at: Steps) -> str:
    text = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in at)
    return text.removeprefix(".")


def test_the_sample_holds_every_section_and_is_valid(tmp_path: Path) -> None:
    (tmp_path / "full.yaml").write_text(FULL, encoding="utf-8")
    assert load(tmp_path / "full.yaml").workshop.name == "class"
    assert len(SECTIONS) >= 15


@pytest.mark.parametrize("at", [at for at, _ in SECTIONS], ids=lambda at: _dotted(at) or "top")
def test_an_unknown_key_is_refused_at_every_level(tmp_path: Path, at: Steps) -> None:
    lines = _changed(tmp_path, at, {"zzz": 1})
    assert len(lines) == 1
    assert f"unknown key {_dotted((*at, 'zzz'))}" in lines[0]


@pytest.mark.parametrize(("at", "section"), SECTIONS, ids=lambda part: _dotted(part) if isinstance(part, tuple) else "")
def test_misspelt_keys_are_answered_with_the_right_ones(tmp_path: Path, at: Steps, section: type[BaseModel]) -> None:
    fields = list(section.model_fields)
    lines = _changed(tmp_path, at, {f"{name}s": 1 for name in fields})
    assert len(lines) == len(fields)
    for name in fields:
        key = f"unknown key {_dotted((*at, f'{name}s'))}. Did you mean"
        assert sum(key in line for line in lines) == 1, lines


@pytest.mark.parametrize(("at", "name"), FIELDS, ids=lambda part: part if isinstance(part, str) else _dotted(part))
def test_a_value_of_a_wrong_type_is_told_with_its_place(tmp_path: Path, at: Steps, name: str) -> None:
    """No field takes a list of lists."""
    lines = _changed(tmp_path, at, {name: [[[]]]})
    assert len(lines) == 1, lines
    assert _dotted((*at, name)) in lines[0]
    assert ", got " in lines[0]
    assert lines[0].split(":")[1].isdigit()


def test_a_key_that_is_like_no_other_gets_the_list_of_those_known(tmp_path: Path) -> None:
    known = "mode, url, admin_key, port, domain, bare, subnets, database, welcome, banners, suggestions, default_models, presets, functions, embeddings, knowledge, tool_servers, connections, participants_may"
    assert told(tmp_path, VALID + "webui: {qqq: 1}\n") == [
        f"workshop.yaml:8:9: unknown key webui.qqq. Known here: {known}"
    ]


@pytest.mark.parametrize("value", ["'3'", "3.0", "true", "[3]", "null"])
def test_values_are_never_made_to_fit(tmp_path: Path, value: str) -> None:
    """A number in quotes is text, and no number."""
    lines = told(tmp_path, VALID + f"gateway: {{port: {value}}}\n")
    assert len(lines) == 1
    assert "gateway.port: expected a whole number" in lines[0]
