"""Parts that need no Open WebUI: the accounts as a table, usage, and the spec as it was written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields

from orchestrator.archive.names import safe
from orchestrator.errors import UserError, Where
from orchestrator.identity.participant import Participant
from orchestrator.spec.loader import Spec
from orchestrator.spreadsheet import cell
from orchestrator.usage.table import report_csv
from orchestrator.workflow.archives.gathering import Gathering
from orchestrator.workflow.usage import Usage

SPEC = "spec"


@dataclass(frozen=True, slots=True)
class AccountRow:
    """Who took part, and with which account. `role` is Open WebUI's; None: no account is known."""

    participant: str | None  # None: added at Open WebUI by hand, or the instructor's
    name: str | None
    email: str
    team: str | None
    state: str | None
    role: str | None
    account: str | None  # its id there


def accounts(
    people: Sequence[Participant], workshop: str, users: Sequence[Mapping[str, object]], ids: Mapping[str, str]
) -> tuple[AccountRow, ...]:
    """`users` as Open WebUI lists them, `ids` theirs by the participant's."""
    left = {str(user["id"]): user for user in users}
    found = []
    for person in people:
        user = left.pop(ids.get(person.id, ""), None)
        found.append(
            AccountRow(
                participant=person.id,
                name=person.name,
                email=str(user["email"]) if user else person.webui_email(workshop),
                team=person.team,
                state=person.state,
                role=str(user["role"]) if user else None,
                account=str(user["id"]) if user else None,
            )
        )
    for key, user in left.items():
        name, email, role = (str(user[field]) for field in ("name", "email", "role"))
        found.append(AccountRow(None, name, email, team=None, state=None, role=role, account=key))
    return tuple(found)


def put_accounts(gathering: Gathering, rows: Sequence[AccountRow]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([field.name for field in fields(AccountRow)])
    writer.writerows([cell(value) if value else "" for value in astuple(row)] for row in rows)
    gathering.writer.put("accounts.csv", text.getvalue().encode("utf-8-sig", errors="replace"))
    gathering.writer.json("accounts.json", [asdict(row) for row in rows])
    gathering.counts["accounts"] += len(rows)


def put_usage(gathering: Gathering, found: Usage) -> None:
    gathering.writer.put("usage/usage.csv", report_csv(found.rows))
    lines = [json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in found.rows]
    gathering.writer.text("usage/usage.jsonl", "".join(lines))
    gathering.counts["requests"] += found.total.requests
    if found.problem:
        gathering.lacks("the last requests", found.problem)


def put_spec(gathering: Gathering, spec: Spec) -> None:
    """With references to secrets as references, and the roster beside it."""
    roster = spec.workshop.participants.roster
    for file in (spec.file, *([spec.path(roster)] if roster else [])):
        try:
            content = file.read_bytes()
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            gathering.lacks(file.name, UserError("spec_unreadable", reason, where=Where(file=file)))
        else:
            gathering.writer.put(gathering.writer.place(SPEC, safe(file.name, "workshop.yaml")), content)
