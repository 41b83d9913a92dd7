"""What `plan` says of Open WebUI: all that the next run would do there, found out without doing any of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.webui.library import Library, LibraryCollection, LibraryFile
from orchestrator.webui.seed import look
from orchestrator.webui.wanted import Banner, Function, Seed, Suggestion, ToolServer, VisibleModel

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

FILTER = """
from pydantic import BaseModel
class Filter:
    class Valves(BaseModel):
        word: str = "none"
    def __init__(self):
        self.valves = self.Valves()
    def inlet(self, body: dict) -> dict:
        return body
"""
COACH = VisibleModel("coach", "preset", ("red",), base="chat", parameters={"system": "Ask back."})


@pytest.fixture(autouse=True)
def _nothing_left(server: Server) -> Iterator[None]:
    yield
    admin = server.as_admin
    for row in admin.get("/api/v1/knowledge/")["items"]:
        admin.delete(f"/api/v1/knowledge/{row['id']}/delete")
    admin.delete("/api/v1/files/all")
    for function in admin.get("/api/v1/functions/export"):
        admin.delete(f"/api/v1/functions/id/{function['id']}/delete")
    own = server.client().dialect().has_its_own_suggestions_back
    admin.post("/api/v1/configs/suggestions", {"suggestions": None if own else []})


@pytest.fixture
def full(new_class: NewClass, tmp_path: Path) -> Class:
    """A class with something of every kind; nothing is seeded yet."""
    notes = tmp_path / "notes.md"
    notes.write_text("What was said.\n")
    collection = LibraryCollection("Notes", "", None, (LibraryFile.at("notes.md", notes),))
    workshop = new_class(2)
    return replace(
        workshop,
        wanted=replace(
            workshop.wanted,
            models=(*workshop.wanted.models, COACH),
            banners=(Banner("Lunch is at 12."),),
            suggestions=(Suggestion("Ask", "me", "What is attention?"),),
            functions=(Function("polite", "filter", "Be polite", "", FILTER, {"word": "Please"}),),
            tool_servers=(ToolServer("dice", "openapi", "http://nowhere.invalid", teams=("red",)),),
            library=Library("embedder", SecretStr("embeddings-key-of-the-gateway-77aa"), (collection,)),
        ),
    )


def foreseen(workshop: Class) -> list[str]:
    """As a run reports what it does."""
    found = look(workshop.server.as_admin, workshop.wanted, workshop.store)
    return [f"{one.what}: {one.how or 'created'}" for one in found]


def everything(server: Server, wanted: Seed) -> dict[str, Any]:
    """All that a run could have touched."""
    admin = server.as_admin
    places = {
        "users": "/api/v1/users/all",
        "groups": "/api/v1/groups/",
        "connections": "/openai/config",
        "models": "/api/v1/models/export",
        "functions": "/api/v1/functions/export",
        "tool servers": "/api/v1/configs/tool_servers",
        "banners": "/api/v1/configs/banners",
        "menu": "/api/v1/configs/models",
        "embedding": "/api/v1/retrieval/embedding",
        "knowledge": "/api/v1/knowledge/",
        "files": "/api/v1/files/",
    }
    found = {name: admin.get(path) for name, path in places.items()}
    for user in found["users"]["users"]:
        user.pop("last_active_at", None)
    assert wanted.people
    return found


def test_all_that_is_missing_is_foreseen_and_nothing_is_made(full: Class, server: Server) -> None:
    before = everything(server, full.wanted)
    told = foreseen(full)
    assert everything(server, full.wanted) == before
    assert {
        "account p01: created",
        "account p02: created",
        "model coach: created",
        "function polite: created",
        "tool servers: 1 set",
        "knowledge Notes: created",
        "notes.md of Notes: created",
    } <= set(told)
    assert full.store.get("p01") is None


@pytest.mark.full("what is changed by hand is put right by the same comparison as in test_webui_page")
def test_afterwards_nothing_is_foreseen_and_what_someone_changed_by_hand_is_named(full: Class, server: Server) -> None:
    with pytest.raises(UserError, match="dice"):  # nobody answers there; all else is done
        full.seed()
    assert foreseen(full) == []

    admin = server.as_admin
    connections = admin.get("/openai/config")
    connections["OPENAI_API_CONFIGS"]["0"]["enable"] = False
    admin.post("/openai/config/update", connections)
    admin.post("/api/v1/functions/id/polite/toggle", None)
    admin.post("/api/v1/functions/id/polite/valves/update", {"word": "Now"})
    coach = admin.get("/api/v1/models/model", id="coach")
    admin.post("/api/v1/models/model/update", {**coach, "params": {"system": "Be rude."}})
    user = full.record("p01").user_id
    as_it_is = {"email": full.person("p01").email, "profile_image_url": ""}
    admin.post(f"/api/v1/users/{user}/update", {"role": "pending", "name": "X", **as_it_is})
    (notes,) = admin.get("/api/v1/knowledge/")["items"]
    admin.post(f"/api/v1/knowledge/{notes['id']}/update", {"name": "Notes", "description": f"{notes['description']}!"})
    before = everything(server, full.wanted)

    told = foreseen(full)

    assert everything(server, full.wanted) == before
    assert told == [
        "connection to the gateway: set",
        "function polite: switched, valves set",
        "model coach: put right",
        "account p01: role set, name set",
        "knowledge Notes: described anew",
    ]
    with pytest.raises(UserError, match="dice"):
        full.seed()
    assert full.said == told  # what was foreseen is what was done
    assert foreseen(full) == []


@pytest.mark.full("as what is missing, the other way round")
def test_what_left_the_spec_is_foreseen_to_go(full: Class) -> None:
    with pytest.raises(UserError, match="dice"):
        full.seed()
    people = [replace(one, active=one.id == "p01") for one in full.wanted.people]
    full.wanted = replace(full.wanted, functions=(), tool_servers=(), library=None, banners=(), people=tuple(people))
    assert set(foreseen(full)) == {
        "function polite: removed",
        "tool servers: 0 set",
        "banners: 0 shown",
        "account p02: role set",
        "group workshop: 0 put in, 1 taken out",
        "group team:blue: 0 put in, 1 taken out",
        "files in chats: read whole",
        "knowledge Notes: removed",
    }
