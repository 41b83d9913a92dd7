"""Sound and pictures: forms with a file in them, answers that are no text."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

import pytest

from tests.unit.gateway_bed import Answer, Gateway

LINE = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


def part(name: str, value: str, more: str = "") -> str:
    return f'--{LINE}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def post(gateway: Gateway, *parts: str, line: str = LINE, end: str = f"--{LINE}--\r\n") -> Answer:
    headers = {"Content-Type": f"multipart/form-data; boundary={line}"}
    return gateway.send("/v1/audio/transcriptions", "".join(parts) + end, key="sk-ada", headers=headers)


def test_a_recording_reaches_the_backend_byte_for_byte_under_the_backends_name(gateway: Gateway) -> None:
    sound = secrets.token_hex(600) + "\r\n--" + LINE[:-1] + "\x00\x01"
    answer = post(
        gateway, part("model", "renamed"), part("file", sound, '; filename="a b;é.wav"\r\nContent-Type: audio/wav')
    )
    assert answer.status == 200, answer.text
    told = answer.json
    assert told["request"] == "POST /v1/audio/transcriptions HTTP/1.1"
    assert told["headers"]["content-type"] == f'multipart/form-data; boundary="{LINE}"'
    assert told["body"] == (
        part("model", "name-inside")
        + part("file", sound, '; filename="a_b__.wav"\r\nContent-Type: audio/wav')
        + f"--{LINE}--\r\n"
    )
    record = gateway.record(answer)
    assert (record["path"], record["model"], record["backend"]) == (
        "/v1/audio/transcriptions",
        "renamed",
        "stub-a:8000",
    )


def test_bytes_that_are_no_text_survive(gateway: Gateway) -> None:
    begin = part("model", "renamed").encode() + part("file", "", '; filename="a.wav"').encode().removesuffix(b"\r\n")
    sound = bytes(range(256)) * 20
    end = f"\r\n--{LINE}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={LINE}"}
    answer = gateway.send("/v1/audio/transcriptions", begin + sound + end, key="sk-ada", headers=headers)
    expected = begin.replace(b"renamed", b"name-inside") + sound + end
    assert answer.json["sha256"] == hashlib.sha256(expected).hexdigest()


def test_a_large_recording_is_taken(gateway: Gateway) -> None:
    sound = "x" * 3_000_000
    answer = post(gateway, part("file", sound, '; filename="a.wav"'), part("model", "stub"))
    assert answer.status == 200
    assert answer.json["size"] > 3_000_000


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (part("file", "x", '; filename="a"'),),
        (part("model", "stub"), part("model", "pair")),
        (part("model", "stub"), part("Model", "pair")),
        (part("model", "stub", '; filename="m"'),),
        (part("model", ""),),
        ("no boundary at all\r\n", part("model", "stub")),
        (f"--{LINE}\r\nContent-Disposition: form-data; name*=utf-8''model\r\n\r\nstub\r\n",),
        (f"--{LINE}\r\n\r\nstub\r\n",),
    ],
)
def test_a_form_that_does_not_name_one_model_is_refused(gateway: Gateway, parts: tuple[str, ...]) -> None:
    refused = post(gateway, *parts)
    assert (refused.status, refused.error["code"]) == (400, "invalid_body")


def test_a_form_without_its_end_is_refused(gateway: Gateway) -> None:
    assert post(gateway, part("model", "stub"), end="").status == 400
    assert post(gateway, part("model", "stub"), line="another").status == 400


def test_a_model_of_somebody_else_is_not_there_in_a_form_either(gateway: Gateway) -> None:
    assert post(gateway, part("model", "nobody-has-this")).error["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("path", "fields"),
    [("/v1/audio/speech", {"input": "Hello", "voice": "alloy"}), ("/v1/images/generations", {"prompt": "a house"})],
)
def test_speech_and_pictures_are_asked_for_in_json(gateway: Gateway, path: str, fields: dict[str, Any]) -> None:
    answer = gateway.send(path, {"model": "renamed", **fields}, key="sk-ada")
    assert answer.json["request"] == f"POST {path} HTTP/1.1"
    assert json.loads(answer.json["body"]) == {"model": "name-inside", **fields}


def test_sound_as_an_answer_passes_unchanged_and_costs_no_tokens_but_the_text(gateway: Gateway) -> None:
    body = {
        "model": "stub",
        "input": "x" * 400,
        "stub": {"status": 200, "content": "RIFF data: data: " * 9, "type": "audio/wav"},
    }
    answer = gateway.send("/v1/audio/speech", body, key="sk-ada")
    assert (answer.headers["content-type"], answer.text) == ("audio/wav", "RIFF data: data: " * 9)
    record = gateway.record(answer)
    assert (record["completion_tokens"], record["estimated"]) == (0, True)
    assert 100 <= record["prompt_tokens"] < 200
