"""The collected requests added up: by participant, team, model, hour, and what else a line says."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from orchestrator.local_time import offsets
from orchestrator.state.database import Value
from orchestrator.usage.store import UsageStore

HOUR = 3600
HANGUP = 499  # nginx's status for a caller who left before the answer began


class By(StrEnum):
    """What to add up by."""

    PARTICIPANT = "participant"
    TEAM = "team"
    MODEL = "model"
    HOUR = "hour"
    VIA = "via"
    BACKEND = "backend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report. What it was not asked to be added up by is None."""

    participant: str | None
    name: str | None  # of the participant
    team: str | None  # the participant's, too
    model: str | None
    hour: str | None  # when it begins: ISO 8601 with offset
    via: str | None  # api: with the own key; webui: through Open WebUI
    backend: str | None
    requests: int
    prompt_tokens: int
    completion_tokens: int
    estimated: int  # requests whose tokens the gateway had to guess
    errors: int  # answered with an error that was not the gateway's refusal
    refused: int
    refused_by_reason: Mapping[str, int]  # the most frequent first
    aborted: int  # the answer did not come to its end
    ttft_p50: float | None  # seconds to the first byte of an answer; None: there was none
    ttft_p95: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to add up, and what of it."""

    by: tuple[By, ...]
    names: Mapping[str, str | None]  # of the participants
    since: datetime | None = None
    until: datetime | None = None
    own: bool = False  # what the program itself asked too: _verify, _webui, ...
    zone: tzinfo | None = None  # of the hours; None: this machine's


Place = tuple[Value, ...]  # one value for each of `by`


def report(store: UsageStore, question: Question) -> tuple[Row, ...]:
    """In the order of `by`, each time what is None last. One row if there is nothing to add up by."""
    base, values = _base(store, question)
    places = tuple(f"k{number}" for number in range(len(question.by)))
    keys = "".join(f"{place}, " for place in places)
    group = f"GROUP BY {', '.join(places)}" if places else ""
    window = f"PARTITION BY {', '.join(places)}" if places else ""

    def asked(statement: str) -> list[tuple[Place, sqlite3.Row]]:
        return [(tuple(row[place] for place in places), row) for row in store.rows(f"{base} {statement}", values)]

    sums = asked(
        f"""SELECT {keys} count(*) AS requests, total(prompt_tokens) AS prompt, total(completion_tokens) AS completion,
            total(estimated) AS estimated, total(refused) AS refused, total(NOT complete) AS aborted,
            total(status >= 400 AND status != {HANGUP} AND NOT refused) AS errors FROM base {group}"""  # noqa: S608
    )
    times = dict(
        asked(
            f""", ranked AS (SELECT {keys} ttft_ms, row_number() OVER ({window} ORDER BY ttft_ms) AS place,
                count(*) OVER ({window}) AS number FROM base WHERE ttft_ms IS NOT NULL)
            SELECT {keys} min(ttft_ms) FILTER (WHERE place * 100 >= number * 50) / 1000.0 AS p50,
                min(ttft_ms) FILTER (WHERE place * 100 >= number * 95) / 1000.0 AS p95 FROM ranked {group}"""  # noqa: S608
        )
    )
    reasons: dict[Place, dict[str, int]] = {}
    for place, row in asked(
        f"""SELECT {keys} error, count(*) AS number FROM base WHERE refused
            GROUP BY {keys} error ORDER BY number DESC, error"""  # noqa: S608
    ):
        reasons.setdefault(place, {})[row["error"]] = row["number"]
    teams = store.teams()
    return tuple(
        _row(question, teams, place, row, times.get(place), reasons.get(place, {}))
        for place, row in sorted(sums, key=lambda found: [_order(value) for value in found[0]])
    )


def _base(store: UsageStore, question: Question) -> tuple[str, list[Value]]:
    """The requests that are asked about, with what to add up by as k0, k1, ..."""
    columns = {
        By.PARTICIPANT: "participant",
        By.TEAM: "teams.team",
        By.MODEL: "CASE error WHEN 'model_not_found' THEN NULL ELSE model END",  # people ask for any name
        By.HOUR: _hour(store, question.zone) if By.HOUR in question.by else "",
        By.VIA: "coalesce(ltrim(via, '_'), 'api')",
        By.BACKEND: "backend",
    }
    keys = "".join(f"{columns[key]} AS k{number}, " for number, key in enumerate(question.by))
    source = "requests LEFT JOIN teams USING (participant)" if By.TEAM in question.by else "requests"
    values: list[Value] = []
    where = ["1"] if question.own else ["(participant IS NULL OR substr(participant, 1, 1) != '_')"]
    for moment, comparison in ((question.since, ">="), (question.until, "<")):
        if moment is not None:
            where.append(f"at {comparison} ?")
            values.append(int(moment.timestamp()))
    statement = (
        f"WITH base AS (SELECT {keys} prompt_tokens, completion_tokens, estimated,"  # noqa: S608
        " status, error, complete, ttft_ms, error IS NOT NULL AND status < 500 AS refused"
        f" FROM {source} WHERE {' AND '.join(where)})"
    )
    return statement, values


def _row(
    question: Question,
    teams: Mapping[str, str],
    place: Place,
    sums: sqlite3.Row,
    times: sqlite3.Row | None,
    reasons: Mapping[str, int],
) -> Row:
    by = dict(zip(question.by, place, strict=True))
    who, hour = by.get(By.PARTICIPANT), by.get(By.HOUR)
    return Row(
        participant=_name(who),
        name=question.names.get(str(who)),
        team=_name(by[By.TEAM]) if By.TEAM in by else teams.get(str(who)),
        model=_name(by.get(By.MODEL)),
        hour=_moment(hour, question.zone).isoformat() if isinstance(hour, int) else None,
        via=_name(by.get(By.VIA)),
        backend=_name(by.get(By.BACKEND)),
        requests=sums["requests"],
        prompt_tokens=int(sums["prompt"]),
        completion_tokens=int(sums["completion"]),
        estimated=int(sums["estimated"]),
        errors=int(sums["errors"]),
        refused=int(sums["refused"]),
        refused_by_reason=reasons,
        aborted=int(sums["aborted"]),
        ttft_p50=times["p50"] if times else None,
        ttft_p95=times["p95"] if times else None,
    )


def _name(value: Value) -> str | None:
    return None if value is None else str(value)


def _moment(seconds: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(seconds, zone) if zone else datetime.fromtimestamp(seconds).astimezone()


def _hour(store: UsageStore, zone: tzinfo | None) -> str:
    """When the hour of a request begins as clocks showed it there and then: on the half in India, anew at a change."""
    (span,) = store.rows("SELECT coalesce(min(at), 0) AS first, coalesce(max(at), 0) AS last FROM requests")
    (_, offset), *changes = offsets(zone, span["first"] - HOUR, span["last"])
    whens = [f"WHEN at >= {since} THEN max({since}, {_whole(later)})" for since, later in reversed(changes)]
    return f"CASE {' '.join(whens)} ELSE {_whole(offset)} END" if whens else _whole(offset)


def _whole(offset: int) -> str:
    shift = offset % HOUR
    return f"(at + {shift}) / {HOUR} * {HOUR} - {shift}"


def _order(value: Value) -> tuple[bool, list[str | int]]:
    """p2 before p10; None last."""
    parts = re.split(r"(\d+)", "" if value is None else str(value))
    return value is None, [int(part) if index % 2 else part for index, part in enumerate(parts)]
