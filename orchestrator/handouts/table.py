"""cards.csv: every participant's credentials for a spreadsheet or a mail merge. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from pydantic import SecretStr

from orchestrator.identity.credentials import Credentials
from orchestrator.spreadsheet import cell

COLUMNS = (
    "id",
    "name",
    "email",
    "team",
    "api_base",
    "api_key",
    "webui_url",
    "webui_email",
    "webui_password",
    "webui_api_key",
    "models",
)


def credentials_csv(credentials: Iterable[Credentials]) -> bytes:
    """RFC 4180, UTF-8 with a byte order mark (without one Excel reads names in a local 8-bit code page).

    Read it in Python with `encoding="utf-8-sig"`. A cell that a spreadsheet would take for a formula gets an apostrophe
    before it. Derived keys and passwords begin with a letter, so they are never changed by this. Models are joined
    by spaces.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in _row(one)] for one in credentials)
    return text.getvalue().encode("utf-8-sig", errors="replace")


def _row(one: Credentials) -> tuple[str | SecretStr | None, ...]:
    who = one.participant
    return (
        who.id,
        who.name,
        who.email,
        who.team,
        one.api_base,
        one.api_key,
        one.webui_url,
        one.webui_email,
        one.webui_password,
        one.webui_api_key,
        " ".join(one.models),
    )


def _cell(value: str | SecretStr | None) -> str:
    return cell(value.get_secret_value() if isinstance(value, SecretStr) else value or "")
