"""What workshop.yaml may say of Open WebUI's page, and how its mistakes are told."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator.plan.needed_images import needed_components
from orchestrator.plan.remarks import remarks
from orchestrator.plan.stacks import plan_stacks
from orchestrator.spec.components import Component
from orchestrator.webui.wanted import Banner, Suggestion
from orchestrator.workflow.validate import problems
from orchestrator.workflow.wanted import page
from orchestrator.workflow.wanted.address import addresses
from orchestrator.workflow.wanted.pictures import LIMIT
from tests.unit.spec_samples import VALID, model, spec_of, told, with_models

TWO = with_models(
    "name: open, engine: ollama, source: a",
    "name: closed, engine: ollama, source: b, teams: [red]",
    "name: e, engine: ollama, source: c, embeds: true",
)
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg==")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("presets: [{name: t, model: opn}]", "webui.presets[1].model: no model is named 'opn'. Did you mean 'open'?"),
        ("presets: [{name: open, model: open}]", "webui.presets[1].name: 'open' is the name of a model already"),
        (
            "presets: [{name: t, model: open}, {name: t, model: open}]",
            "webui.presets[2].name: a second preset named 't'; the first is number 1",
        ),
        (
            "presets: [{name: t, model: closed, teams: [blue]}]",
            "webui.presets[1].teams: the team 'blue' may not use the model 'closed', which answers here",
        ),
        ("presets: [{name: a b, model: open}]", "webui.presets[1].name: "),
        ("presets: [{name: t, model: open, parameters: {top-p: 1}}]", "webui.presets[1].parameters."),
        ("default_models: [open, tutr]", "webui.default_models[2]: no model is named 'tutr'"),
        ("default_models: [open, open]", "webui.default_models[2]: 'open' stands here twice"),
        ("banners: [{text: a, kind: loud}]", "webui.banners[1].kind: "),
        ('welcome: "a\\u0000b"', "webui.welcome: control characters are not allowed here"),
        (
            "tool_servers: [{name: a, kind: mcp, url: 'http://t/mcp', document: x}]",
            "webui.tool_servers[1].document: document is for openapi",
        ),
        (
            "tool_servers: [{name: a, kind: mcp, url: 'http://t'}, {name: a, kind: mcp, url: 'http://u'}]",
            "webui.tool_servers[2].name: a second tool server named 'a'; the first is number 1",
        ),
        ("tool_servers: [{name: a, kind: soap, url: 'http://t'}]", "webui.tool_servers[1].kind: "),
        ("tool_servers: [{name: a, kind: mcp, url: 'http://u:p@t'}]", "expected a URL without a user and password"),
        ("mode: none, welcome: Hello", "webui.welcome: welcome is for Open WebUI, and its mode is none"),
        ("bare: true", "webui.bare: bare is for mode: per_participant or per_team"),
        ("subnets: 10.0.0.0/20", "webui.subnets: subnets is for mode: per_participant or per_team"),
        ("domain: chat.example.org", "webui.domain: domain is for mode: per_participant or per_team"),
        ("mode: per_participant, domain: 10.0.0.7", "webui.domain: "),
        ("mode: per_participant, domain: '*.example.org'", "webui.domain: "),
        ("mode: per_participant, domain: chat.example.org.", "webui.domain: "),
        ("mode: per_participant, domain: 'a.org; return 200'", "webui.domain: "),
        (f"mode: per_participant, domain: {'a' * 64}.org", "webui.domain: "),
        ("mode: per_participant, domain: chat.example.org, port: 8080", "gateway and webui cannot both have port 8080"),
        ("mode: per_team", "webui.mode: per_team needs teams: a roster with a column team"),
        (
            "mode: per_participant, bare: true, welcome: Hello",
            "webui.welcome: welcome would be left out: bare: true leaves Open WebUI empty",
        ),
        (
            "mode: per_participant, tool_servers: [{name: a, kind: mcp, url: 'http://t', api_key: '${env:KEY}'}]",
            "webui.tool_servers[1].api_key: participants are administrators of their Open WebUI, and would read this key",
        ),
        (
            "mode: per_participant, functions: [{file: f.py, valves: {key: '${env:KEY}'}}]",
            "webui.functions[1].valves.key: participants are administrators of their Open WebUI, and would read this",
        ),
        (
            "mode: per_participant, connections: [{name: lab, url: 'http://l/v1', api_key: '${env:KEY}'}]",
            "webui.connections[1].api_key: participants are administrators of their Open WebUI, and would read this",
        ),
        (
            "mode: per_participant, connections: [{name: lab, url: 'http://l/v1', headers: {X-Key: '${env:KEY}'}}]",
            "webui.connections[1].headers.X-Key: participants are administrators of their Open WebUI, and would read this",
        ),
        (
            "mode: per_participant, participants_may: [knowledge], embeddings: e",
            "webui.participants_may: participants_may is for mode: shared; here people are administrators",
        ),
        ("url: 'https://chat.example.org'", "webui.url: an Open WebUI elsewhere can't be entered without admin_key"),
        ("admin_key: '${env:KEY}'", "webui.admin_key: admin_key is for an Open WebUI elsewhere"),
        ("url: 'https://c/x', admin_key: '${env:KEY}'", "webui.url: "),
        ("url: 'https://c', admin_key: sk-1", "webui.admin_key: a secret must be a reference"),
        (
            "mode: per_participant, url: 'https://c', admin_key: '${env:KEY}'",
            "webui.url: url is for mode: shared; in per_participant each is started here",
        ),
        (
            "url: 'https://c', admin_key: '${env:KEY}', default_models: [open]",
            "webui.default_models: default_models can't be set at https://c: it belongs to others",
        ),
        (
            "url: 'https://c', admin_key: '${env:KEY}', suggestions: [{title: t, prompt: p}]",
            "webui.suggestions: suggestions can't be set at https://c: it belongs to others",
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, lines: str, expected: str) -> None:
    (line,) = told(tmp_path, TWO + f"webui: {{{lines}}}\n")
    assert expected in line


def test_who_has_a_collection_in_one_of_their_own_may_use_the_model_that_searches_it(tmp_path: Path) -> None:
    """Its key for embeddings is theirs to read; the one that all share keeps it from them."""
    text = with_models("name: e, engine: llamacpp, source: o/r/f.gguf, embeds: true, teams: [a, b]")
    lines = "webui: {{mode: {}, embeddings: e, knowledge: [{{name: k, files: [notes]{}}}]}}\n"
    for more in ("", ", teams: [b, c]"):
        (line,) = told(tmp_path, text + lines.format("per_participant", more))
        assert "webui.knowledge[1].name: it is searched with e, which is for a, b alone" in line
    assert spec_of(tmp_path, text + lines.format("per_participant", ", teams: [b]"))
    assert spec_of(tmp_path, text + lines.format("shared", ""))


ELSEWHERE = "webui: {url: 'https://chat.example.org/', admin_key: '${env:KEY}'}\n"


def test_open_webui_elsewhere_must_reach_the_gateway(tmp_path: Path) -> None:
    (line,) = told(tmp_path, TWO + "public: {host: 127.0.0.1}\n" + ELSEWHERE)

    assert "public.host: https://chat.example.org can't reach the gateway at 127.0.0.1: that is itself" in line
    near = ELSEWHERE.replace("https://chat.example.org/", "http://localhost:3000")
    assert spec_of(tmp_path, TWO + "public: {host: 127.0.0.1}\n" + near).workshop.webui.is_elsewhere


def test_with_open_webui_elsewhere_no_host_has_one_and_none_is_started(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, TWO + "hosts: [{name: a, address: 10.0.0.1, roles: [gateway, inference]}]\n" + ELSEWHERE)

    assert spec.workshop.webui.url == "https://chat.example.org"
    assert "webui.port" not in spec.workshop.published
    assert Component("webui") not in needed_components(spec.workshop)
    deployment, _ = plan_stacks(spec.workshop, 1, {})
    assert not any("webui" in service for stack in deployment.stacks for service in stack.services)
    where = addresses(spec.workshop)
    assert (where.webui, where.local_webui) == ("https://chat.example.org", "https://chat.example.org")
    assert [reference.name for at, reference in spec.secret_references() if at == ("webui", "admin_key")] == ["KEY"]


@pytest.mark.parametrize(
    ("tls", "words"),
    [("", "the gateway's key travels unencrypted"), (", tls: auto", "must trust this workshop's authority")],
)
def test_the_way_from_there_to_the_gateway_is_looked_at(tmp_path: Path, tls: str, words: str) -> None:
    public = f"public: {{host: llm.example.org{tls}}}\n"
    spec = spec_of(tmp_path, TWO + public + ELSEWHERE)

    assert any(words in line for line in remarks(spec, ()))


def test_validate_tells_where_there_are_more_than_ports_or_addresses(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, VALID + "practice: true\nwebui: {mode: per_participant, port: 8079}\n")
    (problem,) = problems(spec)
    assert problem.code == "too_many_instances"
    assert problem.where.line == 9
    assert "port 8080 is gateway.port already" in problem.message


def test_a_presets_model_is_not_missed_where_its_own_name_is_the_mistake(tmp_path: Path) -> None:
    lines = told(tmp_path, TWO.replace("name: open", "nam: open") + "webui: {presets: [{name: t, model: open}]}\n")
    assert all(": models[1].name" in line or "unknown key models[1].nam" in line for line in lines)


def test_the_menu_is_models_then_presets_and_a_preset_is_seen_by_who_may_use_its_model(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        TWO + "webui: {presets: [{name: a, model: closed, system: Be brief., parameters: {temperature: 0.1}},"
        " {name: b, model: open, teams: [red]}, {name: c, model: open}]}\n",
    )

    menu = {model.name: model for model in page.menu(spec, ())}

    assert list(menu) == ["open", "closed", "a", "b", "c"]
    assert [menu[name].teams for name in "abc"] == [("red",), ("red",), None]
    assert menu["a"].parameters == {"temperature": 0.1, "system": "Be brief."}
    assert page.presets_for(spec.workshop, "red") == ("a", "b", "c")
    assert page.presets_for(spec.workshop, "blue") == page.presets_for(spec.workshop, None) == ("c",)


def test_a_new_chat_has_the_first_model_for_everybody_unless_others_are_named(tmp_path: Path) -> None:
    turned = with_models(
        "name: closed, engine: ollama, source: b, teams: [red]", "name: open, engine: ollama, source: a"
    )

    assert page.chosen(spec_of(tmp_path, turned).workshop) == ("open",)
    assert page.chosen(spec_of(tmp_path, turned + "webui: {default_models: [closed, open]}\n").workshop) == (
        "closed",
        "open",
    )
    assert page.chosen(spec_of(tmp_path, turned + "webui: {default_models: []}\n").workshop) == ()


def test_the_welcome_stands_first_and_cannot_be_closed(tmp_path: Path) -> None:
    text = VALID + "webui: {welcome: '**Hello**', banners: [{text: Lunch at 12, kind: success, title: Food}]}\n"

    assert page.banners(spec_of(tmp_path, text).workshop) == (
        Banner("**Hello**", "A class", "info", dismissible=False),
        Banner("Lunch at 12", "Food", "success", dismissible=True),
    )
    assert page.suggestions(()) == ()


def test_a_tool_servers_key_is_read_and_its_tools_are_for_its_team(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "t0p")
    spec = spec_of(
        tmp_path,
        VALID
        + 'webui: {tool_servers: [{name: a, kind: mcp, url: "http://t/mcp", api_key: "${env:A_KEY}", teams: [red]},'
        ' {name: b, kind: openapi, url: "http://t"}]}\n',
    )

    assert [server.key for server in page.tool_servers(spec)] == [SecretStr("t0p"), None]
    assert page.tools_for(spec.workshop, "red") == ("server:mcp:a", "server:b")
    assert page.tools_for(spec.workshop, None) == ("server:b",)
    monkeypatch.delenv("A_KEY")
    assert [problem.code for problem in problems(spec)] == ["secret_missing"]


def test_suggestions_that_are_absent_are_not_the_same_as_none(tmp_path: Path) -> None:
    assert spec_of(tmp_path, VALID).workshop.webui.suggestions is None
    given = spec_of(tmp_path, VALID + "webui: {suggestions: [{title: T, prompt: P}]}\n").workshop.webui.suggestions
    assert given is not None
    assert page.suggestions(given) == (Suggestion("T", "", "P"),)


def test_a_picture_is_told_by_what_it_is_and_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "logo.jpg").write_bytes(PNG)

    (entry,) = page.menu(spec_of(tmp_path, model("picture: logo.jpg")), ())

    assert entry.picture is not None
    kind, _, content = entry.picture.partition(",")
    assert kind == "data:image/png;base64"
    assert b64decode(content) == PNG


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot read logo.png: no such file or directory"),
        (b"<svg onload='x'/>", "logo.png is no PNG, JPEG, GIF or WebP picture"),
        (PNG + b"x" * LIMIT, "logo.png is larger than 256 KiB"),
    ],
)
def test_a_picture_that_cannot_be_used_is_told_with_its_line(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    if content is not None:
        (tmp_path / "logo.png").write_bytes(content)

    (problem,) = problems(spec_of(tmp_path, model("picture: logo.png")))

    assert problem.message == expected
    assert problem.where.line == 8
