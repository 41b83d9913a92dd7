"""Whatever is derived from a workshop's secret is among those that are taken out of what others read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.identity import keys
from orchestrator.identity.callers import callers
from orchestrator.identity.identity import MOST_GUESTS, VERIFY, Identity
from orchestrator.identity.pages import OwnPage
from orchestrator.identity.participant import Participant
from orchestrator.spec.components import COMPONENTS
from orchestrator.spec.loader import Spec
from orchestrator.workflow.people.own_seed import parts_of, wanted_seed_at
from orchestrator.workflow.people.seed import wanted_seed
from orchestrator.workflow.rehearsal.guests import invited
from orchestrator.workflow.wanted.desired import desired, planned
from tests.unit.spec_samples import spec_of

SECRET = bytes(range(32))
PEOPLE = (
    Participant("p01", "Ada", "ada@x.org", "red", key_generation=3, password_generation=2),
    Participant("p02", "Bo", "bo@x.org", "red", state="revoked", key_generation=2),
    Participant("p03", "Cy", "cy@x.org", "blue", state="removed"),
    Participant("p04", "Di", "di@x.org", "blue"),
    Participant("p05", spare=True),
)
SPEC = """\
name: class
title: A class
practice: true
participants: {roster: people.csv}
models:
  - {name: m, engine: llamacpp, source: "a/b/c.gguf", teams: [red, blue]}
  - {name: e, engine: llamacpp, source: "a/b/e.gguf", embeds: true}
webui: {embeddings: e, mode: MODE}
"""
MODES = ("shared", "per_participant", "per_team")
DERIVED_FOR_NOBODY = {"all_secrets"}


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Everything that was derived since."""
    found: set[str] = set()

    def recording(derive: Callable[..., SecretStr]) -> Callable[..., SecretStr]:
        def record(secret: bytes, *more: Any) -> SecretStr:
            value = derive(secret, *more)
            if secret == SECRET:
                found.add(value.get_secret_value())
            return value

        return record

    for name in ("api_key", "password", "token"):
        monkeypatch.setattr(keys, name, recording(getattr(keys, name)))
    return found


def sample(folder: Path, mode: str) -> tuple[Spec, Identity, set[str]]:
    (folder / "people.csv").write_text(
        "name,email,team\n" + "".join(f"{one.name},{one.email},{one.team}\n" for one in PEOPLE if one.name)
    )
    spec = spec_of(folder, SPEC.replace("MODE", mode))
    identity = Identity(SECRET, spec.workshop, PEOPLE)
    return spec, identity, {secret.get_secret_value() for secret in identity.all_secrets()}


@pytest.mark.parametrize("mode", MODES)
def test_all_that_is_rendered_and_seeded_is_among_them(tmp_path: Path, mode: str, derived: set[str]) -> None:
    spec, identity, known = sample(tmp_path, mode)
    derived.clear()
    desired(
        spec,
        planned(spec, {}),
        identity,
        deployment_id="d",
        images={component: str(component) for component in COMPONENTS},
        cache=tmp_path / "cache",
        tls={},
    )
    callers(identity)
    for person in (*PEOPLE, *identity.verifiers):
        identity.credentials(person, api_base="http://x/v1", page="http://x", account=None)
    wanted_seed(spec, identity, "http://x")
    for page in identity.pages:
        if page.members:
            wanted_seed_at(spec, page, identity, "http://x", parts_of(spec))
    invited(MOST_GUESTS, ["m"], 50, identity)
    assert len(derived) > 2 * MOST_GUESTS + len(PEOPLE)
    assert derived <= known


def arguments(identity: Identity, parameter: inspect.Parameter) -> list[Any]:
    """All that a method of Identity may be asked about."""
    given: dict[str, list[Any]] = {
        "Participant": [*PEOPLE, *identity.verifiers],
        "OwnPage": list(identity.pages),
        "OwnPage | None": [None, *identity.pages],
        "int": [1, MOST_GUESTS],
        "KnownAccount | None": [None],
        "str": ["http://x/v1"],
        "str | None": ["http://x"],
    }
    if parameter.name == "caller":
        return []  # of a team: what it says is asked for by others
    return given[str(parameter.annotation)]  # a KeyError: say here what it may be asked about


@pytest.mark.parametrize("mode", MODES)
def test_whatever_identity_can_be_asked_for_is_among_them(tmp_path: Path, mode: str, derived: set[str]) -> None:
    """Also what nothing renders yet: a derivation that is added to it must be added to its list."""
    _, identity, known = sample(tmp_path, mode)
    derived.clear()
    asked = set()
    for name, member in inspect.getmembers(Identity):
        if name.startswith("_") or name in DERIVED_FOR_NOBODY:
            continue
        if isinstance(member, property):
            asked.add(name)
            getattr(identity, name)
        elif inspect.isfunction(member):
            asked.add(name)
            ask_all(identity, getattr(identity, name))
    assert {
        "key",
        "keys_ever",
        "page_key",
        "page_embeddings_key",
        "account",
        "admin",
        "session_secret",
        "guest",
    } <= asked
    assert derived
    assert derived <= known


def ask_all(identity: Identity, method: Callable[..., object]) -> None:
    parameters = inspect.signature(method).parameters
    for name, parameter in parameters.items():
        for value in arguments(identity, parameter):
            rest = {
                other: values[0]
                for other, one in parameters.items()
                if other != name and (values := arguments(identity, one))
            }
            if len(rest) == len(parameters) - 1:
                method(**{name: value}, **rest)
    if not parameters:
        method()


def test_earlier_generations_are_among_them(tmp_path: Path) -> None:
    _, identity, known = sample(tmp_path, "per_participant")
    ada = PEOPLE[0]
    for number in range(1, ada.key_generation + 1):
        before = Identity(SECRET, identity.workshop, (replace(ada, key_generation=number),))
        (page,) = before.pages
        assert before.page_embeddings_key(page).get_secret_value() in known
        assert before.key(replace(ada, key_generation=number)).get_secret_value() in known
    first = before.account(replace(ada, password_generation=1)).password.get_secret_value()
    assert first in known
    assert identity.account(Participant(VERIFY)).password.get_secret_value() in known


def test_keys_of_a_teams_page_are_those_of_who_is_in_it_now(tmp_path: Path) -> None:
    """Of before somebody left no list is kept; such a key is known by its look alone."""
    _, identity, known = sample(tmp_path, "per_team")
    everybody = tuple(replace(one, state="active") for one in PEOPLE)
    before: OwnPage = Identity(SECRET, identity.workshop, everybody).pages[0]
    assert identity.page_key(before).get_secret_value() not in known
    assert identity.page_key(identity.pages[0]).get_secret_value() in known
