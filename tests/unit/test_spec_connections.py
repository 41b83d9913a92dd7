"""What workshop.yaml may say of Open WebUI's own connections, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator.plan.remarks import remarks
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.wanted.connections import wanted_connections
from tests.unit.spec_samples import VALID, spec_of, told, with_models

ONE = "name: lab, url: 'http://lab/v1'"
CLASS = with_models("name: open, engine: ollama, source: a, aliases: [gpt]")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (f"connections: [{{{ONE}}}, {{{ONE}}}]", "connections[2].name: a second connection named 'lab'; the first is"),
        ("connections: [{name: lab}]", "webui.connections[1].url"),
        ("connections: [{name: Lab, url: 'http://lab'}]", "webui.connections[1].name: "),
        (f"connections: [{{{ONE}, kind: azure}}]", "webui.connections[1].kind: "),
        ("connections: [{name: lab, url: 'http://u:p@lab'}]", "expected a URL without a user and password"),
        (f"connections: [{{{ONE}, api_key: sk-1}}]", "a secret must be a reference: ${env:NAME} or ${file:PATH}"),
        (f"connections: [{{{ONE}, prefix: a.b}}]", "webui.connections[1].prefix: "),
        (f"connections: [{{{ONE}, models: []}}]", "webui.connections[1].models: "),
        (f"connections: [{{{ONE}, models: [a, a]}}]", "webui.connections[1].models[2]: 'a' stands here twice"),
        (f"connections: [{{{ONE}, teams: []}}]", "webui.connections[1].teams: "),
        (f"connections: [{{{ONE}, headers: {{Host: x}}}}]", "webui.connections[1].headers.Host: "),
        (
            f"connections: [{{{ONE}, api_key: '${{env:SHELL}}', headers: {{Authorization: x}}}}]",
            "webui.connections[1].headers.Authorization: the header Authorization is given twice",
        ),
        (
            f"connections: [{{{ONE}, models: [x, open]}}]",
            "connections[1].models[2]: 'open' is the name of a model of the workshop itself already",
        ),
        (f"connections: [{{{ONE}, models: [gpt]}}]", "'gpt' is the name of a model of the workshop itself already"),
        (
            f"presets: [{{name: lab.x, model: open}}], connections: [{{{ONE}, prefix: lab, models: [x]}}]",
            "connections[1].models[1]: 'lab.x' is the name of a model of the workshop itself already",
        ),
        (
            f"connections: [{{{ONE}, models: [x]}}, {{name: other, url: 'http://o', models: [x]}}]",
            "connections[2].models[1]: 'x' is the name of a model of the connection 'lab' already",
        ),
        (
            f"functions: [{{file: lab.py}}], connections: [{{{ONE}, prefix: lab}}]",
            "connections[1].prefix: 'lab' stands before the models of a function already",
        ),
        (f"mode: none, connections: [{{{ONE}}}]", "webui.connections: connections is for Open WebUI, and its mode"),
        ("default_models: [lab.y]", "webui.default_models[1]: no model is named 'lab.y'"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, lines: str, expected: str) -> None:
    (line,) = told(tmp_path, CLASS + f"webui: {{{lines}}}\n")
    assert expected in line


def test_a_new_chat_may_have_a_model_of_a_connection(tmp_path: Path) -> None:
    spec_of(
        tmp_path,
        CLASS + f"webui: {{default_models: [lab.x], connections: [{{{ONE}, prefix: lab, models: [x]}}]}}\n",
    )


def test_ollamas_names_have_a_tag(tmp_path: Path) -> None:
    lines = f"connections: [{{{ONE}, kind: ollama, prefix: o, models: [llama3.2, 'qwen:7b']}}]"
    (connection,) = spec_of(tmp_path, CLASS + f"webui: {{{lines}}}\n").workshop.webui.connections
    assert connection.known_ids == ("o.llama3.2:latest", "o.qwen:7b")


def test_keys_and_headers_are_read_where_they_are_needed_and_never_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_KEY", "sentinel-1")
    (tmp_path / "token").write_text("sentinel-2\n", encoding="utf-8")
    spec = spec_of(
        tmp_path,
        VALID
        + "webui: {connections: [{name: lab, url: 'http://lab/v1/', api_key: '${env:LAB_KEY}',"
        + " headers: {X-Token: '${file:token}', X-Plain: open}, teams: [red]}]}\n",
    )
    with State.read(StateFolder(tmp_path / "none")) as state:
        (wanted,) = wanted_connections(spec, state)

    assert (wanted.url, wanted.key, wanted.teams) == ("http://lab/v1", SecretStr("sentinel-1"), ("red",))
    assert wanted.headers == {"X-Token": SecretStr("sentinel-2"), "X-Plain": "open"}
    assert "sentinel" not in repr(wanted)
    assert [at for at, _ in spec.secret_references()] == [
        ("webui", "connections", 0, "api_key"),
        ("webui", "connections", 0, "headers", "X-Token"),
    ]
    assert spec.workshop.teams == ("red",)
    assert [line.partition(": ")[2] for line in remarks(spec, ())] == [
        "nobody is in the team 'red'",
        "the key of the connection lab travels unencrypted: its url is http://",
    ]
