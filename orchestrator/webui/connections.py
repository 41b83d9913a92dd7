"""Connections: the gateway's, and those that Open WebUI asks past it. What someone added by hand stays as it is.

A connection never goes in without a list of its models: one that hangs would hold up the page of the whole class.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from orchestrator.spec.connections import model_id
from orchestrator.webui import ollama_gateway, ollama_rows
from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import (
    PERSON_HEADER,
    READ,
    TAG,
    WRITE,
    Row,
    is_there,
    normal,
    options_of,
    row_of,
    rows_of,
    told,
    with_rows,
)
from orchestrator.webui.provider import Answer, ask
from orchestrator.webui.wanted import Connection, Seed, Tally, VisibleModel

FACTORY_URL = "https://api.openai.com/v1"  # there from the start, without a key: a dead entry in a closed room
AT_ONCE = 4  # asked; one that hangs takes its time
SWITCHED_OFF = "and no list of its models is known: it is switched off until a later run"


def apply(webui: WebUI, wanted: Seed, tally: Tally) -> tuple[VisibleModel, ...]:
    """What the connections past the gateway add to the menu. One that can't be used is a line in the failures."""
    wanted = replace(wanted, names_the_asker=webui.dialect().names_the_asker)
    found = webui.get(READ)
    ollama_found = webui.get(ollama_rows.READ)
    rows = {name: row for row in (*rows_of(found), *ollama_rows.rows_of(ollama_found)) if (name := row.mark)}
    ready = _ready(webui, wanted, rows, tally)
    openai = [row_of(one) for one in ready if one.kind == "openai"]
    needed = with_gateway(found, wanted, openai)
    if needed != normal(found):
        webui.post(WRITE, needed, repeatable=True)
        if with_gateway(found, wanted, [row for row in rows_of(found) if row.mark]) != normal(found):
            tally.change("connection to the gateway", "set")
    else:
        tally.keep()
    ollama = [*ollama_gateway.rows(wanted), *(row_of(one) for one in ready if one.kind == "ollama")]
    ollama_rows.apply(webui, ollama_found, ollama, tally)
    for one in ready:
        _tell(one, rows.get(one.name), tally)
    for name in rows.keys() - {one.name for one in ready}:
        tally.change(f"connection {name}", "removed")
    return tuple(entry for one in ready for entry in entries(one))


def entries(connection: Connection) -> tuple[VisibleModel, ...]:
    """Its models in the menu, under the names by which they are asked."""
    return tuple(
        VisibleModel(
            model_id(connection.prefix, connection.kind, model),
            f"{TAG}:{connection.name}",  # the menu has the connection's tags too: one and not two of them
            connection.teams,
            connection=connection.name,
        )
        for model in connection.models
    )


def with_gateway(found: dict[str, Any], wanted: Seed, ours: Sequence[Row] = ()) -> dict[str, Any]:
    """The form with the gateway first, recognised by its tag or its address, then `ours`, then the others."""
    url = wanted.gateway_url.rstrip("/")  # a slash at the end would ask for //chat/completions
    others = [
        row
        for row in rows_of(found)
        if not (row.url.rstrip("/") == url or TAG in row.tags or row.mark or (row.url == FACTORY_URL and not row.key))
    ]
    gateway = Row(url, wanted.gateway_key.get_secret_value(), _gateway_options(wanted))
    return with_rows([gateway, *ours, *others])


def _ready(webui: WebUI, wanted: Seed, rows: dict[str, Row], tally: Tally) -> list[Connection]:
    """Each with the list of models that it gets, and switched off where there is none."""
    given = [_with_key(one, rows.get(one.name), tally) for one in wanted.connections]
    asked = [one for one in given if one.enabled]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip((one.name for one in asked), pool.map(lambda one: ask(webui, one), asked), strict=True))
    taken = {model.name for model in wanted.models}
    ready = []
    for one in given:
        there = rows.get(one.name)
        listed = _with_list(one, answers.get(one.name), there.models if there else (), tally)
        ready.append(_without_clashes(listed, taken, tally))
        taken |= {entry.name for entry in entries(ready[-1])}
    return ready


def _with_key(one: Connection, there: Row | None, tally: Tally) -> Connection:
    if not one.keeps_key:
        return one
    if there is None or not there.key:
        tally.fail(f"connection {one.name}", f"its key is not here: workshop connections rotate SPEC {one.name}")
        return replace(one, enabled=False)
    return replace(one, key=there.secret)


def _with_list(one: Connection, answer: Answer | None, before: tuple[str, ...], tally: Tally) -> Connection:
    """The spec's list, else what the provider says now, else what it said in an earlier run."""
    if answer is None:
        return replace(one, models=one.models or before)
    listed = one.models or answer.models or before
    if answer.silent and one.kind == "ollama":  # it is asked again for every page, whatever list it has
        tally.fail(f"connection {one.name}", f"{one.url} {answer.problem}: it is switched off until a later run")
        return replace(one, models=listed, enabled=False)
    if not listed:
        tally.fail(f"connection {one.name}", f"{one.url} {answer.problem}, {SWITCHED_OFF}")
        return replace(one, enabled=False)
    if answer.problem and (answer.silent or not one.models):
        tally.report(f"connection {one.name}: {one.url} {answer.problem}; its list of models stays as it is")
    return replace(one, models=listed)


def _without_clashes(one: Connection, taken: set[str], tally: Tally) -> Connection:
    kept = tuple(model for model in one.models if model_id(one.prefix, one.kind, model) not in taken)
    if kept == one.models:
        return one
    lost = ", ".join(model for model in one.models if model not in kept)
    tally.fail(f"connection {one.name}", f"{lost}: the name of another model here; give the connection a prefix")
    return replace(one, models=kept, enabled=one.enabled and bool(kept))


def _tell(one: Connection, there: Row | None, tally: Tally) -> None:
    if there is None:
        tally.create(f"connection {one.name}")
    elif is_there(one, there):
        tally.keep()
    else:
        tally.change(f"connection {one.name}", told(one, there))


def _gateway_options(wanted: Seed) -> dict[str, Any]:
    headers = {PERSON_HEADER: "{{USER_EMAIL}}"} if wanted.names_the_asker else {}
    return {
        **options_of("", [model.name for model in wanted.served], (TAG,), headers),
        "auth_type": "bearer",
    }
