"""Functions, tool servers and knowledge at an Open WebUI that belongs to others: for the class alone, and gone with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from orchestrator.webui.clear import Found
from orchestrator.webui.files import pages
from orchestrator.webui.house import named
from orchestrator.webui.library import Library, LibraryCollection, LibraryFile
from orchestrator.webui.shelf import pieces
from orchestrator.webui.wanted import Function, ToolServer
from tests.stack.webui.bed.guests import HELLO, Guests, House, refusal

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Server

pytestmark = pytest.mark.full("as test_webui_elsewhere")

FILTER = """
class Filter:
    async def inlet(self, body: dict) -> dict:
        body["messages"].insert(0, {"role": "system", "content": "Please."})
        return body
"""
POLITE = Function("polite", "filter", "Be polite", "", FILTER)


def messages_of(guests: Guests, model: str) -> list[str]:
    """What the gateway was asked for p02's question to a model."""
    server = guests.members.server
    before = len(server.asked())
    guests.members.caller("p02").post("/api/chat/completions", {"model": model, **HELLO})
    (asked,) = server.asked()[before:]
    return [one["content"] for one in asked["body"]["messages"]]


def test_a_function_is_for_the_class_alone_and_another_of_its_id_stays(
    house: House, come: Callable[..., Guests]
) -> None:
    before = house.everything()
    alpha = come("alpha", functions=(POLITE,))
    beta = come("beta", functions=(replace(POLITE, title="Another"),))

    alpha.seed()
    again = alpha.seed()
    with_alpha = house.admin.get("/api/v1/functions/export")
    problem = refusal(beta.seed)

    assert (again.created, again.changed) == (0, 0)
    assert messages_of(alpha, "alpha.chat")[0] == "Please."
    assert messages_of(beta, "beta.chat") == ["Hello"]
    assert "function polite: somebody else's of this id is there" in problem.message
    assert house.admin.get("/api/v1/functions/export") == with_alpha
    assert (beta.leave(), house.admin.get("/api/v1/functions/export")) == (Found(()), with_alpha)
    assert alpha.leave() == Found(())
    assert house.everything() == before


def test_tool_servers_of_two_classes_with_one_name_stand_behind_the_houses(
    house: House, come: Callable[..., Guests]
) -> None:
    path, field = "/api/v1/configs/tool_servers", "TOOL_SERVER_CONNECTIONS"
    own = {"url": "http://127.0.0.1:9", "path": "openapi.json", "auth_type": "none", "key": "", "config": {}}
    kept = house.admin.get(path)
    house.admin.post(path, {field: [own]})
    try:
        before = house.everything()
        alpha, beta = come("alpha"), come("beta")
        url = alpha.members.wanted.gateway_url.removesuffix("/v1") + "/tools"
        for guests in (alpha, beta):
            plain = replace(guests.plain(), tool_servers=(ToolServer("dice", "openapi", url, title="Dice"),))
            guests.members.wanted = named(plain, guests.marks, house.key)
            guests.seed()
            assert guests.seed().changed == 0

        for guests in (alpha, beta):
            seen = {one["id"] for one in guests.members.caller("p02").get("/api/v1/tools/")}
            assert seen == {f"server:{guests.marks.workshop}_dice"}
        assert house.admin.get(path)[field][0]["url"] == own["url"]
        assert (alpha.leave(), beta.leave()) == (Found(()), Found(()))
        assert house.everything() == before
    finally:
        house.admin.post(path, kept)


def test_collections_need_a_model_of_the_house_and_are_told_apart(
    house: House, come: Callable[..., Guests], tmp_path: Path, server: Server
) -> None:
    server.since("0.9.0", "may take a setting of retrieval and answer 500")
    (tmp_path / "one.md").write_text("This says ONE.\n")
    shelf = LibraryCollection("Notes", "", None, (LibraryFile.at("one.md", tmp_path / "one.md"),))
    alpha = come("alpha", library=Library("", SecretStr(""), (shelf,)))
    beta = come("beta", library=Library("", SecretStr(""), (shelf,)))
    embedding, whole = house.admin.get("/api/v1/retrieval/embedding"), "BYPASS_EMBEDDING_AND_RETRIEVAL"
    house.admin.post("/api/v1/retrieval/config/update", {whole: True})  # whatever tests of this server left before
    before = house.everything()
    problem = refusal(alpha.seed)
    url = alpha.members.wanted.gateway_url
    model = {"RAG_EMBEDDING_MODEL": "embedder", "openai_config": {"url": url, "key": "a key of the house"}}

    assert "knowledge: no files are made searchable there" in problem.message
    house.admin.post("/api/v1/retrieval/embedding/update", {**embedding, **model})
    house.admin.post("/api/v1/retrieval/config/update", {whole: False})
    try:
        alpha.seed()
        again = alpha.seed()
        beta.seed()
        rows = [row for row in pages(house.admin, "/api/v1/knowledge/") if row["name"] == "Notes"]
        seen = list(pages(alpha.members.caller("p01"), "/api/v1/knowledge/"))

        assert (again.created, again.changed, len(rows), len(seen)) == (0, 0, 2, 1)
        assert alpha.marks.kept in seen[0]["description"]
        assert sum(pieces(alpha.members.caller("p01"), seen[0]["id"]).values()) == 1
        assert alpha.leave() == Found(())
        left = [row["id"] for row in pages(house.admin, "/api/v1/knowledge/")]
        assert left == [row["id"] for row in rows if row["id"] != seen[0]["id"]]
        assert sum(pieces(beta.members.caller("p01"), left[0]).values()) == 1
        assert beta.leave() == Found(())
    finally:
        house.admin.post("/api/v1/retrieval/config/update", {whole: True})
        house.admin.post("/api/v1/retrieval/embedding/update", embedding)
    assert house.everything() == before
