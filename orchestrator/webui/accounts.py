"""Accounts: one for each active participant, closed for those who left, put right where someone changed them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.identity.accounts import Account
from orchestrator.state.accounts import AccountRecord
from orchestrator.webui import groups, keys
from orchestrator.webui.client import WebUI
from orchestrator.webui.matching import Match, match
from orchestrator.webui.refused import BAD_REQUEST, FORBIDDEN, SERVER_ERROR, UNAUTHORIZED, WebUIRefused
from orchestrator.webui.wanted import AccountStore, Seed, Tally

NO_PICTURE = "/user.png"  # an older server tells addresses that it then refuses, this one of its own aside
BATCH = 8  # accounts that are put into the group by one request
THEIRS = "is the person's own: put into the group, and otherwise left as it is"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Ids of accounts by the person's, and a line for each person whose account could not be made or put right."""

    ids: dict[str, str]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """What a thread did. `owner`: the server as the account sees it, where a key is to be had."""

    account: Match
    user_id: str
    owner: WebUI | None = None
    created: bool = False
    password_changed: bool = False
    how: tuple[str, ...] = ()


def apply(
    webui: WebUI,
    wanted: Seed,
    everybody: str | None,
    store: AccountStore,
    tally: Tally,
    *,
    concurrency: int,
    only: AbstractSet[str] | None = None,
) -> Accounts:
    """`everybody` is the id of the group whose members may have a key, None: all are administrators, who may.

    `concurrency` counts accounts at a time.

    With `only` (ids of people) the accounts of others are left as they are.

    One person's trouble is a line in `failures`; a server that doesn't answer raises.
    """
    records = {person.id: store.get(person.id) for person in wanted.people}
    accounts = match(wanted.people, records, webui.get("/api/v1/users/all")["users"], elsewhere=wanted.marks.elsewhere)
    accounts = [account for account in accounts if only is None or account.person.id in only]
    ids: dict[str, str] = {}
    failures: list[str] = []
    for account in accounts:
        if account.settled:
            tally.keep()
            if account.user:
                ids[account.person.id] = account.user["id"]
    waiting = [account for account in accounts if not account.settled]
    if not webui.writes:
        _foretell(waiting, tally)
        return Accounts(ids | {one.person.id: one.user["id"] for one in waiting if one.user}, ())
    # Those who are there go first: a mail that one of them gives up may be that of someone who is new.
    for turn in ([one for one in waiting if one.user], [one for one in waiting if not one.user]):
        for batch in _worked(webui, wanted, turn, failures, concurrency):
            if everybody and (owners := [done.user_id for done in batch if done.owner]):
                groups.add(webui, everybody, owners)
            for done in batch:
                _remember(done, store, tally)
                ids[done.account.person.id] = done.user_id
    return Accounts(ids, tuple(failures))


def _foretell(accounts: Sequence[Match], tally: Tally) -> None:
    for account in accounts:
        left = account.theirs or account.unproven
        how = [THEIRS] if left else [f"{field} set" for field in account.differences()]
        how += ["password set"] if account.sets_password else []
        how += ["API key fetched"] if account.lacks_key else []
        if account.user:
            tally.change(f"account {account.person.id}", ", ".join(how))
        else:
            tally.create(f"account {account.person.id}")


def _worked(
    webui: WebUI, wanted: Seed, accounts: Sequence[Match], failures: list[str], concurrency: int
) -> Iterator[list[_Done]]:
    """The accounts as they are done, in batches; the hashing of passwords, at the server, is what takes the time."""
    if not accounts:
        return
    pool = ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(accounts))))
    try:
        futures = {pool.submit(_settle, webui, wanted, account): account.person.id for account in accounts}
        batch: list[_Done] = []
        for future in as_completed(futures):
            try:
                batch.append(future.result())
            except WebUIRefused as refused:
                failures.append(f"{futures[future]}: {refused.detail}")
            if len(batch) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)


def _settle(webui: WebUI, wanted: Seed, account: Match) -> _Done:
    if account.person.email.lower() == wanted.admin.email.lower():
        raise WebUIRefused("an account", BAD_REQUEST, "this mail is the administrator's own")
    if account.user is None:
        try:
            return _create(webui, account)
        except WebUIRefused as refused:
            # Made in the meantime: 400 if it was there, 500 if the database noticed.
            user = _with_mail(webui, account) if refused.status in {BAD_REQUEST, SERVER_ERROR} else None
            if user is None:
                raise
            account = replace(account, user=user, unproven=wanted.marks.elsewhere)
    user_id = str(account.user["id"] if account.user else "")
    if account.theirs or (account.unproven and not has_our_password(webui, account.person)):
        return _Done(replace(account, theirs=True), user_id, how=(THEIRS,))
    return _put_right(webui, account, user_id)


def has_our_password(webui: WebUI, person: Account) -> bool:
    """Whether an account of this mail was made by the workshop: a run that was killed may not have noted it."""
    try:
        webui.sign_in(person.email, person.password)
    except WebUIRefused as refused:
        if refused.status not in {BAD_REQUEST, UNAUTHORIZED, FORBIDDEN}:
            raise
        return False
    except UserError as problem:
        if problem.code != "webui_second_factor":  # which nobody set for an account of our making
            raise
        return False
    return True


def _create(webui: WebUI, account: Match) -> _Done:
    person = account.person
    made = webui.post(
        "/api/v1/auths/add",
        {
            "name": person.name,
            "email": person.email,
            "password": person.password.get_secret_value(),
            "role": person.role,
        },
    )
    if not person.keyed:
        return _Done(account, made["id"], created=True)
    # The answer has a token of the new account: signing in would cost a second hash. With MFA there is none.
    token = made.get("token")
    owner = webui.signed_in(SecretStr(token)) if token else webui.sign_in(person.email, person.password)
    return _Done(account, made["id"], owner, created=True)


def _with_mail(webui: WebUI, account: Match) -> dict[str, Any] | None:
    mail = account.person.email.lower()
    for user in webui.get("/api/v1/users/all")["users"]:
        if user["email"].lower() == mail:
            return dict(user)
    return None


def _put_right(webui: WebUI, account: Match, user_id: str) -> _Done:
    person, different = account.person, account.differences()
    how = [f"{field} set" for field in different]
    if account.sets_password:
        different["password"] = person.password.get_secret_value()
        how.append("password set")
    if different and account.user:
        as_it_is = {field: account.user[field] for field in ("role", "name", "email")}
        if not webui.dialect().changes_single_fields:
            picture = str(webui.get(f"/api/v1/users/{user_id}").get("profile_image_url") or "")
            as_it_is["profile_image_url"] = picture if picture.startswith("data:image/") else NO_PICTURE
        webui.post(f"/api/v1/users/{user_id}/update", {**as_it_is, **different}, repeatable=True)
    changed = bool(account.record and account.record.password_changed) and not account.sets_password
    owner = None
    if account.lacks_key:
        try:
            owner = webui.sign_in(person.email, person.password)
        except WebUIRefused as refused:
            if refused.status != BAD_REQUEST:
                raise
            changed = True
            how.append("has a password of the person's own, so its API key is not known")
    return _Done(account, user_id, owner, password_changed=changed, how=tuple(how))


def _remember(done: _Done, store: AccountStore, tally: Tally) -> None:
    account, person = done.account, done.account.person
    key = account.record.api_key if account.record and not account.inherited else None
    how = list(done.how)
    if done.owner:
        key = keys.mint(done.owner) if done.created or account.inherited else keys.obtain(done.owner)
        how.append("API key fetched")
    sets = done.created or account.sets_password or account.record is None
    generation = person.generation if sets or account.record is None else account.record.password_generation
    store.put(
        person.id,
        AccountRecord(
            user_id=done.user_id,
            email=person.email.lower(),
            api_key=key,
            password_generation=generation,
            password_changed=done.password_changed,
            theirs=account.theirs,
        ),
    )
    if done.created:
        tally.create(f"account {person.id}")
    else:
        tally.change(f"account {person.id}", ", ".join(how))
