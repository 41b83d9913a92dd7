"""Problems of workshop.yaml in words: what was expected, what is there, and the nearest spelling. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from orchestrator.errors import UserError
from orchestrator.spec.descriptions import descriptions
from orchestrator.spec.document import Document, Path_
from orchestrator.spec.workshop import Workshop
from orchestrator.spelling import did_you_mean, nearest

_PERHAPS_SECRET = frozenset({"api_key", "environment", "args", "headers", "query"})
LONGEST_SHOWN = 40  # characters of a wrong value that an error repeats


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that Pydantic found, at its place in the file."""

    path: Path_
    kind: str
    message: str
    given: Any
    expected: str
    hint: str | None = None
    looked_in: Path_ = ()


def explain(document: Document, same: Sequence[Detail]) -> UserError:
    """One problem out of what was found at one place; several where a value of several types is allowed."""
    detail = same[0]
    path = detail.path
    name = document.name(path)
    if detail.kind == "extra_forbidden":
        fields = _fields(path[:-1])
        hint = did_you_mean(nearest(str(path[-1]), fields)) or f"Known here: {', '.join(fields)}"
        return UserError("unknown_key", f"unknown key {name}", where=document.where(path, key=True), hint=hint)
    if detail.kind == "missing":
        return UserError("missing_key", f"{name} is missing", where=document.where(path[:-1]), hint=_describe(path))
    if detail.kind == "problem":
        message = f"{name}: {detail.message}" if name else detail.message
        return UserError("spec_invalid", message, where=document.where(path), hint=detail.hint)
    return UserError(
        "wrong_value",
        f"{name}: {_all_expected(same)}, got {_shown(detail)}",
        where=document.where(path),
        hint=_close_value(detail),
    )


def _all_expected(same: Sequence[Detail]) -> str:
    words = dict.fromkeys(_expected(detail) for detail in same)
    types = [word.removeprefix("expected ") for word in words if word.startswith("expected ")]
    return "; ".join(
        [f"expected {' or '.join(types)}", *(w for w in words if not w.startswith("expected "))][not types :]
    )


def _expected(detail: Detail) -> str:
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
        "is_instance_of": "expected a path",
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


def _pattern_in_words(detail: Detail) -> str:
    steps = set(detail.path)
    last = detail.path[-1] if detail.path else ""
    of_model = detail.path[:1] == ("models",)
    cases = (
        (last == "host_key", "expected SHA256: and 43 characters, as ssh-keygen -lf prints it"),
        (last == "jump", "expected USER@ADDRESS:PORT, or ADDRESS alone"),
        (last == "base_url", "expected a URL like https://api.example.org/v1"),
        (last in {"headers", "api_key_header"}, "expected the name of a header: letters, digits and hyphens"),
        ("headers" in steps, "expected the name of a header (letters, digits and hyphens) and one line of text"),
        ("query" in steps, "expected a name of letters, digits and . _ -, and a value of plain ASCII"),
        (
            detail.path[:2] == ("inventory", "labels"),
            "expected the name of a variable: letters, digits and _",
        ),
        ("environment" in steps, "expected a variable's name: letters, digits and _"),
        ("args" in steps, "expected an argument's name without its dashes, like max_num_seqs"),
        ({"limits", "participants"} <= steps, "expected a participant's id or mail"),
        (
            bool(steps & {"teams", "instructors"}),
            "expected the name of a team: letters, digits, blanks and . _ - (at most 40)",
        ),
        (
            of_model and (last == "name" or bool(steps & {"fallback", "aliases"})),
            "expected letters, digits and . _ : / - (at most 80)",
        ),
        (
            last == "name" or (last == "host" and of_model),
            "expected a DNS label: lower-case letters, digits and hyphens, a letter first, at most 40",
        ),
    )
    return next((words for applies, words in cases if applies), "expected plain letters, digits, dots and hyphens")


def _shown(detail: Detail) -> str:
    """The value as it stands in the file, short; what could be a secret's text is not repeated."""
    value = detail.given
    if isinstance(value, str) and _perhaps_secret(detail):
        return "text that is not repeated here"
    kinds = {dict: "a mapping", list: "a list" if value else "an empty list", type(None): "nothing"}
    if type(value) in kinds:
        return kinds[type(value)]
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return shown if len(shown) <= LONGEST_SHOWN else f"{len(shown)} characters"


def _perhaps_secret(detail: Detail) -> bool:
    """Keys of providers, values of headers and of the environment, and URLs with more than a path in them."""
    with_more = detail.path[-1:] == ("base_url",) and not {*"@?#"}.isdisjoint(detail.given)
    return with_more or not _PERHAPS_SECRET.isdisjoint(detail.path)


def _close_value(detail: Detail) -> str | None:
    if not (detail.expected and isinstance(detail.given, str)):
        return None
    options = [word.strip("'\" ") for part in detail.expected.split(",") for word in part.split(" or ")]
    return did_you_mean(nearest(detail.given, options))


def _section(path: Path_) -> type[BaseModel] | None:
    """The class of the mapping at this path; None where keys are free."""
    model: type[BaseModel] | None = Workshop
    by_name = False  # a mapping of sections: the next step is a name that is free
    for step in path:
        if isinstance(step, int) or by_name:
            by_name = False
            continue
        info = model.model_fields.get(step) if model else None
        model = _model_in(info.annotation) if info else None
        by_name = info is not None and get_origin(info.annotation) is dict
    return None if by_name else model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _fields(path: Path_) -> list[str]:
    section = _section(path)
    return list(section.model_fields) if section else []


def _describe(path: Path_) -> str | None:
    section = _section(path[:-1])
    text = descriptions(section).get(str(path[-1])) if section else None
    return text.split(";")[0] if text else None
