"""An Open WebUI that belongs to others, with something of theirs in it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import requests

from tests.stack.workshop.bed import free_port

PASSWORD = "a password of one's own"
PATIENCE = 300  # seconds for its start, on a busy machine
LISTS = (
    *("/openai/config", "/ollama/config", "/api/v1/configs/banners", "/api/v1/configs/tool_servers"),
    *("/api/v1/auths/admin/config", "/api/v1/configs/connections", "/api/v1/tasks/config", "/api/v1/configs/models"),
    *("/api/v1/users/default/permissions", "/api/v1/retrieval/embedding", "/api/v1/functions/export"),
    *("/api/v1/models/base", "/api/v1/models/export", "/api/v1/files/?content=false", "/api/v1/knowledge/"),
)


@dataclass(frozen=True)
class House:
    """The server, asked by its administrator."""

    url: str
    key: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def everything(self) -> str:
        """All that stands there, but for when somebody was last seen."""
        found = {path: self.ask("GET", path) for path in LISTS}
        found["users"] = [{**one, "last_active_at": 0} for one in self.ask("GET", "/api/v1/users/all")["users"]]
        found["groups"] = [
            (one, sorted(user["id"] for user in self.ask("POST", f"/api/v1/groups/id/{one['id']}/users")))
            for one in self.ask("GET", "/api/v1/groups/")
        ]
        return json.dumps(found, sort_keys=True, indent=1)

    def account(self, email: str, name: str) -> str:
        """Its id."""
        form = {"name": name, "email": email, "password": PASSWORD, "role": "user"}
        return str(self.ask("POST", "/api/v1/auths/add", form)["id"])


@contextmanager
def house(engine: docker.DockerClient, image: str) -> Iterator[House]:
    """As somebody would start it for an institute: a gateway of a class reaches it over this machine's ports."""
    port, password = free_port(), secrets.token_urlsafe(16)
    environment = {
        "WEBUI_ADMIN_EMAIL": "admin@house.example.org",
        "WEBUI_ADMIN_PASSWORD": password,
        "WEBUI_SECRET_KEY": secrets.token_hex(16),
        "ENABLE_API_KEYS": "true",
        "ENABLE_OLLAMA_API": "false",
        "OFFLINE_MODE": "true",
        "RAG_EMBEDDING_ENGINE": "openai",
        "BYPASS_EMBEDDING_AND_RETRIEVAL": "true",
        "ENABLE_VERSION_UPDATE_CHECK": "false",
        "PORT": "8080",
    }
    container = engine.containers.run(
        image,
        ["bash", "start.sh"],
        entrypoint=[],
        environment=environment,
        ports={"8080/tcp": ("127.0.0.1", port)},
        labels={"workshop.test": "1"},
        detach=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url)
        form = {"email": environment["WEBUI_ADMIN_EMAIL"], "password": password}
        token = requests.post(f"{url}/api/v1/auths/signin", json=form, timeout=60).json()["token"]
        found = House(url, str(House(url, token).ask("POST", "/api/v1/auths/api_key")["api_key"]))
        _furnish(found)
        yield found
    finally:
        container.remove(force=True, v=True)


def _wait(url: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if requests.get(f"{url}/ready", timeout=5).status_code == 200:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < end, "Open WebUI did not start"
        time.sleep(0.5)


def _furnish(house: House) -> None:
    ada = house.account("ada@house.example.org", "Ada")
    group = house.ask("POST", "/api/v1/groups/create", {"name": "staff", "description": "Of the house"})
    house.ask("POST", f"/api/v1/groups/id/{group['id']}/users/add", {"user_ids": [ada]})
    grants = [{"principal_type": "group", "principal_id": group["id"], "permission": "read"}]
    entry: dict[str, Any] = {"id": "tiny", "name": "Of the house", "base_model_id": None, "meta": {}, "params": {}}
    house.ask("POST", "/api/v1/models/create", {**entry, "access_grants": grants})
    banner = {"id": "house", "type": "info", "title": "", "content": "Hello", "dismissible": True, "timestamp": 1}
    house.ask("POST", "/api/v1/configs/banners", {"banners": [banner]})
