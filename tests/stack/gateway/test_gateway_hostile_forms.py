"""Forms that parsers disagree about: a backend reads the parts that the gateway has looked at, or none."""

from __future__ import annotations

import time

import pytest

from tests.unit.gateway_bed import Gateway
from tests.unit.raw_http import error_of, exchange, request

pytestmark = pytest.mark.usefixtures("clean_log")

PATH = b"POST /v1/audio/transcriptions HTTP/1.1"
MIXED = b"multipart/form-data; boundary=XX"


def field(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value


FILE = field(b"file", b"RIFF\x00\xff--XX", b'; filename="a.wav"\r\nContent-Type: audio/wav')
MODEL = field(b"model", b"renamed")
NORMAL = (
    '--XX\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    'RIFF\x00\\xff--XX\r\n--XX\r\nContent-Disposition: form-data; name="model"\r\n\r\nname-inside\r\n'
)
END = "--XX--\r\n"


def form(*parts: bytes, before: bytes = b"", end: bytes = b"--XX--\r\n", kind: bytes = MIXED) -> bytes:
    body = before + b"".join(b"--XX\r\n" + part + b"\r\n" for part in parts) + end
    return request(PATH, b"Content-Type: " + kind, body=body)


def other(line: bytes) -> bytes:
    """A part that some parser may take for the model."""
    return line + b"\r\n\r\nstub"


@pytest.mark.parametrize(
    "part",
    [
        field(b"model", b"stub"),
        field(b"Model", b"stub"),
        field(b"MODEL", b"stub", b'; filename="x"'),
        field(b"model", b"stub", b"; filename*=UTF-8''x"),
        other(b'content-disposition:form-data;name=x; NAME="model"'),
        other(b"Content-Disposition: form-data; name*=UTF-8''model"),
        other(b"Content-Disposition: form-data; name=model"),
        other(b'Content-Disposition: form-data; name="mo\\del"'),
        other(b'Content-Disposition: form-data; name="mod%65l"'),
        other(b'Content-Disposition: form-data;\r\n name="model"'),
        other(b'Content-Disposition: attachment; name="model"'),
        other(b'Content-Disposition : form-data; name="model"'),
        other(b'Content-Type: text/plain; name="model"'),
        other(b""),
        b"",
        field(b"a\xffb", b"x"),
        field(b"a\x00b", b"x"),
        field(b"a\r\nX: b", b"x"),
        field(b"", b"x"),
        field(b"x", b"a\r\n--XX\r\n" + field(b"model", b"stub")),
        field(b"x", b"a\r\n--XXX\r\n" + field(b"model", b"stub")),
        field(b"x", b"a\r\n--XX \r\n" + field(b"model", b"stub")),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_second_part_that_somebody_may_read_as_the_model_is_refused(
    gateway: Gateway, part: bytes, order: int
) -> None:
    assert error_of(exchange(gateway, form(*(FILE, MODEL, part)[::order]))) == (400, "invalid_body")


@pytest.mark.parametrize(
    "sent",
    [
        form(FILE),
        form(FILE, field(b"model", b"")),
        form(FILE, field(b"model", b"renamed", b'; filename="x"')),
        form(FILE, MODEL, end=b""),
        form(FILE, MODEL, end=b"--XX"),
        form(FILE, MODEL, end=b"--XX-\r\n"),
        form(FILE, MODEL, before=b"hello\r\n"),
        form(FILE, MODEL, kind=b"multipart/form-data"),
        form(FILE, MODEL, kind=b"multipart/form-data; boundary="),
        form(FILE, MODEL, kind=b"multipart/form-data; boundary=YY; boundary=XX"),
        form(FILE, MODEL, kind=b'multipart/form-data; boundary="X\tX"'),
        form(FILE, MODEL, kind=b"multipart/form-data; boundary=" + b"X" * 71),
        form(FILE, *[field(b"x%d" % number, b"") for number in range(100)], MODEL),
        form(end=b""),
        request(PATH, b"Content-Type: application/json", body=b'{"model":"renamed"}'),
    ],
)
def test_a_form_that_is_not_whole_is_refused(gateway: Gateway, sent: bytes) -> None:
    assert error_of(exchange(gateway, sent)) == (400, "invalid_body")


@pytest.mark.parametrize("name", [b"renamed\r\n", b" renamed", b"renamed\xff", b"renamed\x00", b"cmVuYW1lZA=="])
def test_the_models_name_is_taken_as_it_stands(gateway: Gateway, name: bytes) -> None:
    encoded = b"; x=y\r\nContent-Transfer-Encoding: base64"
    assert error_of(exchange(gateway, form(FILE, field(b"model", name, encoded)))) == (404, "model_not_found")


@pytest.mark.parametrize(
    "sent",
    [
        form(FILE, MODEL),
        form(FILE, field(b"model", b"renamed", b"; filename*=UTF-8''x")),
        form(FILE, field(b"model", b"renamed", b"; name=\"x\"; name*=UTF-8''y")),
        form(FILE, b'X-Note: name="x"; evil\r\n' + MODEL + b""),
        form(FILE, MODEL.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain\r\n\r\n")).replace(
            b"text/plain", b"\xff/\xff       "
        ),
        form(FILE, MODEL, end=b"--XX--\r\n--XX\r\n" + field(b"model", b"stub") + b"\r\n--XX--\r\n"),
        form(FILE, MODEL, kind=b'Multipart/Mixed; x=y; BOUNDARY="XX"; boundary=YY'),
    ],
)
def test_what_arrives_is_what_was_looked_at(gateway: Gateway, sent: bytes) -> None:
    status, told = exchange(gateway, sent)
    assert status == 200, told
    assert told["headers"]["content-type"] == 'multipart/form-data; boundary="XX"'
    assert told["body"] == NORMAL + END


def test_a_files_name_says_nothing_to_the_backend(gateway: Gateway) -> None:
    sent = b'Content-Disposition: form-data; filename="../x; name=\\"model\\""; name="file"\r\n\r\nRIFF'
    _, told = exchange(gateway, form(sent, MODEL, field(b"stream", b"true")))
    assert told["body"] == (
        '--XX\r\nContent-Disposition: form-data; name="file"; filename=".._x__name__"\r\n\r\nRIFF\r\n'
        '--XX\r\nContent-Disposition: form-data; name="model"\r\n\r\nname-inside\r\n'
        '--XX\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n--XX--\r\n'
    )


HUGE = 4_000_000


@pytest.mark.parametrize(
    ("part", "refusal"),
    [
        (field(b"model", b"ws-" + b"a" * HUGE), (404, "model_not_found")),
        (field(b"model", (b"ws-" + b"a" * 25 + b" ") * (HUGE // 29)), (404, "model_not_found")),
        (field(b"model", b":latest" * (HUGE // 7)), (404, "model_not_found")),
        (other(b"Content-Disposition:" + b"\t" * HUGE), (400, "invalid_body")),
        (other(b"Content-Disposition: form-data" + b'; name="' * (HUGE // 8)), (400, "invalid_body")),
        (other(b"Content-Disposition: form-data;" + b" " * HUGE + b'name="model'), (400, "invalid_body")),
        (other(b"Content-Disposition: form-data\r\n" * (HUGE // 32)), (400, "invalid_body")),
    ],
    ids=["key", "keys", "tags", "tabs", "names", "spaces", "lines"],
)
def test_no_form_keeps_a_worker_for_long(gateway: Gateway, part: bytes, refusal: tuple[int, str]) -> None:
    """The bound is wide: a name of many keys once took half a minute."""
    begin = time.monotonic()
    assert error_of(exchange(gateway, form(FILE, part))) == refusal
    assert time.monotonic() - begin < 5
