"""workshop.yaml from file to `Workshop`: every problem found in one reading, each with its place and a remedy."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.errors import SpecError, UserError
from orchestrator.spec.document import Borrowed, Document, Path_, Place, read_document, read_text
from orchestrator.spec.inventory_hosts import borrowed_hosts
from orchestrator.spec.roster import RosterRow, read_roster
from orchestrator.spec.secrets import secret_references
from orchestrator.spec.values import RelativePath, SecretReference, require_one_line
from orchestrator.spec.wording import Detail, explain
from orchestrator.spec.workshop import HOSTS_UNKNOWN, THIS_MACHINE, Workshop

_NOTHING = object()
_AT_FIRST = Place(0, 0)
ENOUGH = 100  # problems in one reading: more is another kind of file
ROUNDS = 6  # each finds the problems that earlier ones hid
_PLACEHOLDERS: dict[str, Any] = {
    "participants": {"count": 1},
    "models": [{"name": "x", "engine": "ollama", "source": "x"}],
    "engine": "ollama",
}
_ITEMS: dict[str, dict[str, Any]] = {"models": {"engine": "ollama", "source": "x"}, "hosts": {"address": "x"}}
TIMES = ("opens", "closes")
_PATH: TypeAdapter[Path] = TypeAdapter(RelativePath)


class InventoryUse(Enum):
    """What is done about an inventory that the spec names."""

    READ = auto()
    WITHOUT_PROGRAMS = auto()  # read, unless that would run a program or ask somebody
    LEFT = auto()


@dataclass(frozen=True, slots=True)
class Spec:
    """A valid workshop.yaml, where it came from, and the people of its roster."""

    file: Path
    workshop: Workshop
    roster: tuple[RosterRow, ...] | None
    document: Document
    text: str = ""  # of the file, as it was read
    data: Mapping[str, Any] = field(default_factory=dict)  # that was validated: the file's, with hosts of its inventory
    unread: str | None = None  # why the hosts of its inventory are not known; None: they are, or there is none

    @property
    def folder(self) -> Path:
        """What relative paths in the file are relative to."""
        return self.file.parent

    def path(self, relative: Path) -> Path:
        return self.folder / relative.expanduser()

    def problem(self, at: Path_, code: str, message: str, hint: str | None = None) -> UserError:
        """An error about a place in the file, for checks that come after reading it."""
        return UserError(code, message, where=self.document.where(at), hint=hint)

    def secret(self, reference: SecretReference) -> SecretStr:
        """What it refers to; in practice mode one that is not there is replaced by a word.

        Raises UserError `secret_missing`.
        """
        try:
            return reference.reveal(self.folder)
        except UserError:
            if self.workshop.practice:
                return SecretStr("practice")
            raise

    def secret_problems(self) -> list[UserError]:
        """A problem for each secret that cannot be read now."""
        found = []
        for at, reference in self.secret_references():
            try:
                secret = reference.reveal(self.folder)
                if "environment" not in at:  # the others become headers
                    require_one_line(secret)
            except UserError as problem:
                found.append(self.problem(at, problem.code, problem.message, problem.hint))
        return found

    def secret_references(self) -> list[tuple[Path_, SecretReference]]:
        """Every one, with its place; in the order of the file, once that was looked at."""
        places = self.document.values
        return sorted(secret_references(self.workshop), key=lambda found: places.get(found[0], _AT_FIRST))


def load(file: Path, *, practice: bool | None = None, inventory: InventoryUse = InventoryUse.READ) -> Spec:
    """Read and check a workshop.yaml; `practice` overrides its own switch.

    Practice mode needs no hosts, so it reads no inventory. Raises SpecError with all problems found.
    """
    file = Path(file).absolute()
    text = read_text(file)
    document = read_document(file, text)
    data = document.data
    if not isinstance(data, dict):
        message = "is empty" if data is None else "expected a mapping of sections like name:, participants:, models:"
        raise SpecError([UserError("spec_invalid", message, where=document.where(()), hint="workshop init shows one")])
    if practice is not None:
        data = {**data, "practice": practice}
    unread = None
    if data.get("inventory") is None:
        workshop, problems = _validate(document, data)
    else:
        workshop, problems, data, unread = _with_inventory(document, data, inventory)
    roster, roster_problems = load_roster(document, data)
    if problems or roster_problems or workshop is None:
        raise SpecError(
            sorted(
                [*problems, *roster_problems], key=lambda p: (str(p.where.file), p.where.line or 0, p.where.column or 0)
            )
        )
    return Spec(file, workshop, roster, document, text, data, unread)


def _with_inventory(
    document: Document, data: dict[str, Any], use: InventoryUse
) -> tuple[Workshop | None, list[UserError], dict[str, Any], str | None]:
    """The inventory is read when all else is right: nothing is asked of a cloud for the sake of a typing mistake."""
    workshop, problems = _validate(document, data, HOSTS_UNKNOWN)
    if workshop is None or workshop.inventory is None or problems:
        return workshop, problems, data, None
    if workshop.practice:
        return on_this_machine(workshop), [], data, "practice mode needs none"
    if use is InventoryUse.LEFT:
        return workshop, [], data, "it was not asked for"
    own = data.get("hosts") or []
    try:
        more = borrowed_hosts(document, workshop.inventory, own, programs=use is InventoryUse.READ)
    except SpecError as error:
        return None, list(error.problems), data, None
    if more.unread:
        return workshop, [], data, more.unread
    document.borrowed |= more.places
    if not own:
        document.borrowed["hosts",] = Borrowed("inventory", document.where(("inventory",)))
    data = {**data, "hosts": [*own, *more.sections]}
    return *_validate(document, data), data, None


def on_this_machine(workshop: Workshop) -> Workshop:
    """In practice mode, whatever hosts an inventory may have."""
    return workshop.model_copy(update={"hosts": [THIS_MACHINE]})


def load_roster(document: Document, data: dict[str, Any]) -> tuple[tuple[RosterRow, ...] | None, list[UserError]]:
    """The people of the roster that a spec names, and what is wrong with them; None: it names none."""
    section = data.get("participants")
    path = section.get("roster") if isinstance(section, dict) else None
    if not isinstance(path, str) or not path:
        return None, []
    try:
        relative = _PATH.validate_python(path)
    except ValidationError:
        return None, []  # told by its section
    return read_roster(document.file.parent / relative, document.where(("participants", "roster")))


def _validate(
    document: Document, data: dict[str, Any], context: str | None = None
) -> tuple[Workshop | None, list[UserError]]:
    """Validate, mend what is wrong in a copy, and validate again: a typo must not hide the other problems."""
    data = copy.deepcopy(data)
    problems: list[UserError] = []
    mended: set[Path_] = set()
    for _ in range(ROUNDS):
        try:
            workshop = Workshop.model_validate(data, context=context)
        except ValidationError as error:
            details = _expand(error.errors(include_url=False), data)
        else:
            return (None if mended else workshop), problems
        fresh = [
            detail
            for detail in details
            if not any(_within(path, detail.path) or _within(detail.path, path) for path in mended)
            and not (detail.looked_in and any(_within(detail.looked_in, path) for path in mended))
            and not (detail.kind == "problem" and (*detail.path[:2], "engine") in mended)  # of the placeholder
        ]
        problems += [explain(document, same) for same in _by_path(fresh)]
        if len(problems) >= ENOUGH:
            break
        for detail in details:
            _mend(data, detail)
            mended.add(detail.path)
    return None, problems


def _by_path(details: list[Detail]) -> list[list[Detail]]:
    """What is said of one place, together: a value that may be of several types is wrong once."""
    groups: dict[Path_ | tuple[Path_, str], list[Detail]] = {}
    for detail in details:
        several = detail.kind in {"problem", "missing", "extra_forbidden"}
        groups.setdefault((detail.path, detail.message) if several else detail.path, []).append(detail)
    return list(groups.values())


def _expand(errors: list[ErrorDetails], data: dict[str, Any]) -> list[Detail]:
    details: dict[tuple[Path_, str], Detail] = {}
    for error in errors:
        context = error.get("ctx") or {}
        path = _real_path(error["loc"], data, missing=error["type"] in {"missing", "extra_forbidden"})
        if error["type"] == "problems":
            for at, message, hint, looked_in in context["problems"]:
                told = Detail((*path, *at), "problem", message, None, "", hint, looked_in)
                details.setdefault((told.path, message), told)
            continue
        kind = error["type"]
        details.setdefault(
            (path, kind), Detail(path, kind, error["msg"], error.get("input"), str(context.get("expected", "")))
        )
    return list(details.values())


def _real_path(loc: tuple[str | int, ...], data: Any, *, missing: bool) -> Path_:
    """Pydantic's location without the words that it adds for unions and functions: only what is in the file."""
    path: list[str | int] = []
    for index, step in enumerate(loc):
        found = _child(data, step)
        if found is _NOTHING and not (missing and index == len(loc) - 1):
            continue
        data = found
        path.append(step)
    return tuple(path)


def _child(data: Any, step: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(step, _NOTHING)
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        return data[step]
    return _NOTHING


def _within(outer: Path_, inner: Path_) -> bool:
    return inner[: len(outer)] == outer


def _mend(data: Any, detail: Detail) -> None:
    """Take the wrong value out, or put something harmless where a value is missing."""
    for index, step in enumerate(detail.path[:-1]):
        if isinstance(data, dict) and step not in data:
            return  # taken out already
        last_section = isinstance(step, str) and isinstance(data[step], list)
        if last_section and index == len(detail.path) - 2:
            _mend_item(data, str(step), int(detail.path[-1]))
            return
        data = data[step]
    if not detail.path or not isinstance(data, dict):
        return
    last = str(detail.path[-1])
    if detail.kind == "missing":
        data[last] = copy.deepcopy(_PLACEHOLDERS.get(last, f"x{id(data)}"))
    else:
        for gone in (*TIMES, "grace") if last in TIMES else (last,):  # one without the others is wrong too
            data.pop(gone, None)


def _mend_item(data: dict[str, Any], name: str, index: int) -> None:
    """Of a list of sections only the wrong one is replaced, so that the others are still compared with each other."""
    item = data[name][index]
    if name not in _ITEMS:
        data.pop(name)
        if name == "roles":
            data[name] = ["inference"]  # any number of hosts may have it
            data["private"] = "x"  # and then it must be reached from elsewhere
        return
    own_name = item.get("name") if isinstance(item, dict) else None
    data[name][index] = {**_ITEMS[name], "name": own_name or f"x{index}"}
