"""What people of a running class have: streams that go on, keys that are refused or not, a page, a card."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pypdf
import requests

from tests.stack.workshop.bed import Ran, Workshop
from tests.stack.workshop.provider_stand_in import Provider
from tests.unit.eventually import eventually


class Stream:
    """An answer that goes on and on, and what of it has come."""

    def __init__(self, workshop: Workshop, key: str) -> None:
        self.lines: list[bytes] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(workshop.api, key), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: self.lines or None)
        return self

    def __exit__(self, *error: object) -> None:
        return None

    @property
    def goes_on(self) -> bool:
        """Whether more comes of it."""
        before = len(self.lines)
        eventually(lambda: len(self.lines) > before + 1 or self.ended.is_set() or None)
        return not self.ended.is_set()

    def _read(self, api: str, key: str) -> None:
        body = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1000, "stream": True}
        headers = {"Authorization": f"Bearer {key}"}
        try:
            with requests.post(f"{api}/v1/chat/completions", json=body, headers=headers, stream=True, timeout=60) as it:
                for line in it.iter_lines():
                    self.lines += [line] if line else []
        except requests.RequestException:
            pass  # cut off
        finally:
            self.ended.set()


@contextmanager
def streams(workshop: Workshop, provider: Provider, *people: dict[str, Any]) -> Iterator[list[Stream]]:
    provider.finish.clear()
    opened = [Stream(workshop, person["api_key"]) for person in people]
    try:
        for stream in opened:
            stream.__enter__()
        yield opened
    finally:
        provider.finish.set()


def do(workshop: Workshop, command: str, *ids: str, code: int = 0) -> Ran:
    ran = workshop.run("workshop", "participants", command, str(workshop.file), *ids, "--output", "json", code=code)
    print(f"participants {command}: {ran.seconds:.2f} s")
    return ran


def is_refused(workshop: Workshop, key: str) -> bool:
    """As somebody unknown; anything but that or an answer is an error."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    answer = requests.post(f"{workshop.api}/v1/chat/completions", json=body, headers=headers, timeout=60)
    code = answer.json().get("error", {}).get("code")
    assert (answer.status_code, code) in {(200, None), (401, "invalid_api_key")}
    return bool(answer.status_code != 200)


def account(workshop: Workshop, admin: dict[str, str], person: dict[str, Any]) -> dict[str, Any]:
    users = requests.get(f"{workshop.webui}/api/v1/users/all", headers=admin, timeout=60).json()["users"]
    return next(user for user in users if user["email"] == person["webui_email"])


def chat_page(workshop: Workshop, person: dict[str, Any]) -> requests.Response:
    """A question through Open WebUI, by the person's own key there."""
    body = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    headers = {"Authorization": f"Bearer {person['webui_api_key']}"}
    return requests.post(f"{workshop.webui}/api/chat/completions", json=body, headers=headers, timeout=60)


def printed(file: Path) -> str:
    return "".join(
        "".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(file.read_bytes())).pages
    )


def nothing_would_change(workshop: Workshop) -> bool:
    told = workshop.provision()
    assert told["ok"] is True, told
    return bool(told["changed"] == 0)
