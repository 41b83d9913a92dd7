"""Puts into Open WebUI all that a workshop needs, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from orchestrator.errors import UserError, Where
from orchestrator.identity.accounts import Admin
from orchestrator.webui import accounts as people
from orchestrator.webui import (
    connections,
    embedding,
    front_page,
    functions,
    groups,
    guests,
    house,
    knowledge,
    models,
    ollama_gateway,
    settings,
    tool_servers,
)
from orchestrator.webui.client import WebUI
from orchestrator.webui.marks import EVERYBODY
from orchestrator.webui.onlooker import Onlooker
from orchestrator.webui.refused import BAD_REQUEST, FORBIDDEN, SERVICE, TOO_MANY, UNAUTHORIZED, WebUIRefused
from orchestrator.webui.wanted import AccountStore, Foreseen, Foretold, Seed, SeedResult, Tally


def seed(
    webui: WebUI, wanted: Seed, accounts: AccountStore, *, report: Callable[[str], None], concurrency: int
) -> SeedResult:
    """Makes the server hold what is wanted; the second time it changes nothing.

    `webui` speaks for nobody or, which saves the hashing of a password and the limit of 15 sign-ins in three minutes,
    for the administrator already. `report` gets a line for each change. `concurrency` counts accounts made at a time:
    the server's cores, up to twice as many. Killed at any point, the next call ends in the same state with the same
    keys. Raises UserError: the server can't be reached, is too old, doesn't let the administrator in, or refused some
    accounts (`webui_accounts`), functions, tool servers or files (`webui_parts`): all else is then done.
    """
    _each_mail_once(wanted)
    for warning in webui.dialect().warnings():
        report(warning)
    admin = as_admin(webui, wanted.admin)
    tally = Tally(report)
    found = _converge(admin, wanted, accounts, tally, concurrency)
    _require_all(found, len(wanted.people))
    _require_none(tally.failures)
    return tally.result()


def look(webui: WebUI, wanted: Seed, accounts: AccountStore) -> tuple[Foreseen, ...]:
    """Each thing that `seed` would make or put right; nothing is changed.

    `webui` and what is raised: as for `seed`, but nothing that is refused.
    """
    _each_mail_once(wanted)
    webui.dialect()
    tally = Foretold()
    _converge(as_admin(webui, wanted.admin).as_kind(Onlooker), wanted, accounts, tally, concurrency=1)
    return tuple(tally.foreseen)


def _converge(admin: WebUI, wanted: Seed, accounts: AccountStore, tally: Tally, concurrency: int) -> people.Accounts:
    return (_beside_others if wanted.marks.elsewhere else _all_of_it)(admin, wanted, accounts, tally, concurrency)


def _all_of_it(admin: WebUI, wanted: Seed, accounts: AccountStore, tally: Tally, concurrency: int) -> people.Accounts:
    settings.apply(admin, wanted, tally)
    provided = connections.apply(admin, wanted, tally)
    ids = groups.make(admin, wanted, tally)
    wanted = replace(wanted, models=(*wanted.models, *provided, *functions.apply(admin, wanted, tally)))
    models.apply(admin, wanted, ids, tally)
    ollama_gateway.hide(admin, wanted, ids, tally)
    tool_servers.apply(admin, wanted, ids, tally)
    front_page.apply(admin, wanted, tally)
    found = people.apply(admin, wanted, ids[EVERYBODY], accounts, tally, concurrency=concurrency)
    groups.fill(admin, wanted, ids, found.ids, tally)
    if admin.writes:
        if left := guests.dismiss(admin, wanted.admin.email.partition("@")[2], concurrency=concurrency):
            tally.change("accounts of a rehearsal that was killed", f"{left} removed")
        models.load(admin, wanted, changed=bool(tally.created or tally.changed))
    embedding.apply(admin, wanted, tally)
    knowledge.apply(admin, wanted, ids, tally, concurrency=concurrency)
    return found


def _beside_others(
    admin: WebUI, wanted: Seed, accounts: AccountStore, tally: Tally, concurrency: int
) -> people.Accounts:
    """The groups first: they tell whether another workshop has this name there."""
    ids = groups.make(admin, wanted, tally)
    house.connect(admin, wanted, tally)
    wanted = functions.without_those_of_others(admin, wanted, tally)
    wanted = replace(wanted, models=(*wanted.models, *functions.apply(admin, wanted, tally)))
    models.apply(admin, wanted, ids, tally)
    tool_servers.apply(admin, wanted, ids, tally)
    front_page.banners(admin, wanted, tally)
    wanted = house.as_keyed(admin, wanted, tally)
    found = people.apply(admin, wanted, ids[EVERYBODY], accounts, tally, concurrency=concurrency)
    groups.fill(admin, wanted, ids, found.ids, tally)
    if admin.writes:
        models.load(admin, wanted, changed=bool(tally.created or tally.changed))
    if house.searches(admin, wanted, tally):
        knowledge.apply(admin, wanted, ids, tally, concurrency=concurrency)
    return found


def seed_bare(
    webui: WebUI, wanted: Seed, accounts: AccountStore, *, report: Callable[[str], None], concurrency: int
) -> SeedResult:
    """The people's accounts, and nothing else. Raises as `seed` does."""
    webui.dialect()
    admin = as_admin(webui, wanted.admin)
    tally = Tally(report)
    found = people.apply(admin, wanted, None, accounts, tally, concurrency=concurrency)
    _require_all(found, len(wanted.people))
    return tally.result()


def seed_people(
    webui: WebUI,
    wanted: Seed,
    accounts: AccountStore,
    ids: AbstractSet[str],
    *,
    report: Callable[[str], None],
    concurrency: int,
) -> SeedResult:
    """The accounts of the people with these ids, and their groups; nothing else is looked at. Raises as `seed` does."""
    _each_mail_once(wanted)
    admin = as_admin(webui, wanted.admin)
    tally = Tally(report)
    by_name = groups.make(admin, wanted, tally, others=False)
    everybody = by_name[EVERYBODY]
    if wanted.marks.elsewhere:
        wanted = house.as_keyed(admin, wanted, tally)
    found = people.apply(admin, wanted, everybody, accounts, tally, concurrency=concurrency, only=ids)
    groups.fill(admin, wanted, by_name, found.ids, tally, others=False)
    _require_all(found, len(ids))
    return tally.result()


def seed_connections(webui: WebUI, wanted: Seed, *, report: Callable[[str], None]) -> SeedResult:
    """The connections, and who sees their models; nothing else is looked at. Raises as `seed` does."""
    webui.dialect()
    admin = as_admin(webui, wanted.admin)
    tally = Tally(report)
    provided = connections.apply(admin, wanted, tally)
    models.apply_provided(admin, provided, groups.make(admin, wanted, tally, others=False), tally)
    models.load(admin, wanted, changed=bool(tally.created or tally.changed))
    _require_none(tally.failures)
    return tally.result()


def _require_all(found: people.Accounts, wanted: int) -> None:
    if found.failures:
        raise UserError(
            "webui_accounts",
            f"{len(found.failures)} of {wanted} accounts were refused: {'; '.join(found.failures[:3])}",
            where=Where(service=SERVICE),
            hint="All else is done. Put right what is named here and run the command again.",
        )


def _require_none(failures: list[str]) -> None:
    if failures:
        raise UserError(
            "webui_parts",
            f"{len(failures)} parts were refused: {'; '.join(failures[:3])}",
            where=Where(service=SERVICE),
            hint="All else is done. Put right what is named here and run the command again.",
        )


def _each_mail_once(wanted: Seed) -> None:
    holders: dict[str, str] = {}
    for person in wanted.people:
        if person.active and holders.setdefault(person.email.lower(), person.id) != person.id:
            raise UserError(
                "webui_mail_twice",
                f"{holders[person.email.lower()]} and {person.id} have the same mail, and an account has one person",
                hint="Give one of them another mail.",
            )


def as_admin(webui: WebUI, admin: Admin) -> WebUI:
    """The server as its administrator sees it: by the session that `webui` has, while it lasts, else by signing in."""
    if webui.entered:
        return webui
    if admin.key:
        return house.enter(webui, admin.key)
    if webui.token:
        try:
            webui.get(settings.ADMIN_SETTINGS)
        except WebUIRefused as refused:
            if refused.status not in {UNAUTHORIZED, FORBIDDEN}:  # else the session has ended
                raise
        else:
            webui.entered = True
            return webui
    try:
        webui = webui.sign_in(admin.email, admin.password)
    except WebUIRefused as refused:
        if refused.status == TOO_MANY:
            raise UserError(
                "webui_throttled",
                "the administrator signed in too often lately",
                where=Where(service=SERVICE),
                hint="Run the command again in three minutes.",
            ) from None
        if refused.status != BAD_REQUEST:
            raise
        raise UserError(
            "webui_admin_refused",
            f"the administrator {admin.email} can't sign in with the workshop's password",
            where=Where(service=SERVICE),
            hint="Was it changed by hand, or does the data come from another deployment?",
        ) from None
    webui.entered = True
    return webui
