"""Everybody of a workshop, and the secrets that each asks or signs in with. Keys are derived here and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import SecretStr

from orchestrator.identity import keys
from orchestrator.identity.accounts import PASSWORD, Account, Admin, account_of
from orchestrator.identity.credentials import Credentials, KnownAccount
from orchestrator.identity.pages import OwnPage, own_pages
from orchestrator.identity.participant import Participant, made_up_email
from orchestrator.labels import distinct, slug
from orchestrator.spec.workshop import Workshop

VERIFY = "_verify"  # asks as a participant would; exempt from the window, never listed, no card
SERVICE = "_webui"  # Open WebUI itself
INSTRUCTOR = "_instructor"  # its administrator
EMBEDDINGS = "_embeddings"  # Open WebUI once more, which names no person then
NOBODY = "_removed"  # its key is made like any other and opens nothing
GUEST = "_rehearse-"  # simulated people, and what the ids of theirs begin with
MOST_GUESTS = 900

ADMINISTRATOR, GUESTS_ACCOUNT = "webui-admin", "webui-guest"  # purposes of passwords
SESSIONS = "webui-sessions"  # the purpose of a token


@dataclass(frozen=True, slots=True)
class Identity:
    """`people` are all who ever took part, in the order of their numbers."""

    secret: bytes = field(repr=False)
    workshop: Workshop
    people: tuple[Participant, ...]

    @property
    def verifiers(self) -> tuple[Participant, ...]:
        """Who asks on behalf of `verify`: somebody without a team, and one for each team that has models of its own."""
        slugs = distinct(self.workshop.teams, slug)
        return (
            Participant(VERIFY),
            *(Participant(f"{VERIFY}-{slugs[team]}", team=team) for team in self.workshop.teams),
        )

    @property
    def pages(self) -> tuple[OwnPage, ...]:
        """The Open WebUIs of participants' or teams' own."""
        return own_pages(self.workshop, self.people)

    # keys for the gateway

    def key(self, person: Participant) -> SecretStr:
        return keys.api_key(self.secret, person.id, person.key_generation)

    def keys_ever(self, person: Participant) -> tuple[SecretStr, ...]:
        """Of every generation until now."""
        return tuple(keys.api_key(self.secret, person.id, number) for number in range(1, person.key_generation + 1))

    @property
    def service_key(self) -> SecretStr:
        """Open WebUI's own, where everybody shares one."""
        return keys.api_key(self.secret, SERVICE, 1)

    @property
    def embeddings_key(self) -> SecretStr:
        """With which that one makes files searchable: it opens the one model that embeds, and nothing else."""
        return keys.api_key(self.secret, EMBEDDINGS, 1)

    @property
    def nobodys_key(self) -> SecretStr:
        return keys.api_key(self.secret, NOBODY, 1)

    def page_key(self, page: OwnPage) -> SecretStr:
        """With which somebody's own Open WebUI asks: the participant's, or one of the team's."""
        return self._key_of_team(page, page.caller) if page.team is not None else self.key(page.people[0])

    def page_embeddings_key(self, page: OwnPage) -> SecretStr:
        """With which that one makes files searchable: another one whenever its people's own key is another one."""
        caller = f"{EMBEDDINGS}-{page.caller}"
        if page.team is not None:
            return self._key_of_team(page, caller)
        return keys.api_key(self.secret, caller, page.people[0].key_generation)

    def _key_of_team(self, page: OwnPage, caller: str) -> SecretStr:
        """Every member can read it there, so it is another one for each set of people who are out."""
        out = sorted(person.id for person in page.people if person.state != "active")
        return keys.api_key(self.secret, ",".join((caller, *out)), 1)

    # accounts at Open WebUI

    def account(self, person: Participant) -> Account:
        return account_of(self.secret, self.workshop.name, person)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Of the people and the verifiers. Removed people keep a closed one, so that their chats are not lost."""
        return tuple(map(self.account, (*self.people, *self.verifiers)))

    def admin(self, page: OwnPage | None = None) -> Admin:
        """The instructor's sign-in; at a page of somebody's own, whose people can read it there, another one each."""
        password = keys.password(self.secret, ADMINISTRATOR, page.service if page else "", 1)
        return Admin(instructor_email(self.workshop.name), password)

    def session_secret(self, page: OwnPage | None = None) -> SecretStr:
        """With which a server signs its sessions."""
        return keys.token(self.secret, f"{SESSIONS} {page.service}" if page else SESSIONS)

    def guest(self, number: int) -> tuple[SecretStr, Account]:
        """Somebody simulated, from 1 to MOST_GUESTS: the key, and the account."""
        who = f"{GUEST}{number:03}"
        password = keys.password(self.secret, GUESTS_ACCOUNT, who, 1)
        email = made_up_email(who, self.workshop.name)
        return keys.api_key(self.secret, who, 1), Account(who, email, "Rehearsal", password, keyed=False)

    # together

    def credentials(
        self, person: Participant, *, api_base: str, page: str | None, account: KnownAccount | None
    ) -> Credentials:
        """`page` is where they sign in, `account` what is remembered of that.

        A removed participant has none; a revoked one has those that do not work now.
        """
        removed = person.state == "removed"
        own_password = account is not None and (account.password_changed or account.theirs)
        return Credentials(
            participant=person,
            api_base=api_base,
            api_key=None if removed else self.key(person),
            webui_url=page,
            webui_email=person.webui_email(self.workshop.name) if page else None,
            webui_password=self.account(person).password if page and not removed and not own_password else None,
            webui_api_key=account.api_key if account and not removed else None,
            own_account=account is not None and account.theirs,
            models=() if removed else self.workshop.models_for(person.team),
        )

    def all_secrets(self) -> Iterator[SecretStr]:
        """Whatever is derived above, with earlier generations, and the workshop's secret itself.

        A team's keys of before somebody left or was revoked are not among them: what they look like tells of those.
        """
        yield SecretStr(self.secret.hex())
        yield SecretStr(base64.b64encode(self.secret).decode())
        yield from (self.service_key, self.embeddings_key, self.nobodys_key)
        yield from (self.admin().password, self.session_secret())
        for person in (*self.people, *self.verifiers):
            yield from self.keys_ever(person)
            for generation in range(1, person.password_generation + 1):
                yield keys.password(self.secret, PASSWORD, person.id, generation)
        for page in self.pages:
            yield from (self.page_key(page), self.page_embeddings_key(page))
            yield from (self.admin(page).password, self.session_secret(page))
            if page.team is None:
                caller = f"{EMBEDDINGS}-{page.caller}"
                for generation in range(1, page.people[0].key_generation):
                    yield keys.api_key(self.secret, caller, generation)
        for number in range(1, MOST_GUESTS + 1):
            key, account = self.guest(number)
            yield from (key, account.password)


def strangers_key() -> SecretStr:
    """Well made, and known to no workshop."""
    return keys.api_key(keys.new_secret(), "nobody", 1)


def instructor_email(workshop: str) -> str:
    """The first administrator of Open WebUI."""
    return made_up_email("instructor", workshop)
