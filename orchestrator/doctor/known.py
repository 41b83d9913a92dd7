"""The secrets and the people of a workshop, so that they can be found wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from orchestrator.doctor import known_files
from orchestrator.doctor.written import written_secrets
from orchestrator.errors import UserError
from orchestrator.identity.identity import Identity
from orchestrator.spec.loader import Spec
from orchestrator.spec.secrets import SOUNDS_SECRET, plain_secrets, revealed
from orchestrator.state.state import State

PATHS = ("/", "~", "./")  # SSH_AUTH_SOCK and the like name files
LONG_ENOUGH = 8  # characters of a variable: shorter ones say true, none or basic
SCHEME = re.compile(r"(?:Bearer|Basic|Token)\s+(\S+)", re.IGNORECASE)


def known_secrets(
    spec: Spec, state: State, environment: Mapping[str, str], home: Path, *, text: str | None = None
) -> Iterator[str]:
    """Every one that this machine can tell, those of earlier generations and of the spec as last applied too.

    `text` is what stands in the spec's file where that is no spec now.
    """
    for secret in _whole(spec, state, environment, home, text):
        yield secret
        yield from _inside(secret)


def people_by_id(spec: Spec, state: State) -> dict[str, str]:
    """Names and mails, each with the id that stands for it."""
    found: dict[str, str] = {}
    for person in state.people.all():
        found |= {text: person.id for text in (person.name, person.email) if text}
    kept = state.spec.kept
    for roster in (spec.roster, kept.roster if kept else None):
        for number, row in enumerate(roster or (), 1):
            for text in (row.name, row.email):
                if text:
                    found.setdefault(text, f"row-{number}")
    return found


def _whole(spec: Spec, state: State, environment: Mapping[str, str], home: Path, text: str | None) -> Iterator[str]:
    specs = [spec]
    if text is not None:
        yield from written_secrets(text, spec.folder)
    if kept := state.spec.kept:
        try:
            specs.append(kept.restored(spec.file))
        except ValidationError:  # of another version of this program
            yield from written_secrets(kept.text, spec.folder)
    for one in specs:
        yield from _of_the_spec(one)
        yield from known_files.of_keys(one)
        yield from _derived(one, state)
    yield from _stored(state)
    yield from known_files.of_the_state(state.folder, specs)
    yield from known_files.of_registries(home)
    for name, value in environment.items():
        if SOUNDS_SECRET.search(name) and len(value) >= LONG_ENOUGH and not value.startswith(PATHS):
            yield value


def _inside(secret: str) -> Iterator[str]:
    """What stands in it and opens the same: without `Bearer`, the password of an address."""
    if scheme := SCHEME.fullmatch(secret.strip()):
        yield scheme[1]
    try:
        password = urlsplit(secret).password if "://" in secret else None
    except ValueError:
        return
    if password:
        yield from (password, unquote(password))


def _of_the_spec(spec: Spec) -> Iterator[str]:
    for _, reference in spec.secret_references():
        yield from revealed(reference, spec.folder)
    yield from (value for _, value in plain_secrets(spec.workshop))


def _derived(spec: Spec, state: State) -> Iterator[str]:
    try:
        identity = Identity(state.secret, spec.workshop, state.people.all())
    except UserError:  # nothing was provisioned
        return
    yield from (value.get_secret_value() for value in identity.all_secrets())


def _stored(state: State) -> Iterator[str]:
    minted = (account.api_key for account in state.accounts.all().values())
    stored = (state.accounts.session, *state.connections.keys(), *minted)
    yield from (value.get_secret_value() for value in stored if value is not None)
