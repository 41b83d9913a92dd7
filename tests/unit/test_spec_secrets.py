"""No secret of a spec is forgotten: the walk over its values reaches each field whose type is one."""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr

from orchestrator.spec.kept import KeptSpec
from orchestrator.spec.secrets import SOUNDS_SECRET, plain_secrets, secret_references
from orchestrator.spec.section import Section
from orchestrator.spec.values import SecretReference
from orchestrator.spec.workshop import Workshop
from tests.unit.spec_samples import VALID, spec_of

REFERENCE, WRITTEN = SecretReference("env", "PLANTED"), SecretStr("planted")
SECRETS = {SecretReference: REFERENCE, SecretStr: WRITTEN}
Place = tuple[str | int, ...]


def planted(annotation: Any) -> Iterator[tuple[Place, object]]:
    """Every place in a value of this type where its type allows a secret, and a value that has one there alone."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in SECRETS:
        yield (), SECRETS[annotation]
    elif origin is Annotated:
        yield from planted(inner[0])
    elif origin in {Union, types.UnionType}:
        for one in inner:
            yield from planted(one)
    elif origin is dict:
        yield from ((("X", *at), {"X": value}) for at, value in planted(inner[1]))
    elif origin in {list, tuple}:
        yield from (((0, *at), (value,)) for at, value in planted(inner[0]))
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from planted_in(annotation)
    else:
        assert "Secret" not in repr(annotation), "let this go into it, too"


def planted_in(section: type[BaseModel]) -> Iterator[tuple[Place, object]]:
    for name, field in section.model_fields.items():
        for at, value in planted(field.annotation):
            yield (name, *at), section.model_construct(None, **{name: value})


def reached(value: object) -> list[Place]:
    return [at for at, _ in secret_references(value)] + [
        at for at, found in plain_secrets(value) if found == WRITTEN.get_secret_value()
    ]


PLACES = list(planted(Workshop))


@pytest.mark.parametrize(("at", "workshop"), PLACES, ids=[".".join(map(str, at)) for at, _ in PLACES])
def test_every_field_that_is_a_secret_is_reached(at: Place, workshop: object) -> None:
    assert reached(workshop) == [at]


def test_the_types_are_gone_over_at_any_depth() -> None:
    assert {at for at, _ in PLACES} >= {
        ("models", 0, "api_key"),
        ("models", 0, "headers", "X"),
        ("models", 0, "environment", "X"),
        ("webui", "admin_key"),
        ("webui", "database"),
        ("webui", "functions", 0, "valves", "X"),
        ("webui", "tool_servers", 0, "api_key"),
        ("webui", "connections", 0, "api_key"),
        ("webui", "connections", 0, "headers", "X"),
        ("inventory", "environment", "X"),
        ("images", "login", "password"),
    }

    class Later(Section):
        deep: dict[str, list[SecretReference | None]] = {}
        written: SecretStr | None = None
        several: tuple[SecretReference, ...] = ()

    found = list(planted(Later))
    assert [at for at, _ in found] == [("deep", "X", 0), ("written",), ("several", 0)]
    assert all(reached(value) == [at] for at, value in found)


def test_a_field_that_sounds_like_a_secret_is_a_reference_to_one() -> None:
    """Nothing else keeps it out of the file, of plans and of what is kept of a spec."""
    told = {
        f"{section.__name__}.{name}"
        for section in _sections(Section)
        if section.__module__.startswith("orchestrator.")
        for name, field in section.model_fields.items()
        if SOUNDS_SECRET.search(name) and not list(planted(field.annotation))
    }
    assert told == {
        *(f"{section}.{name}" for section in ("Bounds", "Limits") for name in ("token_budget", "tokens_per_minute")),
        "Capacity.request_tokens",
        "Host.host_key",  # the public one
        "Host.key",  # the path of its file
        "Model.api_key_header",  # its name
        "Size.kv_kib_per_token",
        "Tls.key",  # the path of its file
    }


def _sections(section: type[Section]) -> Iterator[type[Section]]:
    for one in section.__subclasses__():
        yield one
        yield from _sections(one)


FULL = (
    VALID
    + """\
  - name: e
    engine: external
    source: x
    base_url: https://x.org/v1
    headers: {X-Auth: plain-header, X-Version: "2024-10-21", X-Ref: "${env:HEADER}"}
    query: {access_token: plain-query, api-version: "1"}
    environment: {API_TOKEN: plain-variable, MAX_TOKENS: 16384, USE_TOKEN: true, OTHER: "${env:OTHER}"}
    api_key: "${env:PROVIDER}"
inventory: {path: hosts.ini, roles: {keyhosts: [inference]}, environment: {CLOUD_KEY: plain-cloud}}
practice: true
webui:
  functions: [{file: f.py, valves: {PASSWORDS: [plain-one, plain-two], name: x}}]
  connections: [{name: lab, url: "http://lab/v1", headers: {X-Key: plain-connection}}]
"""
)


def test_what_is_written_out_under_a_name_that_sounds_secret_is_one(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, FULL)
    assert dict(plain_secrets(spec.workshop)) == {
        ("models", 1, "headers", "X-Auth"): "plain-header",
        ("models", 1, "query", "access_token"): "plain-query",
        ("models", 1, "environment", "API_TOKEN"): "plain-variable",
        ("inventory", "environment", "CLOUD_KEY"): "plain-cloud",
        ("webui", "functions", 0, "valves", "PASSWORDS", 0): "plain-one",
        ("webui", "functions", 0, "valves", "PASSWORDS", 1): "plain-two",
        ("webui", "connections", 0, "headers", "X-Key"): "plain-connection",
    }


def test_references_are_told_in_the_order_of_the_file_with_their_lines(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, FULL)
    found = spec.secret_references()
    assert [at[2:] for at, _ in found] == [("headers", "X-Ref"), ("environment", "OTHER"), ("api_key",)]
    assert [spec.document.where(at).line for at, _ in found] == [12, 14, 15]
    late = KeptSpec.of(spec).restored(spec.file)
    assert {at for at, _ in late.secret_references()} == {at for at, _ in found}
