"""A running gateway as the stack tests use it: what it is asked, what it logs, and its files."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.fleet.container_command import ContainerCommand
from orchestrator.plan.gateway import ADMIN_PORT, API_PORT, CONFIG_DIR, DATA_DIR, GatewayConfig
from orchestrator.render.gateway import render_gateway
from tests.unit.eventually import eventually

START_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> dict[str, Any]:
        """The error in OpenAI's form, which every refusal must have."""
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str)
        assert error["code"] is None or isinstance(error["code"], str)
        return error

    @property
    def events(self) -> list[str]:
        return [part.removeprefix("data: ") for part in self.text.replace("\r\n", "\n").split("\n\n") if part]


def output_of(container: Any, *command: str) -> tuple[int, bytes]:
    """As `container.exec_run`, which loses first bytes on a busy machine."""
    run = ContainerCommand(container.client.api, container.id, command)
    output = b"".join(part for _, part in run.frames())
    return run.status(), output


@dataclass
class Gateway:
    """A running gateway. `sk-ada` is ada's key, and so on."""

    container: Any
    folder: Path
    tls: ssl.SSLContext | None = None

    def is_up(self) -> bool | None:
        try:
            return self.send("/healthz").status == 200 or None
        except OSError:
            return None

    def port(self, inside: int = API_PORT) -> int:
        return int(self.container.ports[f"{inside}/tcp"][0]["HostPort"])

    def connect(self, inside: int = API_PORT) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port(inside), timeout=30, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port(inside), timeout=30)

    def send(
        self,
        path: str,
        body: dict[str, Any] | str | bytes | None = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        method: str | None = None,
        port: int = API_PORT,
    ) -> Answer:
        data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
        sent = ({"Authorization": f"Bearer {key}"} if key else {}) | (headers or {})
        with closing(self.connect(port)) as connection:
            connection.request(method or ("GET" if data is None else "POST"), path, data, sent)
            with connection.getresponse() as response:
                fields = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, fields, response.read().decode("utf-8", "replace"))

    def chat(self, who: str = "ada", model: str = "stub", **fields: Any) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, **fields}
        return self.send("/v1/chat/completions", body, key=f"sk-{who}")

    def record(self, answer: Answer) -> dict[str, Any]:
        """The access log's line about this answer."""
        return self.wait_for(lambda line: line["id"] == answer.headers["x-request-id"])

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The access log's last line of a kind, as soon as it is there."""
        return eventually(lambda: next((line for line in reversed(self.log()) if wanted(line)), None))

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("cat", f"{DATA_DIR}/access.jsonl").splitlines()]

    def counters(self, who: str) -> dict[str, int]:
        counters: dict[str, int] = json.loads(self.admin("/counters"))[who]
        return counters

    def backends(self) -> dict[str, dict[str, Any]]:
        """`{name: {state, in_flight}}`."""
        backends: dict[str, dict[str, Any]] = json.loads(self.admin("/backends"))
        return backends

    def admin(self, path: str) -> str:
        return self.run("curl", "-s", f"http://127.0.0.1:{ADMIN_PORT}{path}")

    def post(self, path: str, document: object) -> int:
        """The status that the admin port answers."""
        send = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", json.dumps(document)]
        return int(self.run(*send, f"http://127.0.0.1:{ADMIN_PORT}{path}"))

    def run(self, *command: str) -> str:
        code, output = output_of(self.container, *command)
        assert code == 0, output
        return output.decode()

    def reload(self, config: GatewayConfig) -> None:
        write(config, self.folder)
        self.reload_files()

    def reload_files(self) -> None:
        self.run("nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-s", "reload")

    def restart(self) -> None:
        self.container.restart()
        self.container.reload()
        eventually(self.is_up, START_SECONDS)

    def until(self, came: Callable[[], bool], seconds: float = 10) -> None:
        eventually(lambda: came() or None, seconds)

    def abort(self, body: dict[str, Any], *, after_seconds: float, who: str = "ada") -> None:
        """Ask, and hang up."""
        connection = self.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": f"Bearer sk-{who}"})
        time.sleep(after_seconds)
        connection.close()

    def arrivals(self, body: dict[str, Any]) -> list[float]:
        """When each piece of the answer came."""
        connection = self.connect()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": "Bearer sk-ada"})
        response = connection.getresponse()
        times = []
        while response.read1(65536):
            times.append(time.monotonic())
        connection.close()
        return times


def write(config: GatewayConfig, folder: Path) -> None:
    for name, text in render_gateway(config).items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)  # only the master, as root, reads them
