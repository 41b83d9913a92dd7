"""The roster: a CSV file with the people of a class, its problems by line."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UserError, Where
from orchestrator.spec.people import MOST

REQUIRED = ("name", "email")
OPTIONAL = ("team", "id")
_MAIL = re.compile(r"^[^\s\x00-\x1f\x7f@\"'<>(),;:\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")
_TEAM = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,38}[A-Za-z0-9])?$")
_ID = re.compile(r"^[\w.@-]{1,64}$")
_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0xFEFF])
OWN_DOMAIN = ".workshop.local"  # of the addresses that seats, the instructor and `verify` sign in with
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row of the roster: stripped text, empty cells as None."""

    name: str | None
    email: str | None
    team: str | None = None
    id: str | None = None  # the row's own `id` column, not the participant's id
    line: int | None = None  # where the row begins in the file, from 1

    @property
    def mail(self) -> str | None:
        return self.email.lower() if self.email else None

    @property
    def binding(self) -> str | None:
        """What this person is known by, as the state keeps it: the id column, else the mail."""
        if self.id:
            return f"id:{self.id}"
        return f"mail:{self.mail}" if self.mail else None


def read_roster(file: Path, named_at: Where) -> tuple[tuple[RosterRow, ...], list[UserError]]:
    """All rows, and all problems with their lines. `named_at` is where workshop.yaml names the file."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return (), [
            UserError("roster_unreadable", "is not UTF-8 text", where=Where(file=file), hint="Save it as CSV UTF-8")
        ]
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        return (), [UserError("roster_unreadable", f"cannot read the roster {file}: {reason}", where=named_at)]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    problems: list[UserError] = []
    rows: list[RosterRow] = []
    try:
        header = [column.strip().lower() for column in next(reader, [])]
        problems += _header_problems(file, header)
        if problems:
            return (), problems
        start = reader.line_num + 1
        for cells in reader:
            line, start = start, reader.line_num + 1
            if any(cell.strip() for cell in cells):
                row, found = _row(Where(file=file, line=line), header, cells)
                problems += found
                rows += [row] if row else []
    except csv.Error as problem:
        problems.append(
            UserError("roster_invalid", f"not valid CSV: {problem}", where=Where(file=file, line=reader.line_num))
        )
    problems += _duplicates(file, rows)
    if not rows and not problems:
        problems.append(
            UserError("roster_invalid", "names nobody", where=Where(file=file), hint="Add a row for each person")
        )
    if len(rows) > MOST:
        problems.append(
            UserError("roster_invalid", f"names {len(rows)} people; {MOST} is the most", where=Where(file=file))
        )
    return tuple(rows), problems


def _delimiter(text: str) -> str:
    """Spreadsheets of half of Europe write semicolons."""
    first = text.split("\n", 1)[0]
    return ";" if first.count(";") > first.count(",") else ","


def _header_problems(file: Path, header: list[str]) -> Iterator[UserError]:
    where = Where(file=file, line=1)
    hint = "The first line must be name,email[,team][,id]"
    for column in REQUIRED:
        if column not in header:
            yield UserError("roster_invalid", f"the column {column} is missing", where=where, hint=hint)
    for column in header:
        if column and column not in REQUIRED + OPTIONAL:
            yield UserError("roster_invalid", f"unknown column {column!r}", where=where, hint=hint)
        if column and header.count(column) > 1:
            yield UserError("roster_invalid", f"the column {column} stands twice", where=where, hint=hint)
            return


def _row(where: Where, header: list[str], cells: list[str]) -> tuple[RosterRow | None, list[UserError]]:
    values = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    name = clean_name(values.get("name", ""))
    email, team, own_id = (values.get(column) or None for column in ("email", "team", "id"))
    row = RosterRow(name, email, team, own_id, where.line)
    problem = next(_row_problems(row, header, cells), None)
    if problem:
        message, hint = problem
        return None, [UserError("roster_invalid", message, where=where, hint=hint)]
    return row, []


def _row_problems(row: RosterRow, header: list[str], cells: list[str]) -> Iterator[tuple[str, str | None]]:
    if any(cell.strip() for cell in cells[len(header) :]):
        yield f"{len(cells)} cells, but the header has {len(header)} columns", "Put names with commas in quotes"
    if not row.name:
        yield "the name is empty", None
    elif len(row.name) > LONGEST_NAME:
        yield f"the name has {len(row.name)} characters; {LONGEST_NAME} is the most", None
    if row.email is None and row.id is None:
        yield "a row needs an email or an id", None
    if row.email is not None and not (_MAIL.match(row.email) and row.email.isascii()):
        yield f"{row.email!r} is not a mail address", None
    if row.mail is not None and row.mail.endswith(OWN_DOMAIN):
        yield f"{row.email!r} ends in {OWN_DOMAIN}, which is for seats without a mail", "Leave the cell empty"
    if row.team is not None and not _TEAM.match(row.team):
        yield f"{row.team!r} is not a team name", "Letters, digits, blanks and . _ - only"
    if row.id is not None and not _ID.match(row.id):
        yield f"{row.id!r} is not an id", "Letters, digits and . _ - @ only"


def clean_name(name: str) -> str:
    """A name as one line of visible text: line breaks become blanks, controls and text-direction overrides go."""
    kept = (c for c in name.translate(_BIDI) if c.isspace() or unicodedata.category(c) not in {"Cc", "Cs", "Co"})
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", "".join(kept))).strip()


def newcomer(name: str, email: str, team: str | None) -> RosterRow:
    """Somebody named on the command line, by the roster's rules. Raises UserError `participant_invalid`."""
    row = RosterRow(clean_name(name), email.strip(), (team or "").strip() or None)
    problem = next(_row_problems(row, [], []), None)
    if problem:
        message, hint = problem
        raise UserError("participant_invalid", message, hint=hint)
    return row


def _duplicates(file: Path, rows: list[RosterRow]) -> Iterator[UserError]:
    for column in ("email", "id"):
        first: dict[str, int | None] = {}
        for row in rows:
            value = getattr(row, column)
            key = value.lower() if value else None
            if key is None:
                continue
            if key in first:
                yield UserError(
                    "roster_invalid",
                    f"the {column} {value} is on line {first[key]} already",
                    where=Where(file=file, line=row.line),
                    hint="Each person needs their own",
                )
            first.setdefault(key, row.line)
