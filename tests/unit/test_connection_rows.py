"""The rows of Open WebUI's forms of connections: ours by their mark, those of others as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from orchestrator.identity.accounts import Admin
from orchestrator.webui import ollama_rows
from orchestrator.webui.connection_rows import Row, row_of, rows_of, told, with_rows
from orchestrator.webui.connections import entries, with_gateway
from orchestrator.webui.wanted import Connection, Seed, Tally, VisibleModel

LAB = Connection("lab", "openai", "http://lab/v1", SecretStr("k1"), prefix="lab", models=("a", "b"))
MINE = Row("http://mine/v1", "mine", {"enable": False, "tags": [{"name": "mine"}]})
WANTED = Seed(
    title="T",
    url="http://x",
    admin=Admin("a@x.org", SecretStr("p")),
    gateway_url="http://gateway:8080/v1",
    gateway_key=SecretStr("key"),
    models=(VisibleModel("m", "vllm"), *entries(LAB)),
    people=(),
)


class NoServer:
    """Takes what is written."""

    def __init__(self) -> None:
        self.written: list[Any] = []

    def post(self, _path: str, body: object, **_: object) -> None:
        self.written.append(body)


def ollama_form(*rows: Row, on: bool = True) -> dict[str, Any]:
    form = {"ENABLE_OLLAMA_API": on, "OLLAMA_BASE_URLS": [], "OLLAMA_API_CONFIGS": {}}
    found = ollama_rows.with_rows(form, rows)
    return {**found, "ENABLE_OLLAMA_API": on}


def test_ours_come_after_the_gateway_and_before_those_of_others() -> None:
    once = with_gateway(with_rows([MINE]), WANTED, [row_of(LAB)])

    assert once["OPENAI_API_BASE_URLS"] == ["http://gateway:8080/v1", "http://lab/v1", "http://mine/v1"]
    assert once["OPENAI_API_KEYS"] == ["key", "k1", "mine"]
    assert once["OPENAI_API_CONFIGS"]["2"] == dict(MINE.options)
    assert with_gateway(once, WANTED, [row_of(LAB)]) == once
    assert with_gateway(once, WANTED)["OPENAI_API_BASE_URLS"] == ["http://gateway:8080/v1", "http://mine/v1"]


def test_the_gateway_lists_its_own_models_alone() -> None:
    assert with_gateway(with_rows([]), WANTED)["OPENAI_API_CONFIGS"]["0"]["model_ids"] == ["m"]
    assert [entry.name for entry in entries(LAB)] == ["lab.a", "lab.b"]


def test_a_row_knows_its_name_and_what_people_call_its_models() -> None:
    row = rows_of(with_gateway(with_rows([MINE]), WANTED, [row_of(LAB)]))[1]

    assert (row.mark, row.ids, row.is_on) == ("lab", ("lab.a", "lab.b"), True)
    assert [one.mark for one in rows_of(with_gateway(with_rows([MINE]), WANTED))] == [None, None]


def test_what_was_put_right_is_told_without_its_values() -> None:
    there = row_of(LAB)
    edited = replace(
        there, url="http://sentinel", key="sentinel", options={**there.options, "enable": False, "prefix_id": "x"}
    )

    assert told(LAB, edited) == "switched on, put right: url, key, prefix"
    assert told(replace(LAB, key=SecretStr("k2")), there) == "put right: key"
    assert told(replace(LAB, key=None), there) == "put right: key"
    assert told(replace(LAB, enabled=False), there) == "switched off"
    assert told(replace(LAB, kind="ollama"), there) == "of the kind ollama now"


def test_ollamas_key_is_among_its_options_and_the_factorys_address_makes_room() -> None:
    ours = row_of(replace(LAB, kind="ollama", url="http://o:11434"))
    form = ollama_rows.with_rows(
        {"OLLAMA_BASE_URLS": ["http://localhost:11434", "http://mine"], "OLLAMA_API_CONFIGS": {"1": {"key": "m"}}},
        [ours],
    )

    assert form["OLLAMA_BASE_URLS"] == ["http://o:11434", "http://mine"]
    assert form["OLLAMA_API_CONFIGS"]["0"]["key"] == "k1"
    assert form["OLLAMA_API_CONFIGS"]["0"]["model_ids"] == ["a:latest", "b:latest"]
    assert form["OLLAMA_API_CONFIGS"]["1"] == {"key": "m"}
    assert ollama_rows.rows_of(form)[0] == ours


def test_ollamas_api_is_on_while_somebody_has_a_connection_that_speaks_it() -> None:
    server, said = NoServer(), list[str]()
    mine = Row("http://mine", "", {"enable": True}, "ollama")
    ours = row_of(replace(LAB, kind="ollama", url="http://o:11434"))

    def applied(form: dict[str, Any], *rows: Row) -> tuple[bool, list[str]]:
        ollama_rows.apply(server, form, rows, Tally(said.append))  # type: ignore[arg-type]
        return server.written[-1]["ENABLE_OLLAMA_API"], server.written[-1]["OLLAMA_BASE_URLS"]

    assert applied(ollama_form(mine, on=False), ours) == (True, ["http://o:11434", "http://mine"])
    assert applied(server.written[-1], ours) == (True, ["http://o:11434", "http://mine"])
    assert len(server.written) == 1
    assert applied(server.written[-1]) == (True, ["http://mine"])  # theirs is in use
    assert applied(server.written[-1]) == (True, ["http://mine"])
    assert len(server.written) == 2
    assert applied(ollama_form(ours)) == (False, [])
    factory = {"ENABLE_OLLAMA_API": True, "OLLAMA_BASE_URLS": ["http://localhost:11434"], "OLLAMA_API_CONFIGS": {}}
    assert applied(factory) == (False, ["http://localhost:11434"])
    assert said == ["Ollama's API: switched on", "Ollama's API: switched off", "Ollama's API: switched off"]
