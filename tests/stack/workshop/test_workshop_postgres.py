"""A class whose Open WebUI keeps its data in a PostgreSQL server of the house."""

from __future__ import annotations

import json
import secrets
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from orchestrator.spec.components import Component
from tests.stack.workshop.bed import Workshop, free_port
from tests.stack.workshop.provider_stand_in import Provider
from tests.unit.eventually import eventually

pytestmark = pytest.mark.full("a database server of the house; Open WebUI with its own database is for every day")

FOLDER = Path(__file__).parent / "postgres"
PASSWORD = "sentinel-database-3f1b"
LABELS = {"workshop.test": "1"}


@pytest.fixture(scope="module")
def database(engine: docker.DockerClient, packaged: Callable[[Component], str]) -> Iterator[Any]:
    """On the address by which containers reach this machine."""
    name = f"workshop-test-postgres:{secrets.token_hex(4)}"
    base = packaged(Component("webui"))  # any Debian would do; this one is here
    engine.images.build(path=str(FOLDER), tag=name, buildargs={"BASE": base}, rm=True, labels=LABELS)
    (bridge,) = engine.networks.get("bridge").attrs["IPAM"]["Config"]
    container = engine.containers.run(
        name,
        detach=True,
        labels=LABELS,
        environment={"DATABASE": "owui", "OWNER": "owui", "PASSWORD": PASSWORD},
        ports={"5432/tcp": (bridge["Gateway"], free_port())},
    )
    try:
        eventually(lambda: b"the database is there" in container.logs() or None, 120)
        container.reload()
        yield container
    finally:
        container.remove(force=True, v=True)
        engine.images.remove(name, force=True)


def asked(container: Any, query: str) -> str:
    """What the database answers to its own superuser."""
    command = ["runuser", "-u", "postgres", "--", "psql", "-tAc", query, "owui"]
    return str(container.exec_run(command).output.decode()).strip()


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop], provider: Provider, database: Any) -> Workshop:
    (bound,) = database.attrs["NetworkSettings"]["Ports"]["5432/tcp"]
    made = make_workshop(
        "postgres",
        practice=False,
        models=[
            {
                "name": "claude",
                "engine": "external",
                "source": "claude-sonnet",
                "base_url": "http://{}:{}/v1".format(*provider.server_address[:2]),
                "api_key": "${env:STACKTEST_PROVIDER_KEY}",
            }
        ],
        webui={"mode": "shared", "database": "${env:STACKTEST_DATABASE}"},
    )
    made.environment |= {
        "STACKTEST_PROVIDER_KEY": "sk-provider",
        "STACKTEST_DATABASE": f"postgresql://owui:{PASSWORD}@{bound['HostIp']}:{bound['HostPort']}/owui",
    }
    assert made.provision()["ok"] is True
    return made


def chat(workshop: Workshop) -> str:
    headers = {"Authorization": f"Bearer {workshop.person('p01')['webui_api_key']}"}
    question = {"model": "claude", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
    answer = requests.post(f"{workshop.webui}/api/chat/completions", json=question, headers=headers, timeout=60)
    return str(answer.json()["choices"][0]["message"]["content"])


def test_the_class_is_in_the_database_and_again_there_is_nothing_to_do(workshop: Workshop, database: Any) -> None:
    mails = asked(database, 'SELECT email FROM "user" ORDER BY email').splitlines()

    assert {person["webui_email"] for person in workshop.people()} <= set(mails)
    assert workshop.provision()["changed"] == 0
    assert chat(workshop) == "I am claude-sonnet"


def test_accounts_outlive_a_restart(workshop: Workshop) -> None:
    container = workshop.container("webui")
    container.restart()
    eventually(lambda: workshop.container("webui").attrs["State"]["Health"]["Status"] == "healthy" or None, 300)

    card = workshop.person("p01")
    assert workshop.sign_in(card["webui_email"], card["webui_password"]).status_code == 200
    assert chat(workshop) == "I am claude-sonnet"
    assert workshop.provision()["changed"] == 0


def test_its_chats_are_archived(workshop: Workshop) -> None:
    headers = {"Authorization": f"Bearer {workshop.person('p01')['webui_api_key']}"}
    message: dict[str, Any] = {"id": "m1", "parentId": None, "role": "user", "content": "Kept by a house"}
    body = {"title": "Mine", "history": {"messages": {"m1": message}, "currentId": "m1"}}
    kept = requests.post(f"{workshop.webui}/api/v1/chats/new", json={"chat": body}, headers=headers, timeout=60)
    kept.raise_for_status()

    told = workshop.workshop("archive", "--output", "json").json

    assert (told["ok"], told["missing"], told["counts"]["chats"]) == (True, [], 1)
    with tarfile.open(told["file"]) as tar:
        pages = [stream.read() for entry in tar if entry.name.endswith(".md") and (stream := tar.extractfile(entry))]
    assert [b"Kept by a house" in page for page in pages] == [True]


def test_the_databases_password_stands_nowhere_but_in_the_secret(workshop: Workshop) -> None:
    for folder in (workshop.state, workshop.stack.parent, workshop.temporary):
        holders = {path.name for path in folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()}
        assert holders <= {"webui.DATABASE_URL"}
    container = workshop.container("webui")
    assert PASSWORD not in json.dumps(container.attrs) + container.logs().decode()
    assert PASSWORD not in "".join(workshop.said)


def test_an_address_of_something_else_is_told_with_its_line_and_nothing_changes(workshop: Workshop) -> None:
    before = workshop.starts()

    ran = workshop.run("provision", str(workshop.file), code=1, STACKTEST_DATABASE="sqlite:///elsewhere")

    assert "no address of a PostgreSQL database" in ran.err
    assert "sqlite" not in ran.err
    assert workshop.starts() == before
