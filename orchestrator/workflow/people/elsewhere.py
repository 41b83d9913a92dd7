"""An Open WebUI that belongs to others: how it is entered, what the state remembers of it, and how a workshop leaves.

What it takes to leave is in the state like a host: `teardown` must know it when the spec is gone. The key is not: its
reference is, and what that refers to is read again.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from orchestrator.errors import UserError, Where
from orchestrator.identity.accounts import account_of
from orchestrator.spec.loader import Spec
from orchestrator.spec.values import SecretReference
from orchestrator.state.state import State
from orchestrator.webui.accounts import has_our_password
from orchestrator.webui.clear import clear, find
from orchestrator.webui.client import WebUI
from orchestrator.webui.house import enter
from orchestrator.webui.marks import Marks
from orchestrator.webui.refused import SERVICE

KEPT_AS = "_webui_elsewhere"  # kept in the state like a host
URL, KEY, FOLDER = "url", "key", "folder"
GONE = ""  # instead of a URL: nothing of the workshop is there any more
LOOK_SECONDS = 20  # for one answer, where a command only looks


@dataclass(frozen=True, slots=True)
class Place:
    """Where a workshop has things at a server of others. `key` is a reference, relative to `folder`."""

    url: str
    key: str
    folder: Path

    def enter(self) -> WebUI:
        """Raises UserError: it does not answer, is no Open WebUI, or refuses the key."""
        reference = SecretReference.parse(self.key)
        assert reference  # noqa: S101 - noted from a valid spec
        webui = client(self.url)
        webui.dialect()
        return enter(webui, reference.reveal(self.folder))


@dataclass(frozen=True, slots=True)
class Looked:
    """What the workshop has there, a line for each; why it is not known, if it is not."""

    url: str
    lines: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()  # on purpose
    problem: UserError | None = None


def client(url: str) -> WebUI:
    """Trusting the authorities of this machine, or of SSL_CERT_FILE."""
    paths = ssl.get_default_verify_paths()
    return WebUI(url, verify_tls=paths.cafile or paths.capath or True)


def admin_key(spec: Spec) -> SecretStr | None:
    """Raises UserError with its line where it can't be read: in practice mode, too."""
    reference = spec.workshop.webui.admin_key
    if reference is None:
        return None
    try:
        return reference.reveal(spec.folder)
    except UserError as problem:
        raise spec.problem(("webui", "admin_key"), problem.code, problem.message, problem.hint) from None


def look_in(spec: Spec) -> None:
    """Raises UserError where the server of the spec does not answer, or does not take the key."""
    key, url = admin_key(spec), spec.workshop.webui.url
    if key and url:
        webui = client(url).patient(LOOK_SECONDS)
        webui.dialect()
        enter(webui, key)


def marks(state: State) -> Marks:
    """By which this workshop's things are known there."""
    meta = state.meta
    return Marks(state.folder.name, meta.deployment_id if meta else "")


def remember(spec: Spec, state: State) -> None:
    """Before the first thing is made there."""
    webui = spec.workshop.webui
    if webui.url and webui.admin_key:
        now = {URL: webui.url, KEY: _written(webui.admin_key), FOLDER: str(spec.folder)}
        if now != state.deployed.applied(KEPT_AS):
            for name, value in now.items():
                state.deployed.record_applied(KEPT_AS, name, value)


def place(state: State) -> Place | None:
    """Where the workshop has things, as far as the state knows."""
    found = state.deployed.applied(KEPT_AS)
    return Place(found[URL], found[KEY], Path(found[FOLDER])) if found.get(URL) else None


def moved(spec: Spec, state: State) -> Place | None:
    """A server that the spec named before, and names no more."""
    before = place(state)
    return before if before and before.url != spec.workshop.webui.url else None


def look(state: State, there: Place) -> Looked:
    """Changes nothing."""
    try:
        found = find(there.enter().patient(LOOK_SECONDS), marks(state), made(state))
    except UserError as problem:
        return Looked(there.url, problem=_told(there, problem))
    return Looked(there.url, tuple(f"{there.url}: {thing.what}" for thing in found.things))


def leave(state: State, there: Place, say: Callable[[str], None]) -> Looked:
    """Take all of it away, and ask what is left: that is in the lines."""
    own = marks(state)
    try:
        admin = there.enter()
        accounts = made(state) | _made_unnoted(state, admin)
        clear(admin, own, accounts, lambda line: say(f"{there.url}: {line}"))
        found = find(admin, own, accounts)
    except UserError as problem:
        return Looked(there.url, problem=_told(there, problem))
    if not found.things:
        state.deployed.record_applied(KEPT_AS, URL, GONE)
    kept = tuple(f"{there.url}: {line}" for line in found.left)
    return Looked(there.url, tuple(f"{there.url}: {thing.what}" for thing in found.things), kept)


def made(state: State) -> frozenset[str]:
    """Ids of the accounts there that are the workshop's."""
    return frozenset(record.user_id for record in state.accounts.all().values() if not record.theirs)


def _made_unnoted(state: State, admin: WebUI) -> frozenset[str]:
    """By a run that was killed before it could note them."""
    noted, users = state.accounts.all(), {one["email"].lower(): one for one in admin.get("/api/v1/users/all")["users"]}
    found = set()
    for person in state.people.all():
        account = account_of(state.secret, state.folder.name, person)
        user = users.get(account.email.lower())
        if account.id not in noted and user and has_our_password(admin, account):
            found.add(str(user["id"]))
    return frozenset(found)


def _told(there: Place, problem: UserError) -> UserError:
    """What the workshop made stays there, and how to go on."""
    hint = f"What it made there stays until then. {problem.hint or ''}".strip()
    return UserError(problem.code, f"{there.url}: {problem.message}", where=Where(service=SERVICE), hint=hint)


def _written(reference: SecretReference) -> str:
    return f"${{{reference.kind}:{reference.name}}}"
