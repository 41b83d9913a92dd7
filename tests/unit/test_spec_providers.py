"""External models: known providers, any other endpoint, and what of it is never repeated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.spec.providers import BEARER, PRESETS, Provider
from tests.unit.spec_samples import spec_of, told, with_models

EXTERNAL = "name: m, engine: external, source: x"
OWN = EXTERNAL + ", base_url: 'https://llm.example.org/v1'"
PAGE = Path(__file__).parents[2] / "docs" / "providers.md"


@pytest.mark.parametrize("provider", Provider)
def test_a_known_provider_needs_a_key_and_nothing_else(tmp_path: Path, provider: Provider) -> None:
    model = spec_of(
        tmp_path, with_models(EXTERNAL + f", provider: {provider}, api_key: '${{env:KEY}}'")
    ).workshop.models[0]
    assert model.endpoint == PRESETS[provider].base_url
    assert (model.endpoint or "").startswith("https://")
    assert not (model.endpoint or "").endswith("/")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (EXTERNAL, "models[1]: an external model needs base_url, or a provider that is known"),
        (EXTERNAL + ", provider: openia", "Did you mean 'openai'?"),
        (EXTERNAL + ", provider: groq", """models[1].provider: groq needs api_key. Like "${env:GROQ_API_KEY}\""""),
        (EXTERNAL + ", base_url: 'https://ada:SENTINEL@a.example/v1'",
         "base_url: expected a URL without a user and password: the key is api_key's, got text that is not repeated"),
        (EXTERNAL + ", base_url: 'https://a.example/v1?key=SENTINEL'",
         "base_url: expected a URL without a query: its parts go into query:, got text that is not repeated"),
        (EXTERNAL + ", base_url: 'https://a.example/v1#SENTINEL'", "base_url: expected a URL without a #fragment, got"),
        (EXTERNAL + ", base_url: 'ftp://a.example'", "expected a URL like https://api.example.org/v1"),
        (OWN + ", api_key_header: 'api key'", "api_key_header: expected the name of a header"),
        (OWN + ", api_key_header: Host", "api_key_header: the gateway writes this header itself"),
        (OWN + ", headers: {content-length: '1'}", "the gateway writes this header itself"),
        (OWN + ", headers: {'a b': x}", "headers.a b: expected the name of a header"),
        (OWN + r""", headers: {X: "SENTINEL\r\nY: 1"}""", "headers.X: control characters and line breaks are not allowed"),
        (OWN + ", headers: {X: é}", "headers.X: a header's value is plain ASCII"),
        (OWN + ", headers: {X: 'Bearer ${env:SENTINEL}'}", "headers.X: a reference must stand alone"),
        (OWN + ", headers: {X: SENTINEL, x: b}", "headers.x: the header x is given twice"),
        (OWN + ", api_key: '${env:A}', headers: {authorization: b}", "the header authorization is given twice"),
        (OWN + ", query: {'a=b': SENTINEL}", "query.a=b: expected a name of letters, digits"),
        (OWN + ", query: {a: 1}", "query.a: expected text, got 1"),
        (EXTERNAL + ", base_url: 'http://a.example', ca: ca.pem", "ca is for https://, and base_url is not"),
        *(
            (f"name: m, engine: ollama, source: x, {field}: {value}", f"{field} belongs to engine: external, not to ollama")
            for field, value in [("provider", "openai"), ("headers", "{A: b}"), ("query", "{a: b}"), ("ca", "x.pem"),
                                 ("api_key_header", "api-key")]
        ),
    ],
)  # fmt: skip
def test_a_wrong_endpoint_is_told_with_its_line_and_without_its_secrets(tmp_path: Path, one: str, said: str) -> None:
    lines = told(tmp_path, with_models(one))
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert lines[0].startswith("workshop.yaml:5:")
    assert "SENTINEL" not in lines[0].replace("models[1].headers.X: a reference", "")


def test_secrets_in_headers_are_references_and_must_be_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "one\ntwo")
    text = with_models(OWN + ", headers: {X-Token: '${env:KEY}', X-Plain: a}, environment: {A: '${env:KEY}'}")
    spec = spec_of(tmp_path, text)
    assert [at for at, _ in spec.secret_references()] == [
        ("models", 0, "headers", "X-Token"),
        ("models", 0, "environment", "A"),
    ]
    (problem,) = spec.secret_problems()
    assert (problem.code, problem.where.line) == ("secret_invalid", 5)
    assert "two" not in str(problem)


def test_a_date_in_a_query_stays_text(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, with_models(OWN + ", query: {api-version: 2024-10-21}"))
    assert spec.workshop.models[0].query == {"api-version": "2024-10-21"}


def test_the_page_about_providers_holds_what_the_program_does() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `(\S+)` \| (.+?) \| (yes|no) \| \[.*?\]\((\S+)\) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert {name: row for name, *row in rows} == {
        provider.value: [
            preset.base_url,
            ", ".join([f"`{BEARER}: Bearer`", *(f"`{name}: {value}`" for name, value in preset.headers)]),
            "yes" if preset.lists_models else "no",
            preset.page,
        ]
        for provider, preset in PRESETS.items()
    }
