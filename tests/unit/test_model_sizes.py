"""How big a model is: from its folder, from a hub that stands on this machine, from an earlier answer, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr

from orchestrator.engines.gguf_header import gguf_header
from orchestrator.engines.kinds.vllm import PRACTICE_TOKEN_BYTES
from orchestrator.engines.size import GIB
from orchestrator.fleet.model_files import ask_hub, read_folder
from orchestrator.practice.gguf import write_gguf
from orchestrator.practice.vocabulary import CONTEXT as VOCABULARY_CONTEXT
from orchestrator.spec.loader import Spec
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.wanted.sizes import known
from tests.unit.spec_samples import spec_of, with_models

CONFIG = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "max_position_embeddings": 2048,
}
SIBLINGS = [
    {"rfilename": "config.json", "size": 9},
    {"rfilename": "model-00001-of-00002.safetensors", "size": 5 * GIB},
    {"rfilename": "model-00002-of-00002.safetensors", "size": 4 * GIB},
    {"rfilename": "consolidated.safetensors", "size": 9 * GIB},
    {"rfilename": "small.Q4_K_M.gguf", "size": GIB},
]


class StandIn(BaseHTTPRequestHandler):
    """A hub with one public and one gated repository, and some that answer badly."""

    asked: ClassVar[list[tuple[str, str | None]]] = []
    gguf: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        token = self.headers.get("Authorization")
        StandIn.asked.append((self.path, token))
        if self.path.startswith("/o/stored/resolve/main/") or self.path.startswith("/storage/"):
            self.file()
            return
        repository = self.path.removeprefix("/api/models/").partition("?")[0]
        if repository == "o/odd":
            self.answer(200, b"<html>")
        elif repository == "o/huge":
            self.answer(200, b"[" + b"1," * (5 << 20) + b"1]")
        elif self.path in {f"/api/models/{name}?blobs=true" for name in ("o/open", "o/gated", "o/stored")}:
            self.answer(200, json.dumps({"siblings": SIBLINGS}).encode())
        elif self.path == "/o/open/resolve/main/config.json" or (
            self.path == "/o/gated/resolve/main/config.json" and token == "Bearer right"
        ):
            self.answer(200, json.dumps(CONFIG).encode())
        else:
            self.answer(401 if "gated" in self.path else 404, b"{}")

    def file(self) -> None:
        """As the hub does it: it points to another host, which sends the part that is asked for."""
        if self.path.startswith("/storage/"):
            begin, end = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            self.answer(206, StandIn.gguf[begin : end + 1])
            return
        self.send_response(302)
        port = self.headers["Host"].partition(":")[2]
        self.send_header("Location", f"http://localhost:{port}/storage/{self.path.rpartition('/')[2]}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    StandIn.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(path, name="tiny")
    return path.read_bytes()


@pytest.fixture
def online(hub: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub)
    return hub


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(StateFolder(tmp_path / "state")) as opened:
        yield opened


def gpu_spec(folder: Path, *models: str) -> Spec:
    return spec_of(folder, with_models(*models) + "hosts: [{name: a, gpus: {count: 8, memory_gib: 24}}]\n")


# files


def test_a_folder_tells_its_weights_and_its_attention(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"12345678")
    found = read_folder(tmp_path)
    assert found is not None
    assert (found.weights, found.config) == (8, CONFIG)


@pytest.mark.parametrize("content", [b"not JSON", b"[1]", b"\xff\xfe"])
def test_a_config_that_cannot_be_read_costs_only_itself(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    (tmp_path / "model.safetensors").write_bytes(b"1234")
    found = read_folder(tmp_path)
    assert found is not None
    assert (found.weights, found.config) == (4, None)


def test_a_gguf_file_is_as_big_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"123")
    found = read_folder(file)
    assert found is not None
    assert found.weights == 3


def test_where_no_model_is_there_is_no_size(tmp_path: Path) -> None:
    assert read_folder(tmp_path) is None
    assert read_folder(tmp_path / "missing") is None


# the hub


def test_the_hub_tells_files_and_config(hub: str) -> None:
    found = ask_hub("o/open", hub, None)
    assert found is not None
    assert (found.weights, found.config, found.origin) == (9 * GIB, CONFIG, hub)
    file = ask_hub("o/open/small.Q4_K_M.gguf", hub, None)
    assert file is not None
    assert (file.weights, file.config) == (GIB, None)


def test_a_gated_model_tells_its_weights_to_all_and_its_config_to_who_may(hub: str) -> None:
    refused, allowed = ask_hub("o/gated", hub, None), ask_hub("o/gated", hub, SecretStr("right"))
    assert refused is not None
    assert allowed is not None
    assert (refused.weights, refused.config) == (9 * GIB, None)
    assert allowed.config == CONFIG


@pytest.mark.parametrize("source", ["o/missing", "o/odd", "o/huge", "o/open/missing.gguf", "alone", "../x/y", ""])
def test_a_bad_answer_is_no_answer(hub: str, source: str) -> None:
    assert ask_hub(source, hub, None) is None


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "ftp://127.0.0.1", "nothing"])
def test_a_hub_that_is_not_there_is_no_answer(endpoint: str) -> None:
    assert ask_hub("o/open", endpoint, None) is None


def test_of_a_gguf_file_the_first_bytes_are_asked_for(hub: str, tiny: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "gguf", tiny + bytes(2 << 20))
    found = ask_hub("o/stored/small.Q4_K_M.gguf", hub, SecretStr("right"))
    assert found is not None
    assert (found.weights, found.gguf) == (GIB, gguf_header(tiny))
    assert found.gguf
    assert [(path.split("/")[1], token) for path, token in StandIn.asked] == [
        ("api", "Bearer right"),
        ("o", "Bearer right"),
        ("storage", None),  # on another host
    ]


def test_a_file_that_is_no_gguf_costs_only_its_header(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "gguf", b"<html>")
    found = ask_hub("o/stored/small.Q4_K_M.gguf", hub, None)
    assert found is not None
    assert (found.weights, found.gguf) == (GIB, None)


# what a plan knows


def test_the_hub_is_asked_once_and_its_answer_kept(tmp_path: Path, state: State, online: str) -> None:
    spec = gpu_spec(tmp_path, "name: m, engine: vllm, source: o/open")
    assert known(spec, state).sizes == {}
    first = known(spec, state, ask=True, keep=True)
    assert first.sizes["m"].weights == 9 * GIB
    assert first.sizes["m"].kv(1, 1, 2.0) == 256
    asked = len(StandIn.asked)
    assert known(spec, state, ask=True).sizes == known(spec, state).sizes == first.sizes
    assert len(StandIn.asked) == asked == 2


def test_what_a_gguf_file_keeps_of_a_token_is_known_and_kept(
    tmp_path: Path, state: State, online: str, tiny: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StandIn, "gguf", tiny)
    spec = gpu_spec(tmp_path, "name: m, engine: llamacpp, source: o/stored/small.Q4_K_M.gguf")
    first = known(spec, state, ask=True, keep=True).sizes["m"]
    assert (first.weights, first.kv(1, 1, 2.0), first.lacks) == (GIB, PRACTICE_TOKEN_BYTES, None)
    assert known(spec, state).sizes["m"] == first


def test_an_answer_that_was_kept_before_headers_were_read_still_counts(
    tmp_path: Path, state: State, online: str
) -> None:
    spec = gpu_spec(tmp_path, "name: m, engine: llamacpp, source: o/open/small.Q4_K_M.gguf")
    known(spec, state, ask=True, keep=True)
    (kept,) = state.folder.path.rglob("model-sizes.json")
    (key,) = json.loads(kept.read_text("utf-8"))
    kept.write_text(json.dumps({key: {"weights": 7, "config": None, "origin": "hub"}}), encoding="utf-8")
    found = known(spec, state).sizes["m"]
    assert (found.weights, found.lacks) == (7, "the header of its GGUF file could not be read")


def test_a_gguf_file_on_this_machine_is_read(tmp_path: Path, state: State, tiny: bytes) -> None:
    (tmp_path / "m.gguf").write_bytes(tiny)
    spec = gpu_spec(tmp_path, f"name: m, engine: llamacpp, source: {tmp_path}/m.gguf")
    found = known(spec, state).sizes["m"]
    assert (found.weights, found.kv(1, 1, 2.0), found.context) == (len(tiny), PRACTICE_TOKEN_BYTES, VOCABULARY_CONTEXT)


def test_a_plan_keeps_nothing(tmp_path: Path, state: State, online: str) -> None:
    spec = gpu_spec(tmp_path, "name: m, engine: vllm, source: o/open")
    assert known(spec, state, ask=True).sizes
    assert known(spec, state).sizes == {}


def test_the_token_comes_from_the_models_own_environment(
    tmp_path: Path, state: State, online: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "right")
    text = "name: m, engine: vllm, source: o/gated, environment: {HF_TOKEN: '${env:MINE}'}"
    assert known(gpu_spec(tmp_path, text), state, ask=True).sizes["m"].lacks is None
    monkeypatch.delenv("MINE")
    found = known(gpu_spec(tmp_path, text), state, ask=True).sizes["m"]
    assert (found.weights, found.lacks) == (9 * GIB, "its config.json could not be read")
    assert "right" not in "".join(file.read_text("utf-8", "ignore") for file in tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    "model",
    [
        "engine: vllm, source: Qwen/Qwen2.5-7B-Instruct",
        "engine: vllm, source: o/open, size: {weights_gib: 1, kv_kib_per_token: 1}",
        "engine: vllm, source: /srv/here",
        "engine: ollama, source: 'llama3.2:3b'",
        "engine: llamacpp, source: 'https://h/x/f.gguf'",
        "engine: external, source: x, base_url: 'https://api.example.org/v1'",
    ],
)
def test_the_hub_is_not_asked_for_what_is_known_or_not_there(
    tmp_path: Path, state: State, online: str, model: str
) -> None:
    known(gpu_spec(tmp_path, f"name: m, {model}"), state, ask=True)
    assert StandIn.asked == []


def test_who_is_offline_by_choice_asks_nobody(
    tmp_path: Path, state: State, online: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert known(gpu_spec(tmp_path, "name: m, engine: vllm, source: o/open"), state, ask=True).sizes == {}
    assert StandIn.asked == []


def test_a_folder_that_is_on_this_machine_too_is_read(tmp_path: Path, state: State) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"12")
    spec = gpu_spec(tmp_path, f"name: m, engine: vllm, source: {tmp_path}/weights")
    assert known(spec, state).sizes["m"].weights == 2


def test_a_spoilt_record_of_earlier_answers_is_no_record(tmp_path: Path, state: State, online: str) -> None:
    spec = gpu_spec(tmp_path, "name: m, engine: vllm, source: o/open")
    known(spec, state, ask=True, keep=True)
    (kept,) = state.folder.path.rglob("model-sizes.json")
    for content in ("{", "[]", '{"a": {}}', '{"a": 1}'):
        kept.write_text(content, encoding="utf-8")
        assert known(spec, state).sizes == {}


def test_practice_mode_asks_nobody(tmp_path: Path, state: State, online: str) -> None:
    spec = spec_of(tmp_path, with_models("name: m, engine: vllm, source: o/open") + "practice: true\n")
    assert known(spec, state, ask=True).sizes == {}
    assert StandIn.asked == []


def test_where_backends_were_placed_is_remembered(tmp_path: Path, state: State) -> None:
    spec = gpu_spec(tmp_path, "name: m, engine: vllm, source: o/m")
    state.placements.record({"model-m-1": ("a", (3, 5)), "model-n-1": ("b", ())})
    assert {name: (place.host, place.gpus) for name, place in known(spec, state).before.items()} == {
        "model-m-1": ("a", (3, 5)),
        "model-n-1": ("b", ()),
    }
    state.placements.record({"model-m-1": ("a", (3, 5))})
    assert set(known(spec, state).before) == {"model-m-1"}
    state.placements.record({})
    assert known(spec, state).before == {}
