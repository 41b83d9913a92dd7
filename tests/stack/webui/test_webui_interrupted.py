"""What a crash or a person's own doing leaves behind, and that the next run puts it right with the same keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.state.accounts import AccountRecord, Accounts
from orchestrator.webui import keys
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.seed import seed

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

HELLO = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}


class Killed(BaseException):
    """Stands for the end of the process."""


class DyingStore:
    """The real store, until the process ends before the second account is written."""

    def __init__(self, store: Accounts) -> None:
        self._store = store
        self._left = 1

    def get(self, participant: str) -> AccountRecord | None:
        return self._store.get(participant)

    def put(self, participant: str, account: AccountRecord) -> None:
        if not self._left:
            raise Killed
        self._left -= 1
        self._store.put(participant, account)


def refusal(call: Callable[[], object]) -> int:
    with pytest.raises(WebUIRefused) as caught:
        call()
    return caught.value.status


def accounts_of(workshop: Class) -> list[str]:
    domain = workshop.wanted.people[0].email.split("@")[1]
    users = workshop.server.as_admin.get("/api/v1/users/all")["users"]
    return sorted(user["email"] for user in users if user["email"].endswith(domain))


def test_killed_in_the_middle_the_next_run_finishes_without_duplicates(new_class: NewClass, server: Server) -> None:
    workshop = new_class(5)
    with pytest.raises(Killed):
        seed(server.as_admin, workshop.wanted, DyingStore(workshop.store), report=print, concurrency=2)

    workshop.seed()

    assert accounts_of(workshop) == sorted(person.email for person in workshop.wanted.people)
    for person in workshop.wanted.people:
        assert workshop.models(person.id)
    assert workshop.seed().changed == 0


@pytest.mark.full("one more way to the same: nothing is there twice, and keys stay")
def test_an_account_without_a_key_gets_one(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1)
    person = workshop.person("p01")
    form = {"name": person.name, "email": person.email, "password": person.password.get_secret_value(), "role": "user"}
    server.as_admin.post("/api/v1/auths/add", form)

    workshop.seed()

    assert workshop.models("p01")
    assert len(accounts_of(workshop)) == 1


def test_a_key_that_the_state_lost_is_read_back_not_replaced(new_class: NewClass) -> None:
    workshop = new_class(1)
    workshop.seed()
    key = workshop.key("p01")
    workshop.store.remove("p01")

    result = workshop.seed()

    assert (result.created, result.changed) == (0, 1)
    assert workshop.key("p01") == key


@pytest.mark.full("one more way to the same: nothing is there twice, and keys stay")
def test_a_password_of_ones_own_costs_the_key_only_until_it_is_reset(new_class: NewClass, server: Server) -> None:
    workshop = new_class(2)
    workshop.seed()
    key, person = workshop.key("p01"), workshop.person("p01")
    owner = server.client().sign_in(person.email, person.password)
    owner.post(
        "/api/v1/auths/update/password", {"password": person.password.get_secret_value(), "new_password": "my own"}
    )
    workshop.store.remove("p01")

    workshop.seed()
    record = workshop.record("p01")
    assert record.password_changed
    assert record.api_key is None
    assert workshop.seed().changed == 0

    workshop.seed(workshop.with_person("p01", generation=2, password=SecretStr("password 1 2")))
    assert workshop.key("p01") == key
    assert not workshop.record("p01").password_changed
    assert workshop.seed().changed == 0


@pytest.mark.full("one more way to the same: nothing is there twice, and keys stay")
def test_the_next_generation_resets_the_password_and_keeps_the_key(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1)
    workshop.seed()
    key, old = workshop.key("p01"), workshop.person("p01")

    workshop.seed(workshop.with_person("p01", generation=2, password=SecretStr("password 1 2")))

    assert refusal(lambda: server.client().sign_in(old.email, old.password)) == 400
    server.client().sign_in(old.email, SecretStr("password 1 2"))
    assert workshop.key("p01") == key
    assert workshop.models("p01")
    assert workshop.seed().changed == 0


@pytest.mark.full("one more way to the same: nothing is there twice, and keys stay")
def test_who_leaves_is_out_at_once_and_finds_everything_on_return(new_class: NewClass, server: Server) -> None:
    workshop = new_class(2)
    workshop.seed()
    key, caller = workshop.key("p01"), workshop.caller("p01")
    chat = caller.post("/api/v1/chats/new", {"chat": {"title": "kept", "messages": []}})["id"]

    workshop.seed(workshop.with_person("p01", active=False))
    assert refusal(lambda: caller.get("/api/models")) in {401, 403}
    assert refusal(lambda: caller.post("/api/chat/completions", HELLO)) in {401, 403}
    person = workshop.person("p01")
    pending = server.client().sign_in(person.email, person.password)
    assert refusal(lambda: pending.get("/api/v1/chats/")) == 401
    assert workshop.seed().changed == 0

    workshop.seed(workshop.with_person("p01", active=True))
    assert workshop.key("p01") == key
    assert caller.get(f"/api/v1/chats/{chat}")["title"] == "kept"
    assert "red-only" in workshop.models("p01")


def test_who_left_before_there_was_an_account_gets_none(new_class: NewClass) -> None:
    workshop = new_class(2)
    workshop.seed(workshop.with_person("p02", active=False))

    assert len(accounts_of(workshop)) == 1
    assert workshop.store.get("p02") is None


@pytest.mark.full("one more way to the same: nothing is there twice, and keys stay")
def test_a_mail_that_comes_back_under_another_id_gets_a_new_key(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1)
    workshop.seed()
    old, before = workshop.person("p01"), workshop.key("p01")
    new = replace(old, id="p02", password=SecretStr("password 2 1"))

    workshop.seed(replace(workshop.wanted, people=(replace(old, active=False), new)))

    assert refusal(lambda: server.client().signed_in(before).get("/api/models")) == 401
    assert workshop.models("p02")
    server.client().sign_in(new.email, new.password)
    assert len(accounts_of(workshop)) == 1
    assert workshop.seed().changed == 0


@pytest.mark.full("one more way to the same: nothing is there twice, and keys stay")
def test_an_account_deleted_by_hand_is_made_again(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1)
    workshop.seed()
    server.as_admin.delete(f"/api/v1/users/{workshop.record('p01').user_id}")

    assert workshop.seed().created == 1
    assert workshop.models("p01")


@pytest.mark.full("one more way to the same: nothing is there twice, and keys stay")
def test_a_changed_mail_and_a_newcomer_with_the_old_one(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1)
    workshop.seed()
    first = workshop.person("p01")
    moved = replace(first, email=f"moved-{first.email}")
    newcomer = replace(first, id="p02", password=SecretStr("password 2 1"))

    workshop.seed(replace(workshop.wanted, people=(newcomer, moved)))

    server.client().sign_in(moved.email, moved.password)
    server.client().sign_in(newcomer.email, newcomer.password)
    assert workshop.record("p01").user_id != workshop.record("p02").user_id
    assert workshop.seed().changed == 0


@pytest.mark.full("one more way to the same: nothing is there twice, and keys stay")
def test_a_key_rotated_by_its_owner_is_not_rotated_back(new_class: NewClass) -> None:
    workshop = new_class(1)
    workshop.seed()
    new = keys.mint(workshop.caller("p01"))

    workshop.seed()

    assert workshop.server.client().signed_in(new).get("/api/models")["data"]


def test_an_administrator_with_another_password_is_named(new_class: NewClass, server: Server) -> None:
    workshop = new_class(1)
    wanted = replace(workshop.wanted, admin=replace(server.admin, password=SecretStr("not it")))

    with pytest.raises(UserError) as caught:
        seed(server.client(), wanted, workshop.store, report=print, concurrency=1)

    assert caught.value.code == "webui_admin_refused"
    assert "not it" not in str(caught.value)
