"""The HTTP client for Open WebUI, against a small server that answers as the real one was seen to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.webui.client import WebUI
from orchestrator.webui.refused import WebUIRefused

TOKEN = SecretStr("sentinel-token")


@dataclass
class Answers:
    """What the server says next, per path; a number is a status, None cuts the connection."""

    by_path: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def answers() -> Iterator[Answers]:
    script = Answers()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.do_GET()

        def do_GET(self) -> None:
            script.asked.append((self.path, self.headers["authorization"]))
            queue = script.by_path[self.path.split("?")[0]]
            status, body = queue.pop(0) if len(queue) > 1 else queue[0]
            if status is None:
                sleep(body)
                self.close_connection = True
                return
            json_body = not isinstance(body, str)
            data = (json.dumps(body) if json_body else body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json" if json_body else "text/html; charset=utf-8")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    yield script
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_token_is_sent_and_netrc_does_not_replace_it(
    answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    answers.by_path["/x"] = [(200, {})]

    WebUI(answers.url).get("/x")
    WebUI(answers.url + "/").signed_in(TOKEN).get("/x")

    assert answers.asked == [("/x", None), ("/x", "Bearer sentinel-token")]


def test_the_web_page_for_an_unknown_path_is_no_answer(answers: Answers) -> None:
    answers.by_path["/api/v1/unknown"] = [(200, "<!doctype html>")]

    with pytest.raises(WebUIRefused, match="does not know the request"):
        WebUI(answers.url).get("/api/v1/unknown")


def test_a_lost_connection_is_tried_again_where_that_does_no_harm(answers: Answers) -> None:
    answers.by_path["/x"] = [(None, 0), (200, {"fine": True})]

    assert WebUI(answers.url).get("/x") == {"fine": True}
    assert len(answers.asked) == 2


def test_a_lost_connection_is_not_tried_again_where_something_might_be_made_twice(answers: Answers) -> None:
    answers.by_path["/x"] = [(None, 0), (200, {})]

    with pytest.raises(UserError) as caught:
        WebUI(answers.url).post("/x", {})

    assert caught.value.code == "webui_unreachable"
    assert len(answers.asked) == 1


def test_a_server_that_does_not_answer_in_time_is_said_so(answers: Answers) -> None:
    answers.by_path["/x"] = [(None, 0.5)]

    with pytest.raises(UserError, match=r"within 0\.1 seconds") as caught:
        WebUI(answers.url, timeout=0.1).get("/x")

    assert caught.value.code == "webui_timeout"


def test_a_server_that_is_not_there_is_said_so_without_the_token() -> None:
    with pytest.raises(UserError) as caught:
        WebUI("http://127.0.0.1:9", token=TOKEN).get("/x")

    assert caught.value.code == "webui_unreachable"
    assert "sentinel" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("status", "body", "code", "detail"),
    [
        (400, {"detail": "Uh-oh! This email is already registered."}, "webui_refused", "Uh-oh! This email is already"),
        (500, "Internal Server Error", "webui_failed", "Internal Server Error"),
        (503, {"other": 1}, "webui_failed", "other"),
        (400, {"detail": "two\nlines\x1b[31m"}, "webui_refused", "two lines [31m"),
        (502, "", "webui_failed", "no reason given"),
    ],
)
def test_the_servers_reason_is_given_in_one_line(
    answers: Answers, status: int, body: object, code: str, detail: str
) -> None:
    answers.by_path["/x"] = [(status, body)]

    with pytest.raises(WebUIRefused) as caught:
        WebUI(answers.url).get("/x")

    assert (caught.value.code, caught.value.status) == (code, status)
    assert detail in caught.value.detail
    assert "\n" not in str(caught.value)


def test_what_a_validation_error_repeats_of_the_request_is_not_shown(answers: Answers) -> None:
    problem = {"type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": {"password": "sentinel"}}
    answers.by_path["/x"] = [(422, {"detail": [problem]})]

    with pytest.raises(WebUIRefused) as caught:
        WebUI(answers.url).post("/x", {"password": "sentinel"})

    assert caught.value.detail == "body.name: Field required"


def test_signing_in_gives_the_server_as_that_person_sees_it(answers: Answers) -> None:
    answers.by_path["/api/v1/auths/signin"] = [(200, {"token": "sentinel-token"})]
    answers.by_path["/x"] = [(200, {})]

    WebUI(answers.url).sign_in("p01@x.org", SecretStr("password")).get("/x")

    assert answers.asked[-1] == ("/x", "Bearer sentinel-token")


def test_a_second_factor_is_named(answers: Answers) -> None:
    answers.by_path["/api/v1/auths/signin"] = [(200, {"next_step": "enroll"})]

    with pytest.raises(UserError) as caught:
        WebUI(answers.url).sign_in("p01@x.org", SecretStr("password"))

    assert caught.value.code == "webui_second_factor"


def test_waiting_ends_when_the_server_has_started(answers: Answers) -> None:
    answers.by_path["/ready"] = [
        (None, 0),
        (None, 0),
        (503, {"detail": "Startup not complete"}),
        (200, {"status": True}),
    ]

    WebUI(answers.url).wait_ready(10)

    assert len(answers.asked) == 4


def test_waiting_has_an_end_and_says_what_was_seen_last(answers: Answers) -> None:
    answers.by_path["/ready"] = [(503, {"detail": "Startup not complete"})]

    with pytest.raises(UserError, match="Startup not complete") as caught:
        WebUI(answers.url).wait_ready(0.3)

    assert caught.value.code == "webui_not_ready"


@pytest.mark.parametrize("version", ["0.8.12", "0.9.6", "0.12.4", "v1.0.0", "0.10.0-dev"])
def test_a_version_that_is_known_is_taken(answers: Answers, version: str) -> None:
    answers.by_path["/api/version"] = [(200, {"version": version})]

    assert WebUI(answers.url).dialect().is_spoken_to


@pytest.mark.parametrize("version", ["0.8.11", "0.6.43", "nightly", ""])
def test_an_older_version_is_refused_in_one_line(answers: Answers, version: str) -> None:
    answers.by_path["/api/version"] = [(200, {"version": version})]

    with pytest.raises(UserError) as caught:
        WebUI(answers.url).dialect()

    assert caught.value.code == "webui_too_old"
    assert "\n" not in str(caught.value)


def test_many_threads_share_a_client(answers: Answers) -> None:
    from concurrent.futures import ThreadPoolExecutor

    answers.by_path["/x"] = [(200, {"fine": True})]
    webui = WebUI(answers.url)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: webui.get("/x"), range(100)))

    assert results == [{"fine": True}] * 100
