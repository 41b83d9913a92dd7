"""Functions for Open WebUI out of the spec: read, their kind told from their text, none of it run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from orchestrator.errors import UserError
from orchestrator.spec import functions as given
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.spec.values import SecretReference
from orchestrator.webui.wanted import Function
from orchestrator.workflow.wanted.files import content_of

KINDS = {"Pipe": "pipe", "Filter": "filter", "Action": "action"}  # in the server's order, where a file has several
LIMIT = 1024 * 1024


def functions(spec: Spec) -> tuple[Function, ...]:
    """Raises UserError with the line of the one that can't be used."""
    return tuple(_function(spec, index, one) for index, one in enumerate(spec.workshop.webui.functions))


def function_problems(spec: Spec) -> Iterator[UserError]:
    """A problem for each that can't be used; what its valves refer to is told with the other secrets."""
    for index, one in enumerate(spec.workshop.webui.functions):
        try:
            _kind(spec, index, one, _text(spec, index, one))
        except UserError as problem:
            yield problem


def _function(spec: Spec, index: int, one: given.Function) -> Function:
    text = _text(spec, index, one)
    return Function(
        id=one.name,
        kind=_kind(spec, index, one, text),
        title=one.title or one.name,
        description=one.description or "",
        content=text,
        valves={name: _value(spec, value) for name, value in one.valves.items()},
        models=tuple(one.models or ()),
        teams=teams.given(one.teams),
    )


def _value(spec: Spec, value: object) -> object:
    return spec.secret(value) if isinstance(value, SecretReference) else value


def _text(spec: Spec, index: int, one: given.Function) -> str:
    content = content_of(spec, one.file, LIMIT, lambda message: _unusable(spec, index, message))
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _unusable(spec, index, f"{one.file} is not UTF-8 text") from None


def _kind(spec: Spec, index: int, one: given.Function, text: str) -> str:
    try:
        names = {node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
    except (SyntaxError, ValueError) as problem:
        line = f", line {problem.lineno}" if isinstance(problem, SyntaxError) else ""
        raise _unusable(spec, index, f"{one.file}{line}: {getattr(problem, 'msg', problem)}") from None
    for name, kind in KINDS.items():
        if name in names:
            return _fitting(spec, index, one, kind)
    raise _unusable(spec, index, f"{one.file} has no class Filter, Pipe or Action")


def _fitting(spec: Spec, index: int, one: given.Function, kind: str) -> str:
    if kind == "pipe" and one.models:
        raise _unusable(spec, index, f"{one.file} is a pipe: it adds models, and models: is for filters and actions")
    if kind != "pipe" and one.teams:
        raise _unusable(spec, index, f"{one.file} is a {kind}: who it is for follows from models:, teams: is for pipes")
    return kind


def _unusable(spec: Spec, index: int, message: str) -> UserError:
    return spec.problem(("webui", "functions", index, "file"), "function_unusable", message)
