#!/usr/bin/env python3
"""A stand-in for Ollama: its commands `serve` and `list` and its HTTP API as a real daemon (0.33) was seen to answer.

Models are made from blobs as there, and answer with words of their own; one with `embed` in its name makes vectors.
Source: docs/api.md of ollama/ollama.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

VERSION = "0.33.0-stand-in"
WORDS = [
    "This",
    "is",
    "a",
    "stand-in",
    "that",
    "speaks",
    "like",
    "Ollama",
    "and",
    "knows",
    "nothing",
    "at",
    "all",
    "about",
    "anything",
    ".",
]
CREATED = "2026-01-01T00:00:00.000000Z"


def full(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


class Daemon(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = ""
    blobs: ClassVar[dict[str, int]] = {}
    models: ClassVar[dict[str, dict[str, Any]]] = {}

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path.rpartition("/")[2] in self.blobs or self.path == "/" else 404)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        listed = [{"name": name, "model": name, **about} for name, about in self.models.items()]
        match self.path:
            case "/":
                self.answer(200, "Ollama is running", "text/plain; charset=utf-8")
            case "/api/version":
                self.json(200, {"version": VERSION})
            case "/api/tags" | "/api/ps":
                self.json(200, {"models": listed})
            case "/v1/models":
                data = [{"id": name, "object": "model", "created": 1, "owned_by": "library"} for name in self.models]
                self.json(200, {"object": "list", "data": data})
            case _:
                self.answer(404, "404 page not found", "text/plain")

    def do_POST(self) -> None:
        body = self.body()
        if self.path.startswith("/api/blobs/"):
            self.take_blob(self.path.removeprefix("/api/blobs/"), body)
            return
        try:
            asked = json.loads(body)
        except ValueError:
            self.json(400, {"error": "invalid character 'x' looking for beginning of value"})
            return
        if self.path == "/api/create":
            self.create(asked)
        elif self.path.startswith("/v1/"):
            self.openai(asked)
        else:
            self.native(asked)

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def take_blob(self, digest: str, content: bytes) -> None:
        if digest != f"sha256:{hashlib.sha256(content).hexdigest()}":
            self.json(400, {"error": "digest mismatch"})
            return
        self.blobs[digest] = len(content)
        self.answer(201, "", "text/plain")

    def create(self, asked: dict[str, Any]) -> None:
        digests = list(asked.get("files", {}).values())
        if not digests or any(digest not in self.blobs for digest in digests):
            self.json(400, {"error": "blob not found" if digests else "neither 'from' or 'files' was specified"})
            return
        details = {"format": "gguf", "family": "llama", "parameter_size": "117.25K", "quantization_level": "F32"}
        about = {"modified_at": CREATED, "size": self.blobs[digests[0]], "digest": digests[0].removeprefix("sha256:")}
        self.models[full(asked["model"])] = {**about, "details": details}
        states = [{"status": "parsing GGUF"}, {"status": "success"}]
        if asked.get("stream") is False:
            self.json(200, states[-1])
        else:
            self.lines(iter(states))

    def native(self, asked: dict[str, Any]) -> None:
        name = asked.get("model", "")
        if self.path not in {"/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/show"}:
            self.answer(404, "404 page not found", "text/plain")
        elif full(name) not in self.models:
            self.json(404, {"error": f"model '{name}' not found"})
        elif self.path == "/api/show":
            details = self.models[full(name)]["details"]
            capability = "embedding" if "embed" in name else "completion"
            self.json(200, {"details": details, "model_info": {}, "capabilities": [capability]})
        elif self.path == "/api/embed" and "embed" in name:
            texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
            vectors = [[len(text) / 100, 0.5, -0.5] for text in texts]
            self.json(200, {"model": name, "embeddings": vectors, "total_duration": 1, "prompt_eval_count": len(texts)})
        elif self.path in {"/api/embed", "/api/embeddings"}:
            self.json(501 if self.path == "/api/embed" else 500, {"error": "this model does not support embeddings"})
        else:
            words = WORDS[: asked.get("options", {}).get("num_predict", len(WORDS))]
            if asked.get("stream") is False:
                self.json(200, {**self.piece(name, " ".join(words)), **self.end(len(words))})
            else:
                pieces = (self.piece(name, f"{word} ") for word in words)
                self.lines((*pieces, {**self.piece(name, ""), **self.end(len(words))}))

    def piece(self, name: str, text: str) -> dict[str, Any]:
        said = {"message": {"role": "assistant", "content": text}} if self.path == "/api/chat" else {"response": text}
        return {"model": name, "created_at": CREATED, **said, "done": False}

    def end(self, count: int) -> dict[str, Any]:
        reason = "length" if count < len(WORDS) else "stop"
        times = dict.fromkeys(("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"), 1_000_000)
        return {"done": True, "done_reason": reason, **times, "prompt_eval_count": 7, "eval_count": count}

    def openai(self, asked: dict[str, Any]) -> None:
        name = asked.get("model", "")
        if full(name) not in self.models:
            error = {"message": f"model '{name}' not found", "type": "not_found_error", "param": None, "code": None}
            self.json(404, {"error": error})
            return
        if asked.get("tools"):  # as of every model whose template has no place for them
            said = f"registry.ollama.ai/library/{full(name)} does not support tools"
            self.json(400, {"error": {"message": said, "type": "invalid_request_error", "param": None, "code": None}})
            return
        if self.path != "/v1/chat/completions":
            error = {"message": "this model does not support embeddings", "type": "api_error", "param": None}
            self.json(501, {"error": {**error, "code": None}})
            return
        words = WORDS[: asked.get("max_tokens", len(WORDS))]
        finish = "length" if len(words) < len(WORDS) else "stop"
        head = {"id": "chatcmpl-1", "created": int(time.time()), "model": name, "system_fingerprint": "fp_ollama"}
        usage = {"prompt_tokens": 7, "completion_tokens": len(words), "total_tokens": 7 + len(words)}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": " ".join(words)}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            self.json(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})
            return
        chunk = {**head, "object": "chat.completion.chunk"}
        events = [
            {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": f"{word} "}}]}
            for word in words
        ]
        events.append({**chunk, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": finish}]})
        if asked.get("stream_options", {}).get("include_usage"):
            events.append({**chunk, "choices": [], "usage": usage})
        told = [f"data: {json.dumps(event)}\n\n" for event in events]
        self.pieces("text/event-stream", iter([*told, "data: [DONE]\n\n"]))

    def json(self, status: int, body: object) -> None:
        self.answer(status, json.dumps(body), "application/json; charset=utf-8")

    def lines(self, objects: Any) -> None:
        self.pieces("application/x-ndjson", (json.dumps(each) + "\n" for each in objects))

    def answer(self, status: int, text: str, kind: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def pieces(self, kind: str, texts: Iterator[str]) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for text in texts:
            data = text.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def main() -> int:
    host, _, port = os.environ.get("OLLAMA_HOST", "127.0.0.1:11434").rpartition(":")
    if sys.argv[1:] == ["serve"]:
        server = ThreadingHTTPServer((host, int(port)), Daemon)
        server.daemon_threads = True
        server.serve_forever()
    if sys.argv[1:] == ["list"]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/tags", timeout=3) as answer:
            print("NAME", *(model["name"] for model in json.load(answer)["models"]), sep="\n")
        return 0
    print(f"a stand-in knows `serve` and `list` only, not {sys.argv[1:]}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
