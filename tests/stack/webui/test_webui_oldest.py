"""The oldest Open WebUI that the program speaks to holds a class as the newest does. `make compat` asks it all the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import openai
import pytest
from pydantic import SecretStr

from orchestrator.webui.library import Library, LibraryCollection, LibraryFile
from orchestrator.webui.versions import OLDEST, text
from orchestrator.webui.wanted import Banner, Function, Suggestion, ToolServer, VisibleModel

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

pytestmark = pytest.mark.full("an image of its own; the newest is asked the same in test_webui_seeding")

CHAT = VisibleModel("chat", "vllm")
TEAM = VisibleModel("red-only", "ollama", ("red",))
TUTOR = VisibleModel("tutor", "preset", base="chat", title="Tutor", parameters={"system": "Ask back.", "max_tokens": 7})
FILTER = """
class Filter:
    async def inlet(self, body: dict) -> dict:
        body["messages"].append({"role": "system", "content": "Seen."})
        return body
"""


@pytest.fixture(scope="module")
def server(oldest_server: Server) -> Server:
    return oldest_server


@pytest.fixture
def whole(new_class: NewClass, tmp_path: Path) -> Class:
    """A class of two with something of everything, not seeded yet."""
    (tmp_path / "one.md").write_text("The keyword is HELVETIA.\n")
    notes = LibraryCollection("Notes", "", None, (LibraryFile.at("one.md", tmp_path / "one.md"),))
    made = new_class(
        2,
        models=(CHAT, TEAM, TUTOR),
        chosen=("tutor",),
        banners=(Banner("Welcome", dismissible=False),),
        suggestions=(Suggestion("Explain", "sampling", "Explain top-p."),),
        functions=(Function("seen", "filter", "Seen", "", FILTER),),
        library=Library("embedder", SecretStr("embeddings-key"), (notes,)),
    )
    host = made.wanted.gateway_url.removesuffix("/v1")
    tools = ToolServer("dice", "openapi", f"{host}/tools", title="Dice")
    made.wanted = replace(made.wanted, tool_servers=(tools,))
    return made


def test_everything_of_a_class_is_there_and_again_there_is_nothing_to_do(whole: Class, server: Server) -> None:
    whole.seed()
    again = whole.seed()

    assert server.client().version() == text(OLDEST)
    assert (again.created, again.changed, whole.said) == (0, 0, [])
    assert whole.models("p01") == {"chat", "red-only", "tutor"}
    assert whole.models("p02") == {"chat", "tutor"}
    (notes,) = whole.caller("p02").get("/api/v1/knowledge/")["items"]
    body = {"collection_names": [notes["id"]], "query": "keyword", "k": 5}
    found = whole.caller("p02").post("/api/v1/retrieval/query/collection", body)
    assert found["documents"] == [["The keyword is HELVETIA."]]
    assert [one["name"] for one in whole.caller("p02").get("/api/v1/tools/")] == ["Dice"]

    before = len(server.asked())
    key = whole.key("p02").get_secret_value()
    with openai.OpenAI(base_url=f"{server.url}/api", api_key=key, max_retries=0) as client:
        answer = client.chat.completions.create(
            model="tutor", messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in answer) == "Hello from the stub"
    (asked,) = server.asked()[before:]
    assert asked["headers"]["x-openwebui-user-email"] == whole.person("p02").email
    said = " ".join(message["content"] for message in asked["body"]["messages"])
    assert all(words in said for words in ("Ask back.", "Hello", "Seen."))
    assert asked["body"]["max_tokens"] == 7


def test_what_changed_by_hand_and_in_the_spec_is_put_right(whole: Class, server: Server) -> None:
    whole.seed()
    admin, record = server.as_admin, whole.record("p01")
    picture = admin.get(f"/api/v1/users/{record.user_id}")["profile_image_url"]
    by_hand = {"role": "pending", "name": "Nobody", "email": record.email, "profile_image_url": picture}
    admin.post(f"/api/v1/users/{record.user_id}/update", by_hand)
    form = admin.get("/openai/config")
    admin.post("/openai/config/update", {**form, "ENABLE_OPENAI_API": False})

    whole.seed(replace(whole.with_person("p02", password=SecretStr("another one 2"), generation=2), suggestions=()))

    assert "account p01: role set, name set" in whole.said
    assert "account p02: password set" in whole.said
    assert "connection to the gateway: set" in whole.said
    server.client().sign_in(whole.person("p02").email, SecretStr("another one 2"))
    assert admin.get(f"/api/v1/users/{record.user_id}")["profile_image_url"] == picture
    assert whole.seed().changed == 0
