"""A YAML file as plain values that remember their line and column."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orchestrator.errors import SpecError, UserError, Where

Path_ = tuple[str | int, ...]
MERGE = "tag:yaml.org,2002:merge"
MOST_BYTES = 1_000_000
MOST_VALUES = 50_000  # aliases can blow up a small file
MOST_DEPTH = 50  # of mappings and lists in each other
DEEPEST = 50


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """From 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A value that came from another file: what it is called there, and where it stands."""

    name: str
    where: Where


@dataclass(slots=True)
class Document:
    """`data` as JSON-like values; `values` and `keys` say where each stands."""

    file: Path
    data: Any = None
    values: dict[Path_, Place] = field(default_factory=dict)
    keys: dict[Path_, Place] = field(default_factory=dict)
    borrowed: dict[Path_, Borrowed] = field(default_factory=dict)

    def where(self, path: Path_, *, key: bool = False) -> Where:
        """The place of a value (or its key), else of the nearest thing around it that is in the file."""
        if key and path in self.keys:
            place = self.keys[path]
        else:
            while path and path not in self.values:
                if path in self.borrowed:
                    return self.borrowed[path].where
                path = path[:-1]
            place = self.values.get(path, Place(1, 1))
        return Where(file=self.file, line=place.line, column=place.column)

    def name(self, path: Path_) -> str:
        """What a value is called where it stands: `hosts[1].port`, or the variable of an inventory."""
        for length in range(len(path), 0, -1):
            if borrowed := self.borrowed.get(path[:length]):
                return borrowed.name + _dotted(path[length:], borrowed.name)
        return _dotted(path)


def _dotted(path: Path_, before: str = "") -> str:
    text = before
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(before).removeprefix("" if before else ".")


def read_text(file: Path) -> str:
    """What stands in the file. Raises SpecError."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SpecError([UserError("spec_unreadable", "is not UTF-8 text", where=Where(file=file))]) from None
    except OSError as problem:
        hint = "workshop init writes one" if isinstance(problem, FileNotFoundError) else None
        message = (problem.strerror or str(problem)).lower()
        raise SpecError([UserError("spec_unreadable", message, where=Where(file=file), hint=hint)]) from None
    if len(text) > MOST_BYTES:
        raise SpecError([UserError("spec_unreadable", "is larger than 1 MB", where=Where(file=file))])
    return text


def read_document(file: Path, text: str) -> Document:
    """Read one YAML 1.2 document. Raises SpecError with the line for anything that is not readable YAML."""
    document = Document(file)
    yaml = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML allows it: the later one counts from there on
            node = yaml.compose(text)
        document.data = _Reader(document, yaml).read(node, ()) if node is not None else None
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        where = Where(file=file, line=mark.line + 1, column=mark.column + 1) if mark else Where(file=file)
        raise SpecError(
            [UserError("yaml_syntax", f"not valid YAML: {problem.problem or problem.context}", where=where)]
        ) from None
    except (YAMLError, ValueError, RecursionError) as problem:
        first = (str(problem).splitlines() or ["unreadable"])[0]
        raise SpecError([UserError("yaml_syntax", f"not valid YAML: {first}", where=Where(file=file))]) from None
    return document


class _Reader:
    def __init__(self, document: Document, yaml: YAML) -> None:
        self.document = document
        self.constructor = yaml.constructor
        self.count = 0
        self.merging = 0  # how deep in merges of merges

    def read(self, node: Node, path: Path_) -> Any:
        self.count += 1
        if self.count > MOST_VALUES or len(path) > DEEPEST:
            raise self._problem(node, "too many values: is an anchor used inside itself?")
        self.document.values[path] = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        raise self._problem(node, "only mappings, lists and plain values are allowed")

    def _bound(self, node: Node, depth: int) -> None:
        self.count += 1
        if self.count > MOST_VALUES or depth > MOST_DEPTH:
            raise self._problem(node, "too many values: is an anchor used inside itself?")

    def _scalar(self, node: ScalarNode) -> Any:
        if str(node.tag) == "tag:yaml.org,2002:timestamp":  # times are read by the spec, which knows its time zone
            return str(node.value)
        try:
            value = self.constructor.construct_object(node, deep=True)
        except (ValueError, LookupError):
            raise self._problem(node, f"{node.value[:20]!r} cannot be read as {node.tag}") from None
        if value is None or isinstance(value, str | int | float | bool):
            return value
        raise self._problem(node, "only text, numbers, true, false and null are allowed")

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if str(key_node.tag) == MERGE:
                merged.extend(value_node.value if isinstance(value_node, SequenceNode) else [value_node])
                continue
            if not isinstance(key_node, ScalarNode):
                raise self._problem(key_node, "a key must be plain text")
            key = str(key_node.value)
            if key in result:
                raise self._problem(key_node, f"the key {key!r} stands here twice")
            self.document.keys[*path, key] = Place(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            result[key] = self.read(value_node, (*path, key))
        for source in merged:
            if not isinstance(source, MappingNode):
                raise self._problem(source, "<<: needs a mapping")
            self.merging += 1
            self._bound(source, self.merging)
            self._merge(source, path, result)
            self.merging -= 1
        return result

    def _merge(self, source: MappingNode, path: Path_, result: dict[str, Any]) -> None:
        """Add what is not there yet. Its places are noted apart: those of keys that are there must stay."""
        document, depth = self.document, len(path)
        self.document = Document(document.file)
        try:
            merged = self._mapping(source, path)
        finally:
            added, self.document = self.document, document
        for places, new in ((document.values, added.values), (document.keys, added.keys)):
            places.update({place: at for place, at in new.items() if place[depth] not in result})
        result.update({key: value for key, value in merged.items() if key not in result})

    @staticmethod
    def _problem(node: Node, message: str) -> MarkedYAMLError:
        return MarkedYAMLError(problem=message, problem_mark=node.start_mark)
