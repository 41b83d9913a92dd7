"""Tool servers in a real Open WebUI: OpenAPI and MCP, asked for their tools, found by whom they are for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import requests
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.webui.seed import seed_people
from orchestrator.webui.wanted import ToolServer

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

SERVERS = "/api/v1/configs/tool_servers"


@pytest.fixture(autouse=True)
def _nothing_left(server: Server) -> Iterator[None]:
    yield
    server.as_admin.post(SERVERS, {"TOOL_SERVER_CONNECTIONS": []})


@pytest.fixture
def dice(new_class: NewClass) -> ToolServer:
    return ToolServer("dice", "openapi", beside(new_class(1), 8000, "/tools"), title="Dice")


@pytest.fixture
def weather(new_class: NewClass) -> ToolServer:
    url = beside(new_class(1), 8001, "/mcp")
    return ToolServer("weather", "mcp", url, title="Weather", key=SecretStr("open sesame"), teams=("red",))


def beside(workshop: Class, port: int, path: str) -> str:
    """On the host of the stub."""
    host = workshop.wanted.gateway_url.removeprefix("http://").partition(":")[0]
    return f"http://{host}:{port}{path}"


def tools(workshop: Class, participant: str) -> dict[str, str]:
    return {one["id"]: one["name"] for one in workshop.caller(participant).get("/api/v1/tools/")}


def test_each_finds_the_tool_servers_for_them_and_again_there_is_nothing_to_do(
    new_class: NewClass, dice: ToolServer, weather: ToolServer
) -> None:
    workshop = new_class(2, tool_servers=(dice, weather))
    workshop.seed()

    assert tools(workshop, "p01") == {"server:dice": "Dice", "server:mcp:weather": "Weather"}
    assert tools(workshop, "p02") == {"server:dice": "Dice"}
    assert (workshop.seed().changed, workshop.said) == (0, [])
    workshop.server.since("0.11.0", "tells nobody which tools a server has")
    found = workshop.caller("p01").get("/api/v1/tools/id/server:mcp:weather/specs")
    assert [one["name"] for one in found["specs"]] == ["forecast"]


def test_one_that_does_not_answer_is_named_and_set_right_by_the_next_run(
    new_class: NewClass, dice: ToolServer, weather: ToolServer
) -> None:
    gone = replace(dice, name="gone", url=dice.url.replace(":8000", ":8002"))
    locked = replace(weather, key=SecretStr("wrong"))
    workshop = new_class(1, tool_servers=(gone, locked))

    with pytest.raises(UserError) as caught:
        workshop.seed()

    assert caught.value.code == "webui_parts"
    assert f"tool server gone: {gone.url}" in caught.value.message
    assert "tool server weather: " in caught.value.message
    assert "wrong" not in caught.value.message
    workshop.seed(replace(workshop.wanted, tool_servers=(replace(gone, url=dice.url), weather)))
    assert tools(workshop, "p01").keys() == {"server:gone", "server:mcp:weather"}


def test_one_that_comes_up_late_is_found_without_another_change(
    new_class: NewClass, server: Server, dice: ToolServer
) -> None:
    late = replace(dice, name="late", url=dice.url.replace("/tools", "/late"))
    workshop = new_class(1, tool_servers=(dice, late))
    with pytest.raises(UserError, match="tool server late"):
        workshop.seed()
    requests.get(f"{server.stub_url}/_late", timeout=10)

    workshop.seed()

    assert workshop.said == []
    assert tools(workshop, "p01").keys() == {"server:dice", "server:late"}


def test_those_of_others_stay_and_those_that_left_go(
    new_class: NewClass, server: Server, dice: ToolServer, weather: ToolServer
) -> None:
    mine = {"url": dice.url, "path": "openapi.json", "type": "openapi", "auth_type": "none", "key": "", "config": {}}
    server.as_admin.post(SERVERS, {"TOOL_SERVER_CONNECTIONS": [{**mine, "info": {"id": "mine", "name": "Mine"}}]})
    workshop = new_class(1, tool_servers=(dice, weather))
    workshop.seed()
    workshop.seed(replace(workshop.wanted, tool_servers=(weather,)))

    left = server.as_admin.get(SERVERS)["TOOL_SERVER_CONNECTIONS"]
    assert [one["info"]["id"] for one in left] == ["weather", "mine"]


def test_a_change_of_one_person_leaves_the_group_of_a_team_that_nobody_is_in(
    new_class: NewClass, server: Server, dice: ToolServer
) -> None:
    workshop = new_class(1, tool_servers=(replace(dice, teams=("green",)),))
    workshop.seed()
    people_alone = replace(workshop.wanted, tool_servers=())

    seed_people(server.as_admin, people_alone, workshop.store, {"p01"}, report=workshop.said.append, concurrency=1)

    assert "team:green" in {group["name"] for group in server.as_admin.get("/api/v1/groups/")}
    assert workshop.seed().changed == 0
