"""workshop.yaml from file to `Workshop`: every problem found in one reading, each with its place and a remedy."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.errors import SpecError, UserError
from orchestrator.spec.document import Document, Path_, read_document
from orchestrator.spec.roster import RosterRow, read_roster
from orchestrator.spec.values import SecretReference
from orchestrator.spec.workshop import Workshop

ROUNDS = 6  # each finds the problems that earlier ones hid
_PLACEHOLDERS: dict[str, Any] = {
    "participants": {"count": 1},
    "models": [{"name": "x", "engine": "ollama", "source": "x"}],
    "engine": "ollama",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """A valid workshop.yaml, where it came from, and the people of its roster."""

    file: Path
    workshop: Workshop
    roster: tuple[RosterRow, ...] | None
    document: Document

    @property
    def folder(self) -> Path:
        """What relative paths in the file are relative to."""
        return self.file.parent

    def path(self, relative: Path) -> Path:
        return self.folder / relative.expanduser()

    def problem(self, at: Path_, code: str, message: str, hint: str | None = None) -> UserError:
        """An error about a place in the file, for checks that come after reading it."""
        return UserError(code, message, where=self.document.where(at), hint=hint)

    def secret_problems(self) -> list[UserError]:
        """A problem for each secret that cannot be read now."""
        found = []
        for at, reference in self.secret_references():
            try:
                reference.reveal(self.folder)
            except UserError as problem:
                found.append(self.problem(at, problem.code, problem.message, problem.hint))
        return found

    def secret_references(self) -> list[tuple[Path_, SecretReference]]:
        found: list[tuple[Path_, SecretReference]] = []
        for index, model in enumerate(self.workshop.models):
            if model.api_key:
                found.append((("models", index, "api_key"), model.api_key))
            found += [
                (("models", index, "environment", name), value)
                for name, value in model.environment.items()
                if isinstance(value, SecretReference)
            ]
        return found


def load(file: Path, *, practice: bool | None = None) -> Spec:
    """Read and check a workshop.yaml; `practice` overrides its own switch.

    Raises SpecError with all problems found.
    """
    file = Path(file).absolute()
    document = read_document(file)
    data = document.data
    if not isinstance(data, dict):
        message = "is empty" if data is None else "expected a mapping of sections like name:, participants:, models:"
        raise SpecError([UserError("spec_invalid", message, where=document.where(()), hint="workshop init shows one")])
    if practice is not None:
        data = {**data, "practice": practice}
    workshop, problems = _validate(document, data)
    roster, roster_problems = _roster(document, data)
    if problems or roster_problems or workshop is None:
        raise SpecError(
            sorted(
                [*problems, *roster_problems], key=lambda p: (str(p.where.file), p.where.line or 0, p.where.column or 0)
            )
        )
    return Spec(file, workshop, roster, document)


def _roster(document: Document, data: dict[str, Any]) -> tuple[tuple[RosterRow, ...] | None, list[UserError]]:
    section = data.get("participants")
    path = section.get("roster") if isinstance(section, dict) else None
    if not isinstance(path, str) or not path:
        return None, []
    return read_roster(document.file.parent / Path(path).expanduser(), document.where(("participants", "roster")))


def _validate(document: Document, data: dict[str, Any]) -> tuple[Workshop | None, list[UserError]]:
    """Validate, mend what is wrong in a copy, and validate again: a typo must not hide the other problems."""
    data = copy.deepcopy(data)
    problems: list[UserError] = []
    mended: set[Path_] = set()
    for _ in range(ROUNDS):
        try:
            workshop = Workshop.model_validate(data)
        except ValidationError as error:
            details = _expand(error.errors(include_url=False), data)
        else:
            return (None if mended else workshop), problems
        fresh = [
            detail
            for detail in details
            if not any(_within(path, detail.path) or _within(detail.path, path) for path in mended)
        ]
        problems += [_explain(document, detail) for detail in fresh]
        for detail in details:
            _mend(data, detail)
            mended.add(detail.path)
    return None, problems


@dataclass(frozen=True, slots=True)
class _Detail:
    path: Path_
    kind: str
    message: str
    given: Any
    expected: str


def _expand(errors: list[ErrorDetails], data: dict[str, Any]) -> list[_Detail]:
    details: dict[tuple[Path_, str], _Detail] = {}
    for error in errors:
        context = error.get("ctx") or {}
        path = _real_path(error["loc"], data, missing=error["type"] in {"missing", "extra_forbidden"})
        if error["type"] == "problems":
            for at, message in context["problems"]:
                details.setdefault(((*path, *at), message), _Detail((*path, *at), "problem", message, None, ""))
            continue
        kind = error["type"]
        details.setdefault(
            (path, kind), _Detail(path, kind, error["msg"], error.get("input"), str(context.get("expected", "")))
        )
    return list(details.values())


def _real_path(loc: tuple[str | int, ...], data: Any, *, missing: bool) -> Path_:
    """Pydantic's location without the words that it adds for unions and functions: only what is in the file."""
    path: list[str | int] = []
    for index, step in enumerate(loc):
        if isinstance(data, dict) and step in data:
            data = data[step]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        elif not (missing and index == len(loc) - 1):
            break
        path.append(step)
    return tuple(path)


def _within(outer: Path_, inner: Path_) -> bool:
    return inner[: len(outer)] == outer


def _mend(data: Any, detail: _Detail) -> None:
    """Take the wrong value out, or put something harmless where a value is missing."""
    for step in detail.path[:-1]:
        data = data[step]
    if not detail.path or not isinstance(data, dict):
        return
    last = str(detail.path[-1])
    if detail.kind == "missing":
        data[last] = copy.deepcopy(_PLACEHOLDERS.get(last, f"x{id(data)}"))
    else:
        data.pop(last, None)


def _explain(document: Document, detail: _Detail) -> UserError:
    path = detail.path
    name = _dotted(path)
    if detail.kind == "extra_forbidden":
        near = _nearest(path)
        hint = f"Did you mean {near!r}?" if near else f"Known here: {', '.join(_fields(path[:-1]))}"
        return UserError("unknown_key", f"unknown key {name}", where=document.where(path, key=True), hint=hint)
    if detail.kind == "missing":
        return UserError("missing_key", f"{name} is missing", where=document.where(path[:-1]), hint=_describe(path))
    if detail.kind == "problem":
        return UserError(
            "spec_invalid", f"{name}: {detail.message}" if name else detail.message, where=document.where(path)
        )
    return UserError(
        "wrong_value",
        f"{name}: {_expected(detail)}, got {_shown(detail.given)}",
        where=document.where(path),
        hint=_close_value(detail),
    )


def _expected(detail: _Detail) -> str:
    words = {
        "string_type": "expected text",
        "int_type": "expected a whole number",
        "float_type": "expected a number",
        "bool_type": "expected true or false",
        "list_type": "expected a list",
        "dict_type": "expected a mapping",
        "model_type": "expected a mapping",
        "model_attributes_type": "expected a mapping",
        "path_type": "expected a path",
        "datetime_type": "expected a time like 2026-12-01T08:30:00+01:00",
        "too_short": "expected at least one entry",
    }
    if detail.kind in words:
        return words[detail.kind]
    if detail.expected and detail.kind in {"enum", "literal_error"}:
        return f"expected {detail.expected}"
    if detail.kind == "string_pattern_mismatch":
        return _pattern_in_words(detail)
    return detail.message[:1].lower() + detail.message[1:].replace("Input should be", "expected").replace(
        "input should be", "expected"
    )


def _pattern_in_words(detail: _Detail) -> str:
    last = detail.path[-1] if detail.path else ""
    if last == "base_url":
        return "expected a URL like https://api.example.org/v1"
    if last == "name" and detail.path[0] == "models":
        return "expected letters, digits and . _ : / - (at most 80)"
    if last == "name" or (last == "host" and detail.path[0] == "models"):
        return "expected a DNS label: lower-case letters, digits and hyphens, a letter first, at most 40"
    return "expected plain letters, digits, dots and hyphens"


def _shown(value: Any) -> str:
    """The value as it stands in the file, short; what could be a secret's text is not repeated."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "an empty list" if not value else "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value) if len(value) <= 40 else f"text of {len(value)} characters"
    return str(value)


def _close_value(detail: _Detail) -> str | None:
    if not (detail.expected and isinstance(detail.given, str)):
        return None
    options = [word.strip("'\" ") for part in detail.expected.split(",") for word in part.split(" or ")]
    near = get_close_matches(detail.given, options, n=1)
    return f"Did you mean {near[0]!r}?" if near else None


def _section(path: Path_) -> type[BaseModel] | None:
    """The class of the mapping at this path; None where keys are free."""
    model: type[BaseModel] | None = Workshop
    for step in path:
        if isinstance(step, int):
            continue
        info = model.model_fields.get(step) if model else None
        model = _model_in(info.annotation) if info else None
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _fields(path: Path_) -> list[str]:
    section = _section(path)
    return list(section.model_fields) if section else []


def _nearest(path: Path_) -> str | None:
    near = get_close_matches(str(path[-1]), _fields(path[:-1]), n=1, cutoff=0.5)
    return near[0] if near else None


def _describe(path: Path_) -> str | None:
    section = _section(path[:-1])
    info = section.model_fields.get(str(path[-1])) if section else None
    return info.description.split(";")[0] if info and info.description else None


def _dotted(path: Path_) -> str:
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")
