"""The program's errors: one base, and the narrow branch that is the user's to fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class WorkshopError(Exception):
    """Anything this program raises on purpose. A bare one is a bug: exit code 70."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a message is about: a place in a file, or a host and its service. All parts are optional."""

    file: Path | None = None
    line: int | None = None  # from 1
    column: int | None = None  # from 1
    host: str | None = None
    service: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        thing = "/".join(part for part in (self.host, self.service) if part)
        return ", ".join(part for part in (place, thing) if part)


class UserError(WorkshopError):
    """Something the user can fix: printed as one red line with the next step, exit code 1.

    `code` is a stable word for programs (`spec_invalid`, `lock_held`), `hint` says what to do now.
    """

    exit_code = 1

    def __init__(self, code: str, message: str, *, where: Where | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where or Where()
        self.hint = hint

    def __str__(self) -> str:
        place = str(self.where)
        line = f"{place}: {self.message}" if place else self.message
        return f"{line}. {self.hint}" if self.hint else line

    def as_dict(self) -> dict[str, object]:
        """The `error` object of `--output json`: every key is always there."""
        return {
            "code": self.code,
            "message": self.message,
            "file": str(self.where.file) if self.where.file else None,
            "line": self.where.line,
            "column": self.where.column,
            "host": self.where.host,
            "service": self.where.service,
            "hint": self.hint,
        }


class SpecError(UserError):
    """One or more problems in workshop.yaml or a file that it names; all of them, found in one reading."""

    def __init__(self, problems: Sequence[UserError]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more: workshop validate {first.where.file})" if len(problems) > 1 else ""
        super().__init__(first.code, first.message + more, where=first.where, hint=first.hint)
        self.problems = tuple(problems)


class HostError(UserError):
    """Some hosts failed, the rest stand: exit code 3."""

    exit_code = 3
