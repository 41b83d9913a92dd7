"""The secrets and the people of a workshop, so that they can be found wherever they stand."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.identity.identity import Identity
from orchestrator.spec.loader import Spec
from orchestrator.spec.sections import Tls
from orchestrator.spec.values import SecretReference
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State

SOUNDS_SECRET = re.compile(r"key|token|secret|passw|passphrase|credential|auth", re.IGNORECASE)
PATHS = ("/", "~", "./")  # SSH_AUTH_SOCK and the like name files
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)-----END", re.DOTALL)
LONG_ENOUGH = 8  # characters of a variable: shorter ones say true, none or basic
LARGEST = 1_000_000  # bytes of a file with a secret


def known_secrets(spec: Spec, state: State, environment: Mapping[str, str], home: Path) -> Iterator[str]:
    """Every one that this machine can tell, those of earlier generations too."""
    yield from _of_the_spec(spec)
    yield from _of_the_state(spec, state)
    for name, value in environment.items():
        if SOUNDS_SECRET.search(name) and len(value) >= LONG_ENOUGH and not value.startswith(PATHS):
            yield value
    for file in (*_key_files(spec), *_below(state.folder)):
        yield from _private_lines(file)
    yield from _registry_logins(home / ".docker" / "config.json")


def people_by_id(spec: Spec, state: State) -> dict[str, str]:
    """Names and mails, each with the id that stands for it."""
    found: dict[str, str] = {}
    for person in state.people.all():
        found |= {text: person.id for text in (person.name, person.email) if text}
    for number, row in enumerate(spec.roster or (), 1):
        for text in (row.name, row.email):
            if text:
                found.setdefault(text, f"row-{number}")
    return found


def _of_the_spec(spec: Spec) -> Iterator[str]:
    for _, reference in spec.secret_references():
        try:
            yield reference.reveal(spec.folder).get_secret_value()
        except UserError:  # not there, so it can't stand anywhere either
            continue
    for model in spec.workshop.models:
        for name, value in {**model.environment, **model.headers, **model.query}.items():
            if SOUNDS_SECRET.search(name) and not isinstance(value, SecretReference):
                yield value


def _of_the_state(spec: Spec, state: State) -> Iterator[str]:
    try:
        derived = Identity(state.secret, spec.workshop, state.people.all()).all_secrets()
    except UserError:  # nothing was provisioned
        return
    minted = (account.api_key for account in state.accounts.all().values())
    stored = (state.accounts.session, *state.connections.keys(), *minted)
    yield from (value.get_secret_value() for value in (*derived, *stored) if value is not None)


def _key_files(spec: Spec) -> Iterator[Path]:
    yield from (spec.path(host.key) for host in spec.workshop.hosts if host.key)
    if isinstance(spec.workshop.public.tls, Tls):
        yield spec.path(spec.workshop.public.tls.key)


def _below(folder: StateFolder) -> Iterator[Path]:
    yield from (file for file in folder.tls.rglob("*") if file.is_file())


def _private_lines(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8") if file.stat().st_size < LARGEST else ""
    except (OSError, ValueError):
        return
    yield from PRIVATE_KEY.findall(text)


def _registry_logins(file: Path) -> Iterator[str]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["auths"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    for entry in entries:
        token = entry.get("auth", "") if isinstance(entry, dict) else ""
        yield token
        try:
            yield base64.b64decode(token).decode().partition(":")[2]
        except ValueError:
            continue
