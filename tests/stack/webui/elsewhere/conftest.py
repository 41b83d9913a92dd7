"""A server with things of its own house in it, and workshops that come and leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from orchestrator.state.accounts import Accounts
from orchestrator.state.database import Database
from orchestrator.state.people import People
from orchestrator.state.seats import CountedSeats
from orchestrator.webui import keys
from orchestrator.webui.house import named
from orchestrator.webui.marks import Marks
from orchestrator.webui.wanted import Banner
from tests.stack.webui.bed.guests import MODELS, TUTOR, Guests, House

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]


@pytest.fixture(scope="module")
def house(server: Server) -> Iterator[House]:
    """With an account, a group, a connection, a model, a preset and a banner of its own, which tests find untouched."""
    admin = server.as_admin
    found = House(admin, keys.obtain(admin))
    before = found.everything()
    ada = found.account("ada@house.example.org")
    group = admin.post("/api/v1/groups/create", {"name": "red", "description": "Of the house"})
    admin.post(f"/api/v1/groups/id/{group['id']}/users/add", {"user_ids": [ada["id"]]})
    form = admin.get("/openai/config")
    number = len(form["OPENAI_API_BASE_URLS"])
    row = {"enable": False, "model_ids": ["chat"], "prefix_id": "", "tags": [{"name": "workshop-of-metal"}]}
    admin.post(
        "/openai/config/update",
        {
            "ENABLE_OPENAI_API": True,
            "OPENAI_API_BASE_URLS": [*form["OPENAI_API_BASE_URLS"], "http://house.example.org/v1"],
            "OPENAI_API_KEYS": [*form["OPENAI_API_KEYS"], "house"],
            "OPENAI_API_CONFIGS": {**form["OPENAI_API_CONFIGS"], str(number): row},
        },
    )
    grants = [{"principal_type": "group", "principal_id": group["id"], "permission": "read"}]
    for name, base in (("chat-of-the-house", None), ("alpha.taken", None), ("tutor", "chat-of-the-house")):
        entry: dict[str, Any] = {
            "id": name,
            "name": name,
            "base_model_id": base,
            "meta": {},
            "params": {},
            "access_grants": grants,
        }
        admin.post("/api/v1/models/create", entry)
    banner = {"id": "of-the-house", "type": "info", "title": "", "content": "Hello", "dismissible": True}
    banners = admin.get("/api/v1/configs/banners")
    admin.post("/api/v1/configs/banners", {"banners": [*banners, {**banner, "timestamp": 1}]})
    yield found
    admin.post("/api/v1/configs/banners", {"banners": banners})
    for name in ("chat-of-the-house", "alpha.taken", "tutor"):
        admin.post("/api/v1/models/model/delete", {"id": name})
    admin.post("/openai/config/update", form)
    admin.delete(f"/api/v1/groups/id/{group['id']}/delete")
    admin.delete(f"/api/v1/users/{ada['id']}")
    assert found.everything() == before


@pytest.fixture
def come(house: House, new_class: NewClass, tmp_path: Path) -> Iterator[Callable[..., Guests]]:
    """A workshop of this name with a state of its own, that is gone after the test."""
    came: list[Guests] = []
    states: list[Database] = []

    def make(name: str, deployment: str = "", **changes: Any) -> Guests:
        members = new_class(2, models=(*MODELS, TUTOR), banners=(Banner("Welcome"),), **changes)
        people = tuple(
            replace(one, email=f"{one.id}@{name}.workshop.local", password=SecretStr(f"{name} {one.id} password"))
            for one in members.wanted.people
        )
        states.append(Database.open(tmp_path / f"{len(states)}.sqlite3"))
        People(states[-1]).reconcile(CountedSeats(2))
        members.store = Accounts(states[-1])
        marks = Marks(name, deployment or f"{name}-0000000")
        members.wanted = named(replace(members.wanted, people=people), marks, house.key)
        came.append(Guests(house, members, marks))
        return came[-1]

    yield make
    for guests in came:
        guests.leave()
    for state in states:
        state.close()
