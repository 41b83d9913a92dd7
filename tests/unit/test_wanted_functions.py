"""Functions of workshop.yaml: their kind told from their text, mistakes told with their line, nothing run."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator.workflow.validate import problems
from orchestrator.workflow.wanted import page
from orchestrator.workflow.wanted.functions import functions
from tests.unit.spec_samples import VALID, spec_of, told

FILTER = "import no_such_module_here\n\nclass Filter:\n    pass\n"


def webui(functions: str, *, more: str = "") -> str:
    return VALID + f"webui: {{functions: [{functions}]{more}}}\n"


@pytest.mark.parametrize(("kind", "name"), [("pipe", "Pipe"), ("filter", "Filter"), ("action", "Action")])
def test_the_kind_follows_from_the_class_and_nothing_is_run(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / "good_one.py").write_text(FILTER.replace("Filter", name))

    (function,) = functions(spec_of(tmp_path, webui("{file: good_one.py}")))

    assert (function.id, function.kind, function.title, function.everywhere) == ("good_one", kind, "good_one", True)


def test_a_filter_for_some_is_named_at_their_entries(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(FILTER)
    spec = spec_of(tmp_path, webui("{file: f.py, models: [tutor]}", more=", presets: [{name: tutor, model: m}]"))

    assert {entry.name: entry.filters for entry in page.menu(spec, functions(spec))} == {"m": (), "tutor": ("f",)}
    assert not functions(spec)[0].everywhere


def test_a_secret_among_the_valves_is_read_but_not_in_practice_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.py").write_text(FILTER)
    text = webui('{file: f.py, valves: {token: "${env:A_TOKEN}", limit: 3}}')
    monkeypatch.delenv("A_TOKEN", raising=False)

    practice = functions(spec_of(tmp_path, text + "practice: true\n"))[0].valves
    assert practice["limit"] == 3
    assert isinstance(practice["token"], SecretStr)
    assert [one.message for one in problems(spec_of(tmp_path, text))] == ["the environment variable A_TOKEN is not set"]
    monkeypatch.setenv("A_TOKEN", "t0p")
    assert functions(spec_of(tmp_path, text))[0].valves == {"token": SecretStr("t0p"), "limit": 3}


@pytest.mark.parametrize(
    ("content", "more", "expected"),
    [
        (None, "", "cannot read f.py: no such file or directory"),
        ("class Helper:\n    pass\n", "", "f.py has no class Filter, Pipe or Action"),
        ("class Filter\n", "", "f.py, line 1: expected ':'"),
        (FILTER, ", teams: [red]", "f.py is a filter: who it is for follows from models:, teams: is for pipes"),
        (
            FILTER.replace("Filter", "Pipe"),
            ", models: [m]",
            "f.py is a pipe: it adds models, and models: is for filters and actions",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_line(
    tmp_path: Path, content: str | None, more: str, expected: str
) -> None:
    if content is not None:
        (tmp_path / "f.py").write_text(content)

    (problem,) = problems(spec_of(tmp_path, webui(f"{{file: f.py{more}}}")))

    assert problem.message == expected
    assert problem.where.line == 8


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{file: a/f.py}, {file: b/f.py}", "webui.functions[2]: a second function 'f'. Give one of them another id"),
        ("{file: no-dash.py}", "webui.functions[1].file: 'no-dash' can't be a function's id"),
        ("{file: f.py, models: [n]}", "webui.functions[1].models[1]: no model is named 'n'"),
        ("{file: f.py, id: UP}", "webui.functions[1].id: "),
    ],
)
def test_a_mistake_in_the_spec_is_one_line(tmp_path: Path, given: str, expected: str) -> None:
    (line,) = told(tmp_path, webui(given))
    assert expected in line
