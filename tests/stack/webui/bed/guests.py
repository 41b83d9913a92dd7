"""Workshops at an Open WebUI that belongs to others, and what those have there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.webui.clear import Found, clear, find
from orchestrator.webui.client import WebUI
from orchestrator.webui.files import pages
from orchestrator.webui.marks import Marks
from orchestrator.webui.wanted import Seed, VisibleModel

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
MODELS = (VisibleModel("chat", "llamacpp"), VisibleModel("red-only", "ollama", ("red",)))
TUTOR = VisibleModel("tutor", "preset", base="chat", parameters={"system": "Ask back."})
PASSWORD = SecretStr("a password of one's own")
FORMS = (
    *("/openai/config", "/ollama/config", "/api/v1/configs/banners", "/api/v1/configs/tool_servers"),
    *("/api/v1/auths/admin/config", "/api/v1/configs/connections", "/api/v1/tasks/config", "/api/v1/configs/models"),
    *("/api/v1/users/default/permissions", "/api/v1/retrieval/embedding", "/api/v1/functions/export"),
    *("/api/v1/models/base", "/api/v1/models/export"),
)


@dataclass(frozen=True)
class House:
    """The server as its own administrators have it."""

    admin: WebUI
    key: SecretStr

    def everything(self) -> str:
        """All that the house and its guests have there, but for when somebody was last seen."""
        get = self.admin.get
        found: dict[str, Any] = {path: get(path) for path in FORMS}
        found["users"] = [{**one, "last_active_at": 0} for one in get("/api/v1/users/all")["users"]]
        found["files"] = list(pages(self.admin, "/api/v1/files/", content="false"))
        found["knowledge"] = list(pages(self.admin, "/api/v1/knowledge/"))
        found["groups"] = [
            (group, sorted(one["id"] for one in self.admin.post(f"/api/v1/groups/id/{group['id']}/users", None)))
            for group in get("/api/v1/groups/")
        ]
        return json.dumps(found, sort_keys=True, indent=1)

    def account(self, email: str, name: str = "Ada of the house") -> dict[str, Any]:
        form = {"name": name, "email": email, "password": PASSWORD.get_secret_value(), "role": "user"}
        return dict(self.admin.post("/api/v1/auths/add", form))


@dataclass
class Guests:
    """A workshop at the house."""

    house: House
    members: Class
    marks: Marks

    def seed(self, **changes: Any) -> Any:
        return self.members.seed(replace(self.members.wanted, **changes))

    @property
    def made(self) -> frozenset[str]:
        records = (self.members.store.get(person.id) for person in self.members.wanted.people)
        return frozenset(record.user_id for record in records if record and not record.theirs)

    def plain(self, *more: VisibleModel) -> Seed:
        return replace(self.members.wanted, models=(*MODELS, *more))

    def leave(self) -> Found:
        clear(self.house.admin, self.marks, self.made, self.members.said.append)
        return find(self.house.admin, self.marks, self.made)


def refusal(call: Callable[[], object]) -> UserError:
    with pytest.raises(UserError) as caught:
        call()
    return caught.value
