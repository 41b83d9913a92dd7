"""Times, models and secrets: what each value may be, and how a wrong one is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.errors import UserError
from tests.unit.spec_samples import VALID, model, problems_of, spec_of, told, with_models

EXTERNAL = "name: m, engine: external, source: x, base_url: 'https://api.example.org/v1'"


def test_times_with_an_offset_are_read(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, VALID + "opens: 2026-12-01T08:30:00+01:00\ncloses: 2026-12-01T16:30:00Z\n")
    assert spec.workshop.window == (
        datetime(2026, 12, 1, 7, 30, tzinfo=UTC),
        datetime(2026, 12, 1, 16, 30, tzinfo=UTC),
    )


def test_times_without_an_offset_are_in_the_time_zone_of_the_workshop(tmp_path: Path) -> None:
    text = VALID + "timezone: Europe/Zurich\nopens: 2026-07-01T08:30\ncloses: 2026-12-01T08:30\n"
    window = spec_of(tmp_path, text).workshop.window
    assert window is not None
    assert [moment.astimezone(UTC).hour for moment in window] == [6, 7]  # summer, winter


def test_without_times_it_is_always_open(tmp_path: Path) -> None:
    assert spec_of(tmp_path, VALID).workshop.window is None


@pytest.mark.parametrize(
    ("times", "line"),
    [
        (("2026-12-01T08:30", "2026-12-01T09:30+01:00"), "opens has no offset: write +01:00 after it, or give timezone:"),
        (("2026-12-01T09:30Z", "2026-12-01T08:30Z"), "closes must be later than opens"),
        (("2026-12-01T09:30Z", "2026-12-01T10:30+01:00"), "closes must be later than opens"),
        (("2026-12-01T09:30Z", None), "opens stands without closes"),
        (("2026-12-01T09:30Z", "9999-12-31T23:59:59Z"), "closes: expected a year from 2000 to 2999"),
        ((None, "2026-12-01T09:30Z"), "closes stands without opens"),
        (("tomorrow", "2026-12-01T09:30Z"), "expected a time like 2026-12-01T08:30:00+01:00, got 'tomorrow'"),
        (("2026-02-30T09:30Z", "2026-12-01T09:30Z"), "expected a time like 2026-12-01T08:30:00+01:00, got"),
        (("20261201", "2026-12-01T09:30Z"), "expected a time like 2026-12-01T08:30:00+01:00, got 20261201"),
    ],
)  # fmt: skip
def test_a_wrong_window_is_refused(tmp_path: Path, times: tuple[str | None, str | None], line: str) -> None:
    given = zip(("opens", "closes"), times, strict=True)
    lines = told(tmp_path, VALID + "".join(f"{key}: {value}\n" for key, value in given if value))
    assert len(lines) == 1, lines
    assert line in lines[0]


def test_an_unknown_time_zone_is_refused(tmp_path: Path) -> None:
    assert told(tmp_path, VALID + "timezone: Europe/Bern\n") == [
        "workshop.yaml:8:11: timezone: expected the name of a time zone, like Europe/Zurich, got 'Europe/Bern'"
    ]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ("name: m, engine: external, source: x", "an external model needs base_url"),
        (EXTERNAL + ", replicas: 2", "an external model has no replicas here"),
        ("name: m, engine: vllm, source: o/m, gpus: 0", "vllm needs at least one GPU"),
        ("name: m, engine: tgi, source: o/m, gpus: 0", "tgi needs at least one GPU"),
        ("name: m, engine: ollama, source: x, base_url: 'https://a.b'", "base_url belongs to engine: external"),
        ("name: m, engine: ollama, source: x, api_key: '${env:A}'", "api_key belongs to engine: external"),
        ("name: m, engine: llamacpp, source: owner/repo", "expected OWNER/REPO/FILE.gguf"),
        ("name: m, engine: llamacpp, source: file.gguf", "expected OWNER/REPO/FILE.gguf"),
        ("name: m, engine: ollama, source: x, host: nowhere", "no host with the role inference is named 'nowhere'"),
        ("name: m, engine: ollama, source: x, teams: []", "expected at least one entry"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_go_with_its_engine_is_refused(tmp_path: Path, one: str, said: str) -> None:
    lines = told(tmp_path, with_models(one))
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert lines[0].startswith("workshop.yaml:5:")


@pytest.mark.parametrize("source", ["o/r/f.gguf", "/models/f.gguf", "https://example.org/f.gguf", "o/r/sub/f.gguf"])
def test_llamacpp_takes_weights_from_a_repository_a_url_or_the_host(tmp_path: Path, source: str) -> None:
    text = with_models(f"name: m, engine: llamacpp, source: '{source}'")
    assert spec_of(tmp_path, text).workshop.models[0].source == source


@pytest.mark.parametrize("name", ["", "-a", "a b", "a" * 81, "{{7*7}}", "a\u202eb", "é", "a$b"])
def test_a_model_has_a_name_that_every_client_can_send(tmp_path: Path, name: str) -> None:
    (problem,) = problems_of(tmp_path, with_models(f'name: "{name}", engine: ollama, source: x'))
    assert problem.message.startswith("models[1].name: expected letters, digits and . _ : / -")


@pytest.mark.parametrize("name", ["", "Class", "1a", "a_b", "a-", "a" * 41, "a.b", "../a"])
def test_a_workshop_has_a_name_that_a_container_can_have(tmp_path: Path, name: str) -> None:
    (problem,) = problems_of(tmp_path, VALID.replace("name: class", f'name: "{name}"'))
    assert problem.message.startswith("name: expected a DNS label")


def test_an_environment_takes_text_numbers_truth_values_and_references(tmp_path: Path) -> None:
    text = model('environment: {A: x, B: 1, C: true, D: "${env:TOKEN}", E: "$HOME ${HOME} {{7*7}}"}')
    given = spec_of(tmp_path, text).workshop.models[0].environment
    assert [given[name] for name in "ABCE"] == ["x", "1", "true", "$HOME ${HOME} {{7*7}}"]
    assert repr(given["D"]) == "SecretReference(kind='env', name='TOKEN')"


def test_secrets_are_read_from_the_environment_and_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "SENTINEL-env")
    (tmp_path / "key").write_text("SENTINEL-file\n", encoding="utf-8")
    text = with_models(EXTERNAL + ", api_key: '${file:key}', environment: {A: '${env:TOKEN}'}")
    spec = spec_of(tmp_path, text)
    found = {at[-1]: reference.reveal(spec.folder) for at, reference in spec.secret_references()}
    assert {name: secret.get_secret_value() for name, secret in found.items()} == {
        "api_key": "SENTINEL-file",
        "A": "SENTINEL-env",
    }
    assert spec.secret_problems() == []
    assert "SENTINEL" not in repr(spec) + repr(found) + str(found) + repr(spec.workshop)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("${env:WORKSHOP_TEST_ABSENT}", "the environment variable WORKSHOP_TEST_ABSENT is not set"),
        ("${env:WORKSHOP_TEST_EMPTY}", "the environment variable WORKSHOP_TEST_EMPTY is not set"),
        ("${file:absent}", "absent: No such file or directory"),
        ("${file:empty}", "empty is empty"),
        ("${file:binary}", "binary: not text"),
        ("${file:.}", "Is a directory"),
        ("${file:~nobody-of-this-name/key}", "no such file"),
    ],
)
def test_a_secret_that_is_not_there_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, said: str
) -> None:
    monkeypatch.setenv("WORKSHOP_TEST_EMPTY", "")
    (tmp_path / "empty").write_text(" \n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    spec = spec_of(tmp_path, with_models(f"{EXTERNAL}, api_key: '{reference}'"))
    (problem,) = spec.secret_problems()
    assert problem.code == "secret_missing"
    assert said in problem.message
    assert problem.hint
    assert problem.where.line == 5


@pytest.mark.parametrize(
    "line",
    [
        "api_key: SENTINEL",
        "api_key: [SENTINEL]",
        "api_key: '${env:A} SENTINEL'",
        "api_key: '${vault:SENTINEL}'",
        "environment: {A: 'SENTINEL ${env:B}'}",
        'environment: {A: "SENTINEL\\n"}',
        "environment: {A: [SENTINEL]}",
        "base_url: 'https://user:SENTINEL@example.org'",
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    base = EXTERNAL.split(", base_url", maxsplit=1)[0] if "base_url" in line else EXTERNAL
    problems = problems_of(tmp_path, with_models(f"{base}, {line}"))
    shown = "".join(str(problem) + repr(problem) + str(problem.as_dict()) for problem in problems)
    assert len(problems) == 1
    assert "SENTINEL" not in shown


def test_revealing_a_secret_never_shows_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "SENTINEL")
    spec = spec_of(tmp_path, with_models(EXTERNAL + ", api_key: '${file:gone}', environment: {A: '${env:TOKEN}'}"))
    (problem,) = spec.secret_problems()
    assert isinstance(problem, UserError)
    assert "SENTINEL" not in str(problem)


def test_a_provider_key_of_two_lines_is_refused_before_it_becomes_a_header(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("SENTINEL\nX-Other: SENTINEL\n", encoding="utf-8")
    spec = spec_of(tmp_path, with_models(EXTERNAL + ", api_key: '${file:key}', environment: {A: '${file:key}'}"))
    (problem,) = spec.secret_problems()
    assert problem.code == "secret_invalid"
    assert problem.where.line == 5
    assert "SENTINEL" not in str(problem)
