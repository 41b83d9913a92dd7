"""Which Open WebUI account is whose, and what about it is not as it should be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.identity.accounts import Account
from orchestrator.state.accounts import AccountRecord
from orchestrator.webui.matching import Match, match


def person(number: int, mail: str = "", **more: Any) -> Account:
    return Account(f"p{number:02}", mail or f"p{number:02}@x.org", f"Seat {number}", SecretStr("password"), **more)


def user(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"u{number}", "email": f"p{number:02}@x.org", "name": f"Seat {number}", "role": "user", **more}


def record(number: int, **more: Any) -> AccountRecord:
    return AccountRecord(f"u{number}", f"p{number:02}@x.org", **{"api_key": SecretStr("sk-1"), **more})


def matched(*arguments: Any) -> dict[str, str | None]:
    return {one.person.id: one.user["id"] if one.user else None for one in match(*arguments)}


def test_an_account_is_found_by_the_states_id_whatever_its_mail() -> None:
    (found,) = match([person(1)], {"p01": record(1)}, [user(1, email="other@x.org")])

    assert found.user is not None
    assert found.differences() == {"email": "p01@x.org"}


def test_an_account_that_the_state_does_not_know_is_found_by_its_mail_in_any_case() -> None:
    (found,) = match([person(1, "P01@X.org")], {}, [user(1)])

    assert found.user is not None
    assert found.lacks_key
    assert not found.differences()


def test_who_has_an_account_by_record_keeps_it_from_who_only_has_the_mail() -> None:
    people = [person(2, "p01@x.org"), person(1, "new@x.org")]

    assert matched(people, {"p01": record(1)}, [user(1)]) == {"p01": "u1", "p02": None}


def test_one_account_is_never_two_persons() -> None:
    people = [person(1), person(2, "p01@x.org")]

    assert sorted(map(str, matched(people, {}, [user(1)]).values())) == ["None", "u1"]


def test_who_comes_with_the_mail_of_someone_who_left_inherits_the_account_but_not_its_secrets() -> None:
    people = [person(1, active=False), person(2, "p01@x.org")]

    heir, left = match(people, {"p01": record(1)}, [user(1, role="pending")])

    assert heir.person.id == "p02"
    assert heir.inherited
    assert heir.sets_password
    assert heir.lacks_key
    assert left.user is None
    assert left.settled


@pytest.mark.parametrize(
    ("account", "settled"),
    [
        (Match(person(1), record(1), user(1)), True),
        (Match(person(1)), False),
        (Match(person(1, active=False)), True),
        (Match(person(1, active=False), record(1), user(1)), False),
        (Match(person(1, active=False), record(1), user(1, role="pending")), True),
        (Match(person(1), record(1), user(1, role="pending")), False),
        (Match(person(1), record(1), user(1, role="admin")), False),
        (Match(person(1), record(1), user(1, name="Mallory")), False),
        (Match(person(1, generation=2), record(1), user(1)), False),
        (Match(person(1, generation=2), record(1, password_generation=2), user(1)), True),
        (Match(person(1), record(1, api_key=None), user(1)), False),
        (Match(person(1), record(1, api_key=None, password_changed=True), user(1)), True),
        (Match(person(1, generation=2), record(1, api_key=None, password_changed=True), user(1)), False),
        (Match(person(1), None, user(1)), False),
    ],
)
def test_only_what_is_not_as_it_should_be_is_touched(account: Match, settled: bool) -> None:
    assert account.settled is settled


def test_who_left_keeps_name_and_mail() -> None:
    left = Match(person(1, "new@x.org", active=False), record(1), user(1))

    assert left.differences() == {"role": "pending"}


def test_at_a_server_of_others_an_account_found_by_its_mail_is_not_the_workshops_until_that_is_proved() -> None:
    (found,) = match([person(1)], {}, [user(1)], elsewhere=True)

    assert found.unproven
    assert not found.settled


def test_the_persons_own_account_gets_no_role_no_name_and_no_password() -> None:
    own = record(1, theirs=True, api_key=None, password_generation=0)

    (found,) = match([person(1)], {"p01": own}, [user(1, role="admin", name="Ada")], elsewhere=True)

    assert found.theirs
    assert (found.differences(), found.sets_password, found.lacks_key, found.settled) == ({}, False, False, True)


def test_who_leaves_or_returns_does_not_make_their_own_account_the_workshops() -> None:
    own = {"p01": record(1, theirs=True, api_key=None)}

    heir, left = match([person(1, active=False), person(2, "p01@x.org")], own, [user(1)], elsewhere=True)
    (gone,) = match([person(1, active=False)], own, [user(1)], elsewhere=True)

    assert (heir.person.id, heir.theirs, heir.sets_password) == ("p02", True, False)
    assert left.user is None
    assert (gone.differences(), gone.settled) == ({}, True)


def test_who_left_before_an_account_was_made_closes_nobodys_at_a_server_of_others() -> None:
    (found,) = match([person(1, active=False)], {}, [user(1)], elsewhere=True)

    assert found.user is None
