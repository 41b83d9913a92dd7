"""The guide page: no secrets, nothing from the network, and examples that run as they are printed.

The snippets run against a stub that answers like the gateway: a stand-in, named as one.
"""

import html
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from orchestrator.handouts import GuideModel
from orchestrator.handouts.guide import QUESTION
from tests.unit.guide_samples import MODELS, page, run, snippet
from tests.unit.handout_samples import credentials

HOSTILE_MODEL = 'it\'s $(touch hacked) `id` "{{7*7}}" <b>\\'
PLAIN_MODEL = pytest.param(
    "mistral-7b", marks=pytest.mark.full("the hostile name holds all that could go wrong with it")
)


@dataclass(frozen=True)
class StubGateway:
    """Answers `answer to MODEL` to whoever sends the right key; remembers what it was asked."""

    base: str
    asked: list[dict[str, object]] = field(default_factory=list)


@pytest.fixture
def stub_gateway() -> Iterator[StubGateway]:
    asked: list[dict[str, object]] = []

    class Stub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(
                "application/json", json.dumps({"object": "list", "data": [{"id": "mistral-7b", "object": "model"}]})
            )

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"path": self.path, **request})
            text = f"answer to {request['model']}"
            if self.path.startswith("/ollama/"):
                self.reply(
                    "application/json",
                    json.dumps(
                        {"model": request["model"], "message": {"role": "assistant", "content": text}, "done": True}
                    ),
                )
            elif request.get("stream"):
                chunk = {
                    "id": "1",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [{"index": 0, "delta": {"content": text}}],
                }
                self.reply("text/event-stream", f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n")
            else:
                choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                self.reply(
                    "application/json", json.dumps({"id": "1", "object": "chat.completion", "choices": [choice]})
                )

        def reply(self, kind: str, body: str) -> None:
            known = self.headers.get("Authorization") == "Bearer ws-right-key"
            data = body.encode() if known else b'{"error": {"message": "This API key is not known here."}}'
            self.send_response(200 if known else 401)
            self.send_header("Content-Type", kind if known else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Stub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield StubGateway(f"http://127.0.0.1:{server.server_port}", asked)
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("model", [PLAIN_MODEL, HOSTILE_MODEL])
def test_the_python_example_runs(stub_gateway: StubGateway, tmp_path: Path, model: str) -> None:
    text = page(api_base=stub_gateway.base + "/v1", models=(GuideModel(model, "vllm"),))
    (tmp_path / "ask.py").write_text(snippet(text, "python-chat"))

    assert run([sys.executable, "ask.py"], tmp_path).stdout == f"answer to {model}\n"
    assert stub_gateway.asked[0]["messages"] == [{"role": "user", "content": QUESTION}]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("model", ["mistral-7b", HOSTILE_MODEL])
def test_the_curl_examples_run(stub_gateway: StubGateway, tmp_path: Path, model: str) -> None:
    text = page(api_base=stub_gateway.base + "/v1", models=(GuideModel(model, "vllm"),))

    listed = run(["sh", "-c", snippet(text, "curl-models")], tmp_path)
    answer = run(["sh", "-c", snippet(text, "curl-chat")], tmp_path)

    assert json.loads(listed.stdout)["data"][0]["id"] == "mistral-7b"
    assert json.loads(answer.stdout)["choices"][0]["message"]["content"] == f"answer to {model}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
@pytest.mark.parametrize("model", [PLAIN_MODEL, HOSTILE_MODEL])
def test_the_javascript_example_runs(stub_gateway: StubGateway, tmp_path: Path, model: str) -> None:
    text = page(api_base=stub_gateway.base + "/v1", models=(GuideModel(model, "vllm"),))
    (tmp_path / "ask.mjs").write_text(snippet(text, "javascript-fetch"))

    assert run(["node", "ask.mjs"], tmp_path).stdout == f"answer to {model}\n"
    refused = run(["node", "ask.mjs"], tmp_path, key="ws-wrong", check=False)
    assert "This API key is not known here." in refused.stderr


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_the_example_with_openais_npm_package_runs(stub_gateway: StubGateway, tmp_path: Path) -> None:
    packages = os.environ.get("NODE_MODULES_WITH_OPENAI")
    if not packages:
        pytest.skip("NODE_MODULES_WITH_OPENAI names no node_modules folder with the package openai")
    (tmp_path / "node_modules").symlink_to(packages)
    (tmp_path / "ask.mjs").write_text(snippet(page(api_base=stub_gateway.base + "/v1"), "javascript-openai"))

    assert run(["node", "ask.mjs"], tmp_path).stdout == "answer to mistral-7b\n"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_curl_example_for_ollama_runs(stub_gateway: StubGateway, tmp_path: Path) -> None:
    answer = run(["sh", "-c", snippet(page(ollama_base=stub_gateway.base + "/ollama"), "ollama-curl")], tmp_path)

    assert json.loads(answer.stdout)["message"]["content"] == "answer to llama3.2"
    assert stub_gateway.asked[0]["path"] == "/ollama/api/chat"


def test_the_python_example_for_ollama_runs(stub_gateway: StubGateway, tmp_path: Path) -> None:
    pytest.importorskip("ollama", reason="the package ollama is not installed: pip install ollama")
    (tmp_path / "ask.py").write_text(snippet(page(ollama_base=stub_gateway.base + "/ollama"), "ollama-python"))

    assert run([sys.executable, "ask.py"], tmp_path).stdout == "answer to llama3.2\n"
    assert stub_gateway.asked[0]["path"] == "/ollama/api/chat"


def test_examples_ask_a_model_that_everybody_may_use() -> None:
    assert '"mistral-7b"' in snippet(page(), "python-chat")


@pytest.mark.parametrize("changes", [{"ollama_base": None}, {"ollama_base": "http://h/ollama", "models": MODELS[:3]}])
def test_ollama_is_not_mentioned_where_it_is_not_served(changes: dict[str, object]) -> None:
    assert "ollama-python" not in page(**changes)


def test_there_is_no_secret_of_anybody() -> None:
    text = page(ollama_base="http://h/ollama")
    one = credentials()

    assert one.api_key is not None
    assert one.webui_password is not None
    assert one.api_key.get_secret_value() not in text
    assert one.webui_password.get_secret_value() not in text
    assert "Ada" not in text


def test_nothing_comes_from_the_network() -> None:
    addresses: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in {"link", "img", "iframe", "base", "object", "embed"}
            addresses.extend(value or "" for name, value in attrs if name in {"src", "href"})

    text = page(webui_url="https://llm.example.org:3000")
    Reader().feed(text)

    assert set(addresses) == {"https://llm.example.org:3000"}
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "{% raw %}", "</title><b>"]
)
def test_hostile_text_is_shown_and_not_obeyed(hostile: str) -> None:
    text = page(
        title=hostile,
        window_text=hostile,
        instructor_contact=hostile,
        models=(GuideModel(hostile, hostile, teams=(hostile,), ollama=True),),
        ollama_base="http://h/ollama",
    )

    assert text.count("<script>") == 1
    assert "<img" not in text
    assert html.escape(hostile, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in text


def test_practice_is_said_before_anything_else() -> None:
    assert "every answer is random text" in page(practice=True).partition("<main>")[0]
    assert "random text" not in page(practice=False)


def test_without_a_webui_there_is_no_sign_in() -> None:
    assert "Sign in" not in page(webui_url=None)


def test_teams_are_listed_only_where_there_are_some() -> None:
    assert "staff" in page()
    assert "everybody" not in page(models=MODELS[1:])


def test_a_workshop_without_models_has_no_examples() -> None:
    assert "There are no models yet." in page(models=())
    assert "python-chat" not in page(models=())


def test_equal_input_makes_an_equal_page() -> None:
    assert page() == page()


def test_with_one_each_the_guide_sends_people_to_their_card() -> None:
    for mode, whose in (("per_participant", "it is yours alone"), ("per_team", "it is your team&#39;s")):
        text = page(webui_url=None, own_pages=mode)
        assert whose in text
        assert "open the address on it" in text
        assert "There is no model yet" not in text


def test_where_it_was_left_bare_the_guide_tells_how_to_connect_it() -> None:
    text = page(webui_url=None, own_pages="per_participant", connect_at="http://llm.example.org:8080/v1")
    assert "There is no model yet" in text
    assert '<code dir="ltr">http://llm.example.org:8080/v1</code> and the key on your card' in text
