"""An Open WebUI of each participant's own: administrators there, and with nothing of anybody else in reach.

At the end the class becomes one of teams, whose pages have names instead of ports, over TLS.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from orchestrator.identity.identity import Identity
from orchestrator.spec.loader import load
from tests.stack.workshop.bed import Workshop, llama
from tests.stack.workshop.own_names import NamedPage
from tests.stack.workshop.own_pages_bed import (
    EMBEDDING,
    FIND,
    NOT_REACHED,
    PROBE,
    SWAP,
    ask,
    asked,
    collections,
    key_at,
    planned,
    sign_in,
    take_no_keys,
    two_free_ports,
)
from tests.stack.workshop.provider_stand_in import Provider

pytestmark = pytest.mark.full("an Open WebUI for each participant, minutes; test_gateway_names has who is led to which")


@pytest.fixture(scope="module")
def own(make_workshop: Callable[..., Workshop], provider: Provider) -> Workshop:
    """Two people, each with a seeded one, and limits that reading files would break."""
    at = f"http://{provider.server_address[0]!s}:{provider.server_address[1]}/v1"
    workshop = make_workshop(
        "own",
        participants={"roster": "people.csv"},
        models=[llama("tiny"), llama("staff-model", teams=["staff"]), llama("embedder", embeds=True)],
        limits={"concurrent_requests": 1},
        webui={
            "mode": "per_participant",
            "port": two_free_ports(),
            "welcome": "Hello.",
            "presets": [{"name": "tutor", "model": "tiny", "system": "Be brief."}],
            "connections": [{"name": "lab", "url": at, "prefix": "lab", "models": ["one"], "teams": ["red"]}],
            "embeddings": "embedder",
            "knowledge": [
                {"name": "Notes", "files": ["notes"]},
                {"name": "For red", "files": ["red.md"], "teams": ["red"]},
                {"name": "For staff", "files": ["red.md"], "teams": ["staff"]},
            ],
        },
    )
    workshop.roster(("Ada", "ada@class.example.org", "red"), ("Bob", "bob@class.example.org", "red"))
    (workshop.folder / "notes").mkdir()
    (workshop.folder / "notes" / "long.txt").write_text("The keyword is ROMANSH. " + " ".join(map(str, range(4000))))
    (workshop.folder / "red.md").write_text("The keyword is RED.\n")
    document = workshop.provision()
    assert document["ok"], document
    return workshop


def test_each_is_administrator_in_their_own_and_nobody_in_the_others(own: Workshop) -> None:
    first, second = own.people()
    assert first["webui_url"] != second["webui_url"]
    assert sign_in(first, first["webui_url"]).json()["role"] == "admin"
    assert sign_in(first, second["webui_url"]).status_code == 400
    assert requests.get(f"{second['webui_url']}/api/models", headers=key_at(first), timeout=60).status_code == 401


def test_the_page_has_their_models_and_the_workshops_welcome(own: Workshop) -> None:
    for person in own.people():
        listed = requests.get(f"{person['webui_url']}/api/models", headers=key_at(person), timeout=60).json()["data"]
        assert {model["id"] for model in listed} == {"tiny", "tutor", "lab.one"}
        banners = requests.get(f"{person['webui_url']}/api/v1/configs/banners", headers=key_at(person), timeout=60)
        assert [banner["content"] for banner in banners.json()] == ["Hello."]


def test_a_question_there_is_asked_with_the_persons_own_key(own: Workshop) -> None:
    for person in own.people():
        assert ask(person).json()["choices"][0]["message"]["content"]
        assert (asked(own)[-1]["participant"], asked(own)[-1]["via"]) == (person["id"], None)


def test_each_has_the_collections_that_are_theirs(own: Workshop) -> None:
    for person in own.people():
        found = collections(person)
        assert found.keys() == {"Notes", "For red"}
        asked = {"collection_names": [found["Notes"]], "query": "keyword", "k": 500}
        search = f"{person['webui_url']}/api/v1/retrieval/query/collection"
        pieces = requests.post(search, json=asked, headers=key_at(person), timeout=60).json()["documents"][0]
        assert len(pieces) > 16  # two requests at once, which a participant's own key may not ask
        assert any("ROMANSH" in piece for piece in pieces)


def test_files_are_read_with_a_key_for_embeddings_alone_and_count_for_nobody(own: Workshop) -> None:
    """Each administrator can read it, so it opens nothing else and is another one in each."""
    given = []
    for person in own.people():
        found = requests.get(f"{person['webui_url']}{EMBEDDING}", headers=key_at(person), timeout=60).json()
        given.append({"Authorization": f"Bearer {found['openai_config']['key']}"})
    assert given[0] != given[1]
    for headers in given:
        models = requests.get(f"{own.api}/v1/models", headers=headers, timeout=60).json()["data"]
        assert [model["id"] for model in models] == ["embedder"]
        body = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}
        refused = requests.post(f"{own.api}/v1/chat/completions", json=body, headers=headers, timeout=60)
        assert refused.status_code in {403, 404}
    embedded = {line["participant"] for line in asked(own) if line.get("model") == "embedder"}
    assert {"_embeddings-p01", "_embeddings-p02"} <= embedded
    assert embedded <= {"_embeddings-p01", "_embeddings-p02", "_verify", "_verify-red", "_verify-staff"}


def test_plan_names_what_was_changed_in_one_and_provision_puts_it_back(own: Workshop) -> None:
    """What its administrator added stays, and is not spoken of."""
    first, _ = own.people()
    page, headers = first["webui_url"], key_at(first)
    connections = requests.get(f"{page}/openai/config", headers=headers, timeout=60).json()
    connections["OPENAI_API_CONFIGS"]["0"]["enable"] = False
    connections["OPENAI_API_BASE_URLS"].append("http://of-their-own.invalid/v1")
    connections["OPENAI_API_KEYS"].append("theirs")
    connections["OPENAI_API_CONFIGS"]["2"] = {"enable": False}
    requests.post(f"{page}/openai/config/update", json=connections, headers=headers, timeout=60).raise_for_status()
    gone = collections(first)["For red"]
    requests.delete(f"{page}/api/v1/knowledge/{gone}/delete", headers=headers, timeout=60).raise_for_status()

    told = planned(own)

    assert told == [
        "create knowledge For red in webui-p01",
        "create red.md of For red in webui-p01",
        "update connection to the gateway in webui-p01",
        "update knowledge For red in webui-p01",
    ]
    assert own.workshop("plan", "--exit-code", code=10).out.count("webui-p01") >= len(told)
    assert own.provision()["changed"] == 1
    assert planned(own) == []
    assert "For red" in collections(first)
    after = requests.get(f"{page}/openai/config", headers=headers, timeout=60).json()
    assert "http://of-their-own.invalid/v1" in after["OPENAI_API_BASE_URLS"]


def test_one_that_lets_the_workshop_in_no_more_is_named_and_the_others_are_looked_at(own: Workshop) -> None:
    """Its administrator can run Python in it, and so do what Open WebUI itself refuses."""
    first, second = own.people()
    session = {"Authorization": f"Bearer {sign_in(second, second['webui_url']).json()['token']}"}
    take_no_keys(second["webui_url"], session)
    own.container("webui-p02").exec_run(["python3", "-c", SWAP])
    none = {"banners": list[str]()}
    requests.post(f"{first['webui_url']}/api/v1/configs/banners", json=none, headers=key_at(first), timeout=60)

    told = own.workshop("plan", "--output", "json").json

    assert [change["name"] for change in told["changes"]] == ["banners in webui-p01"]
    (named,) = [note for note in told["notes"] if "webui-p02" in note]
    assert "Open WebUI (webui-p02) could not be asked what differs there" in named

    own.container("webui-p02").exec_run(["python3", "-c", SWAP])
    assert {line.rpartition(" ")[2] for line in planned(own)} == {"webui-p01", "webui-p02"}  # by password
    assert own.provision()["ok"]
    assert planned(own) == []


def test_a_connection_without_a_key_is_asked_past_the_gateway(own: Workshop, provider: Provider) -> None:
    person, before = own.people()[0], len(provider.keys)
    assert ask(person, "lab.one").json()["choices"][0]["message"]["content"] == "I am one"
    assert provider.keys[before:] == [None]


def test_no_name_that_is_given_with_the_key_counts(own: Workshop) -> None:
    first, second = own.people()
    body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4})
    headers = [f"Authorization: Bearer {first['api_key']}", f"X-OpenWebUI-User-Email: {second['webui_email']}"]
    command = ["curl", "-s", "-m", "60", "-d", body, "http://gateway:8081/v1/chat/completions"]
    for header in (*headers, "Content-Type: application/json"):
        command += ["-H", header]
    answered = own.container("webui-p01").exec_run(command)
    assert json.loads(answered.output)["choices"]
    assert asked(own)[-1]["participant"] == "p01"


def test_nothing_of_anybody_elses_is_in_it(own: Workshop) -> None:
    """Neither in its database, nor in a process's environment, nor in a file that is mounted."""
    first, second = own.people()
    everybodys = Identity((own.state / "secret").read_bytes(), load(own.file).workshop, ())
    theirs = [everybodys.service_key.get_secret_value(), everybodys.embeddings_key.get_secret_value()]
    theirs += [second["api_key"], second["webui_password"]]
    command = ["python3", "-c", FIND, first["api_key"], *theirs]
    _, output = own.container("webui-p01").exec_run(command)
    found = {int(line.split()[0]) for line in output.decode().splitlines()}
    assert found == {0}, output  # its own key is there: the search finds what there is


def test_it_reaches_the_gateway_and_neither_engines_nor_the_others(own: Workshop) -> None:
    one, containers = own.container("webui-p01"), own.containers()
    assert one.exec_run([*PROBE, "http://gateway:8081/healthz"]).exit_code == 0
    for service in ("webui-p02", "model-tiny-1"):
        other = containers[service]
        other.reload()
        addresses = [network["IPAddress"] for network in other.attrs["NetworkSettings"]["Networks"].values()]
        for host in (service, *addresses):
            assert one.exec_run([*PROBE, f"http://{host}:8080/"]).exit_code in NOT_REACHED, host


def test_it_is_bounded_and_has_no_way_to_docker(own: Workshop) -> None:
    for service in ("webui-p01", "webui-p02"):
        host = own.container(service).attrs["HostConfig"]
        assert 0 < host["Memory"] <= 2 << 30
        assert 0 < host["PidsLimit"] <= 512
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert not any("docker.sock" in mount["Source"] for mount in own.container(service).attrs["Mounts"])
        assert own.container(service).ports.get("8080/tcp") in (None, [])


def test_a_browsers_session_at_one_is_not_shown_to_the_next(own: Workshop) -> None:
    first, second = own.people()
    cookies = sign_in(first, first["webui_url"]).cookies.get_dict()
    assert set(cookies) == {"w10000-token"}
    at_home, next_door = (
        requests.get(f"{page}/api/v1/auths/", cookies=cookies, timeout=60)
        for page in (first["webui_url"], second["webui_url"])
    )
    assert at_home.json()["email"] == first["webui_email"]
    assert next_door.status_code == 401


def test_web_sockets_come_through(own: Workshop) -> None:
    port = own.spec["webui"]["port"] + 1
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        lines = [
            "GET /ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Origin: http://127.0.0.1:{port}",
        ]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 101")


def test_again_changes_nothing(own: Workshop) -> None:
    before = own.starts()
    assert own.provision()["changed"] == 0
    assert own.starts() == before


def test_a_rotated_key_is_put_into_their_page_at_once(own: Workshop) -> None:
    own.workshop("participants rotate", "p01")
    person = own.person("p01")
    assert ask(person).json()["choices"]
    answered = requests.get(f"{person['webui_url']}/openai/config", headers=key_at(person), timeout=60).json()
    assert answered["OPENAI_API_KEYS"][0] == person["api_key"]


def test_who_is_revoked_is_out_of_their_page_and_back_when_restored(own: Workshop) -> None:
    person = own.person("p02")
    own.workshop("participants revoke", "p02")
    assert sign_in(person, person["webui_url"]).json()["role"] == "pending"
    assert ask(person).status_code != 200
    own.workshop("participants restore", "p02")
    assert sign_in(person, person["webui_url"]).json()["role"] == "admin"
    assert ask(person).json()["choices"]


def test_a_password_that_was_changed_is_reset_in_their_own_page(own: Workshop) -> None:
    person = own.person("p02")
    form = {"password": person["webui_password"], "new_password": "something of my own"}
    asked = requests.post(
        f"{person['webui_url']}/api/v1/auths/update/password", json=form, headers=key_at(person), timeout=60
    )
    assert asked.json() is True
    assert sign_in(person, person["webui_url"]).status_code == 400
    own.workshop("participants reset-password", "p02")
    again = own.person("p02")
    assert again["webui_password"] not in {None, person["webui_password"]}
    assert sign_in(again, again["webui_url"]).json()["role"] == "admin"
    assert own.person("p01")["webui_password"] is not None
    assert ask(again).json()["choices"]


def test_chats_of_each_are_archived(own: Workshop, tmp_path: Path) -> None:
    for person in own.people():
        chat = {"title": f"Of {person['id']}", "history": {"messages": {}, "currentId": None}}
        made = requests.post(
            f"{person['webui_url']}/api/v1/chats/new", json={"chat": chat}, headers=key_at(person), timeout=60
        )
        made.raise_for_status()

    told = own.workshop("archive", "--to", str(tmp_path / "all.tar.gz"), "--output", "json").json

    assert (told["ok"], told["missing"], told["counts"]["chats"]) == (True, [], 2)
    with tarfile.open(tmp_path / "all.tar.gz") as tar:
        names = tar.getnames()
    assert any(name.endswith("Of p01.md") and "/p01 " in name for name in names), names
    assert any(name.endswith("Of p02.md") and "/p02 " in name for name in names), names


def test_verify_looks_at_each(own: Workshop) -> None:
    checks = own.workshop("verify", "--output", "json").json["checks"]
    for service in ("webui-p01", "webui-p02"):
        told = {check["name"] for check in checks if f"({service})" in check["name"] + check["target"]}
        assert {"Sign-in with a password", "List of models", "Question", "Its network and limits"} <= told
        assert {"Knowledge", "Question with a collection"} <= told
    assert {check["target"] for check in checks if check["name"] == "Another team's knowledge"} == {
        f"Open WebUI (webui-{who}): For staff" for who in ("p01", "p02")
    }
    assert all(check["ok"] for check in checks)


def test_who_leaves_the_roster_is_archived_and_loses_it_and_nobody_else_notices(own: Workshop) -> None:
    """The first one's page and the gateway go on; what is left goes with the workshop."""
    before = own.starts()
    own.roster(("Ada", "ada@class.example.org", "red"))
    told = own.provision()
    (archive,) = (own.state / "archives").glob(f"{own.name}-p02-*.tar.gz")
    assert f"archive of p02: {archive}" in told["changes"]
    assert own.run("workshop", "archive", "--check", str(archive), "--output", "json").json["ok"] is True
    after = own.starts()
    assert "webui-p02" not in after
    assert after == {service: start for service, start in before.items() if service != "webui-p02"}
    closed = requests.get(f"http://127.0.0.1:{own.spec['webui']['port'] + 1}/", timeout=60)
    assert (closed.status_code, closed.text) == (410, "This Open WebUI was closed.\n")


# one for each team, by name, over TLS


@pytest.fixture(scope="module")
def team(own: Workshop) -> NamedPage:
    """Of the first, of a newcomer, and of the second no more. Who asks for this fixture comes after all others."""
    if own.person("p02")["state"] != "removed":  # by the test before
        own.workshop("participants remove", "p02")
    own.workshop("participants add", "--name", "Eve", "--email", "eve@class.example.org", "--team", "red")
    webui = own.spec["webui"] | {"mode": "per_team", "domain": "chat.invalid"}
    own.write(webui=webui, public={"host": "127.0.0.1", "tls": "auto"})
    document = own.provision()
    assert document["ok"], document
    return NamedPage(f"team-red.{own.name}.localhost", webui["port"], own.state / "handouts" / "workshop-ca.crt")


def test_a_teams_page_has_a_name_in_place_of_a_port(own: Workshop, team: NamedPage) -> None:
    people = own.people()
    assert [(person["id"], person["webui_url"]) for person in people] == [("p01", team.url), ("p03", team.url)]
    assert team.url.startswith("https://team-red.")
    assert [service for service in own.containers() if service.startswith("webui")] == ["webui-team-red"]
    bound = own.container("gateway").ports.values()
    assert {entry["HostPort"] for entries in bound for entry in entries or ()} == {
        str(own.spec[one]["port"]) for one in ("gateway", "webui")
    }


def test_everybody_of_a_team_administers_its_page_and_who_left_does_not(own: Workshop, team: NamedPage) -> None:
    for person in own.people():
        assert team.sign_in(person).json()["role"] == "admin"
    token = team.sign_in(own.person("p01")).json()["token"]
    accounts = team.ask("GET", "/api/v1/users/all", token).json()["users"]
    roles = {account["email"]: account["role"] for account in accounts}
    assert {roles[f"{who}@class.example.org"] for who in ("ada", "eve")} == {"admin"}
    assert roles.get("bob@class.example.org", "pending") == "pending"


def test_what_is_asked_there_counts_for_the_team(own: Workshop, team: NamedPage) -> None:
    body = {"model": "tutor", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    answer = team.ask("POST", "/api/chat/completions", own.person("p03")["webui_api_key"], body)
    assert answer.json()["choices"][0]["message"]["content"]
    assert (asked(own)[-1]["participant"], asked(own)[-1]["via"]) == ("team-red", None)


def test_a_team_has_its_collections_and_a_key_that_reads_them(own: Workshop, team: NamedPage) -> None:
    listed = team.ask("GET", "/api/v1/knowledge/", own.person("p03")["webui_api_key"]).json()["items"]
    assert {row["name"] for row in listed} == {"Notes", "For red"}
    assert "_embeddings-team-red" in {line["participant"] for line in asked(own) if line.get("model") == "embedder"}


def test_a_browser_keeps_the_session_for_this_name_alone(own: Workshop, team: NamedPage) -> None:
    set_ = team.sign_in(own.person("p01")).headers.getlist("Set-Cookie")
    token = next(cookie for cookie in set_ if cookie.startswith("__Host-token="))
    attributes = {part.strip().lower() for part in token.split(";")[1:]}
    assert {"secure", "path=/"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    me = team.ask("GET", "/api/v1/auths/", cookie=token.split(";")[0])
    assert me.json()["email"] == "ada@class.example.org"
    assert team.ask("GET", "/api/v1/auths/", cookie=token.split(";")[0].removeprefix("__Host-")).status == 401


@pytest.mark.parametrize("host", ["p01", "team-blue", "127.0.0.1", "team-red.chat.example.org"])
def test_any_other_name_is_nobodys_page(team: NamedPage, host: str) -> None:
    name = host if "." in host else team.name.replace("team-red", host)
    assert team.ask("GET", "/health", host=name).status == 404


def test_web_sockets_come_through_by_name_for_its_own_pages_only(team: NamedPage) -> None:
    opened = team.web_socket(origin=team.url)
    assert opened.startswith(b"HTTP/1.1 101")
    assert b'"sid"' in opened
    foreign = team.web_socket(origin=team.url.replace("team-red", "team-blue"))
    assert b'"sid"' not in foreign


def test_again_with_names_changes_nothing_and_verify_is_green(own: Workshop, team: NamedPage) -> None:
    assert own.provision()["changed"] == 0
    checks = own.workshop("verify", "--output", "json").json["checks"]
    assert [check["target"] for check in checks if check["name"] == "Open WebUI (webui-team-red)"] == [team.url]


def test_nothing_is_left_of_any_of_them(own: Workshop) -> None:
    """Last."""
    own.workshop("teardown", "--yes")
    assert own.things() == []
