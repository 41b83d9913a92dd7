"""An Open WebUI that belongs to others: workshops stand beside what is there, and leave it as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.state.accounts import Accounts
from orchestrator.state.database import Database
from orchestrator.state.people import People
from orchestrator.state.seats import CountedSeats
from orchestrator.webui import keys
from orchestrator.webui.clear import Found, clear, find
from orchestrator.webui.client import WebUI
from orchestrator.webui.files import pages
from orchestrator.webui.house import named
from orchestrator.webui.library import Library, LibraryCollection, LibraryFile
from orchestrator.webui.marks import Marks
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.seed import look
from orchestrator.webui.shelf import pieces
from orchestrator.webui.wanted import Banner, Function, Seed, ToolServer, VisibleModel

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

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

    def leave(self) -> Found:
        clear(self.house.admin, self.marks, self.made, self.members.said.append)
        return find(self.house.admin, self.marks, self.made)


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


def refusal(call: Callable[[], object]) -> UserError:
    with pytest.raises(UserError) as caught:
        call()
    return caught.value


def test_two_workshops_stand_beside_each_other_and_each_leaves_without_a_trace(
    house: House, come: Callable[..., Guests], server: Server
) -> None:
    alone = house.everything()
    beta = come("beta")
    beta.seed()
    with_beta = house.everything()
    alpha = come("alpha")

    alpha.seed()
    again = alpha.seed()

    assert (again.created, again.changed, alpha.members.said) == (0, 0, [])
    assert alpha.members.models("p01") == {"alpha.chat", "alpha.red-only", "alpha.tutor"}
    assert alpha.members.models("p02") == {"alpha.chat", "alpha.tutor"}
    before = len(server.asked())
    for model in ("alpha.chat", "alpha.tutor"):
        alpha.members.caller("p02").post("/api/chat/completions", {"model": model, **HELLO})
    asked = server.asked()[before:]
    assert [one["body"]["model"] for one in asked] == ["chat", "chat"]
    assert {one["headers"]["x-openwebui-user-email"] for one in asked} == {"p02@alpha.workshop.local"}
    for model in ("beta.chat", "chat-of-the-house"):
        with pytest.raises(WebUIRefused):
            alpha.members.caller("p01").post("/api/chat/completions", {"model": model, **HELLO})
    assert alpha.leave() == Found(())
    assert house.everything() == with_beta
    assert beta.leave() == Found(())
    assert house.everything() == alone


def test_a_second_look_finds_nothing_and_a_first_one_changes_nothing(house: House, come: Callable[..., Guests]) -> None:
    alpha, before = come("alpha"), house.everything()

    first = {one.what for one in look(house.admin, alpha.members.wanted, alpha.members.store)}

    assert house.everything() == before
    assert first >= {"group workshop-alpha", "connection to the gateway", "model alpha.chat", "account p01"}
    alpha.seed()
    assert look(house.admin, alpha.members.wanted, alpha.members.store) == ()


def test_what_differs_by_hand_is_seen_and_put_right(house: House, come: Callable[..., Guests]) -> None:
    alpha = come("alpha")
    alpha.seed()
    house.admin.post("/api/v1/models/model/delete", {"id": "alpha.tutor"})

    assert [one.what for one in look(house.admin, alpha.members.wanted, alpha.members.store)] == ["model alpha.tutor"]
    assert alpha.seed().created == 1


def test_an_account_that_was_there_stays_the_persons_own(
    house: House, come: Callable[..., Guests], server: Server
) -> None:
    alpha = come("alpha")
    ada = house.account("grace@house.example.org", "Grace")
    alpha.members.wanted = alpha.members.with_person("p01", email="grace@house.example.org")
    before = house.everything()

    alpha.seed()
    again = alpha.seed()

    record = alpha.members.record("p01")
    assert (record.user_id, record.theirs, record.api_key) == (ada["id"], True, None)
    assert (again.created, again.changed) == (0, 0)
    grace = server.client().sign_in("grace@house.example.org", PASSWORD)
    assert {one["id"] for one in grace.get("/api/models")["data"]} >= {"alpha.chat", "alpha.red-only"}
    alpha.seed(people=alpha.members.with_person("p01", active=False).people)
    assert grace.get("/api/models")["data"] == []
    assert alpha.leave() == Found(())
    assert house.everything() == before
    house.admin.delete(f"/api/v1/users/{ada['id']}")


def test_an_account_that_a_killed_run_did_not_note_is_known_by_its_password(come: Callable[..., Guests]) -> None:
    alpha = come("alpha")
    alpha.seed()
    first = alpha.members.record("p01")
    alpha.members.store.remove("p01")

    alpha.seed()

    assert alpha.members.record("p01") == first


def test_a_workshop_of_the_same_name_is_refused_and_takes_nothing_away(
    house: House, come: Callable[..., Guests]
) -> None:
    first = come("alpha")
    first.seed()
    before = house.everything()
    second = come("alpha", "another-deployment")

    problem = refusal(second.seed)

    assert (problem.code, "workshop-alpha" in problem.message) == ("webui_name_taken", True)
    assert second.leave() == Found(())
    assert house.everything() == before


def test_a_group_whose_description_was_changed_there_is_named_and_all_else_goes(
    house: House, come: Callable[..., Guests]
) -> None:
    alpha, before = come("alpha"), house.everything()
    alpha.seed()
    group = next(one for one in house.admin.get("/api/v1/groups/") if one["name"] == "workshop-alpha")
    path = f"/api/v1/groups/id/{group['id']}"
    house.admin.post(f"{path}/update", {"name": "workshop-alpha", "description": "Of Alpha"})

    found = alpha.leave()

    left = "group workshop-alpha: its description does not say any more that it is the workshop's"
    assert found == Found((), (left,))
    house.admin.delete(f"{path}/delete")
    assert house.everything() == before


def test_an_entry_of_the_house_with_the_same_name_is_named_and_left(house: House, come: Callable[..., Guests]) -> None:
    alpha = come("alpha")
    mine = replace(TUTOR, name="taken")
    before = house.admin.get("/api/v1/models/model", id="alpha.taken")

    problem = refusal(lambda: alpha.seed(models=named(_plain(alpha, mine), alpha.marks, house.key).models))

    assert (problem.code, "alpha.taken" in problem.message) == ("webui_parts", True)
    assert house.admin.get("/api/v1/models/model", id="alpha.taken") == before
    assert "alpha.chat" in alpha.members.models("p02")


def _plain(guests: Guests, *more: VisibleModel) -> Seed:
    return replace(guests.members.wanted, models=(*MODELS, *more))


def test_a_key_of_nobody_and_of_no_administrator_is_told_with_the_next_step(
    come: Callable[..., Guests], house: House
) -> None:
    alpha = come("alpha")
    alpha.seed()
    participant = alpha.members.key("p01")

    for key in (participant, SecretStr("sk-" + "0" * 32), SecretStr("expired")):
        wanted = named(_plain(alpha), alpha.marks, key)
        problem = refusal(lambda wanted=wanted: look(WebUI(house.admin.base_url), wanted, alpha.members.store))  # type: ignore[misc]
        assert problem.code == "webui_key_refused"
        assert house.admin.base_url in problem.message
        assert "webui.admin_key" in str(problem.hint)
        assert key.get_secret_value() not in str(problem)


def test_settings_that_the_class_lacks_are_named_and_not_changed(
    house: House, come: Callable[..., Guests], server: Server
) -> None:
    alpha = come("alpha")
    session = server.client().sign_in(server.admin.email, server.admin.password)
    path = "/api/v1/auths/admin/config"
    form = session.get(path)
    session.post(path, {**form, "ENABLE_API_KEYS": False})
    try:
        alpha.members.wanted = replace(
            alpha.members.wanted,
            admin=replace(alpha.members.wanted.admin, key=session.token),
            gateway_url="http://127.0.0.1:9/v1",
        )
        problem = refusal(alpha.seed)
        kept = session.get(path)["ENABLE_API_KEYS"]
    finally:
        session.post(path, form)

    assert problem.code == "webui_parts"
    assert "API keys: are off there" in problem.message
    assert "http://127.0.0.1:9/v1, asked by" in problem.message
    assert kept is False
    assert alpha.members.record("p01").api_key is None
    assert server.client().sign_in("p01@alpha.workshop.local", SecretStr("alpha p01 password")).token


def test_what_participants_put_there_goes_with_their_accounts(house: House, come: Callable[..., Guests]) -> None:
    before = house.everything()
    alpha = come("alpha")
    alpha.seed()
    form = {"chat": {"title": "Mine", "history": {"messages": {}}}}
    alpha.members.caller("p01").post("/api/v1/chats/new", form)

    assert alpha.leave() == Found(())
    assert house.everything() == before


def test_an_account_that_another_workshop_uses_too_is_left_to_it(house: House, come: Callable[..., Guests]) -> None:
    alpha, beta = come("alpha"), come("beta")
    alpha.seed()
    beta.members.wanted = beta.members.with_person("p01", email="p01@alpha.workshop.local")
    beta.seed()

    left = alpha.leave()

    assert left.things == ()
    assert left.left == ("account p01@alpha.workshop.local: workshop-beta has it too",)
    assert beta.members.record("p01").theirs
    beta.leave()
    assert alpha.leave() == Found(())


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
            plain = replace(_plain(guests), tool_servers=(ToolServer("dice", "openapi", url, title="Dice"),))
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
    before = house.everything()
    problem = refusal(alpha.seed)
    embedding, whole = house.admin.get("/api/v1/retrieval/embedding"), "BYPASS_EMBEDDING_AND_RETRIEVAL"
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
