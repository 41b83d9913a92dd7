"""A report as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from orchestrator.errors import UserError, Where
from orchestrator.spreadsheet import cell
from orchestrator.usage.report import Row

COLUMNS = tuple(field.name for field in fields(Row))


def report_csv(rows: Iterable[Row]) -> bytes:
    """RFC 4180, UTF-8 with a byte order mark. Reasons are written `reason=number`, with blanks between them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_shown(getattr(row, column)) for column in COLUMNS] for row in rows)
    return text.getvalue().encode("utf-8-sig", errors="replace")


def write_csv(file: Path, rows: Iterable[Row]) -> None:
    """Raises UserError `csv_not_written`."""
    try:
        file.write_bytes(report_csv(rows))
    except OSError as problem:
        raise UserError(
            "csv_not_written",
            f"it could not be written: {problem.strerror}",
            where=Where(file=file),
            hint="Name another.",
        ) from problem


def _shown(value: object) -> object:
    if isinstance(value, Mapping):
        return " ".join(f"{reason}={number}" for reason, number in value.items())
    return cell(value) if isinstance(value, str) else value
