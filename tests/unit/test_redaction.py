"""What is taken out of texts that others will read, and what stays."""

from __future__ import annotations

import base64
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from orchestrator.checks.check import Outcome, Question
from orchestrator.checks.runner import MOST_CHARACTERS, ask
from orchestrator.doctor.bundle import last_lines, write_bundle
from orchestrator.errors import WorkshopError
from orchestrator.identity import keys
from orchestrator.redaction.looks import MARK
from orchestrator.redaction.redactor import MAIL, Redactor
from orchestrator.webui import provider
from orchestrator.webui.refused import WebUIRefused
from orchestrator.webui.wanted import Connection

SECRET = "s3ntinel/with+odd=characters"
BY_LOOK = Redactor([], by_look=True)
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"Authorization: {SECRET}",
        f'{{"a": "{SECRET}"}}',
        "https://x/?k=s3ntinel%2Fwith%2Bodd%3Dcharacters",
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_known_secret_is_gone_in_every_spelling(text: str) -> None:
    redactor = Redactor([SECRET])
    assert redactor.knows(text)
    told = redactor.text(text)
    assert MARK in told
    assert not redactor.knows(told)


def test_the_longer_of_two_that_begin_alike_leaves_no_rest() -> None:
    assert Redactor(["abcdef", "abcdefghij"]).text("x abcdefghij y abcdef z") == f"x {MARK} y {MARK} z"


def test_one_of_several_lines_is_gone_line_by_line() -> None:
    told = Redactor(["first-line-of-it\nsecond-line-of-it"]).text("log: second-line-of-it")
    assert told == f"log: {MARK}"


@pytest.mark.parametrize(
    "text",
    [
        keys.api_key(b"k" * 32, "p01", 1).get_secret_value(),
        keys.api_key(b"k" * 32, "p01", 1).get_secret_value().upper(),
        keys.api_key(b"k" * 32, "p01", 1).get_secret_value().replace("-", "").replace("ws", "ws-", 1),
        "sk-proj-abcdefghijkl0123",
        "sk-ant-api03-abcdefghijkl",
        "gsk_abcdefghijkl0123",
        "hf_abcdefghijkl",
        "ghp_abcdefghijkl",
        "Bearer abcdef.ghijkl",
        "eyJhbGciOiJI.eyJzdWIiOiIx.abc",
        PEM,
        PEM.rpartition("\n")[0],
        "https://ada:hunter2@proxy:3128/",
        'OPENAI_API_KEY="whatever it is"',
        '{"password": "correct horse"}',
        "db_password=hunter2hunter",
    ],
)
def test_what_looks_like_a_secret_is_gone(text: str) -> None:
    told = BY_LOOK.text(f"before {text} after")
    assert MARK in told
    for part in ("abcdefghijkl", "hunter2", "MIGHAgEA", "whatever", "correct", "ghijkl", "eyJzdWI"):
        assert part not in told
    assert told.startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        'api_key: "${env:OPENAI_API_KEY}"',
        "tokens_per_minute: 20000",
        "max_tokens: 5",
        "prompt_tokens=17",
        "image: workshop-gateway:4f3a2b",
        "key: tls/key.pem",
        '"secret": null',
        "workshop-w-gateway-1  Up 3 minutes",
        "https://api.openai.com/v1",
        "a certificate: -----BEGIN CERTIFICATE-----",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert BY_LOOK.text(text) == text


def test_people_are_their_ids_and_other_mails_are_none() -> None:
    redactor = Redactor([], people={"Ada Lovelace": "p01", "ada@x.org": "p01", "Bo": "p02"}, kept=("w.workshop.local",))
    text = "ADA LOVELACE <Ada@x.org>, Bo, Bob, guest@y.org, p01@w.workshop.local"
    assert redactor.text(text) == f"p01 <p01>, p02, Bob, {MAIL}, p01@w.workshop.local"
    assert Redactor([SECRET]).text("Ada Lovelace guest@y.org") == "Ada Lovelace guest@y.org"


@pytest.mark.parametrize(
    "spelt",
    [
        str,
        str.upper,
        lambda key: "ws-" + key[3:].replace("-", ""),
        lambda key: "WS-" + key[3:].replace("-", "", 2).upper(),
        lambda key: key.replace("-", " ").replace("ws ", "ws-"),
        lambda key: "ws-" + key[3:].replace("0", "o").replace("1", "L"),
    ],
)
def test_a_known_key_is_gone_however_it_is_typed(spelt: Callable[[str], str]) -> None:
    for person in map(str, range(20)):
        key = keys.api_key(b"k" * 32, person, 1).get_secret_value()
        typed = spelt(key)
        assert keys.fingerprint(typed) == keys.fingerprint(key)  # the gateway takes it
        redactor = Redactor([key])
        assert redactor.knows(typed)
        assert redactor.text(f"no {typed} here") == f"no {MARK} here"
    other = keys.api_key(b"other" * 8, "p01", 1).get_secret_value()
    assert Redactor([key]).text(other) == other


@pytest.mark.parametrize("before", ["", "a", "ab", "ada@x.org:"])
@pytest.mark.parametrize("after", ["", "z", "zz", ", and more"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_known_secret_is_gone_inside_other_base64(before: str, after: str, encode: Callable[[bytes], bytes]) -> None:
    text = encode(f"{before}{SECRET}{after}".encode()).decode()
    told = Redactor([SECRET]).text(f"Proxy: {text}")
    assert MARK in told
    assert len(told.replace(MARK, "")) < len("Proxy: ") + len(encode(f"{before}{after}".encode())) + 8


def test_what_was_taken_out_is_not_taken_out_again() -> None:
    redactor = Redactor(["secret", SECRET], by_look=True, people={"Secret": "p01"})
    told = redactor.text(f"api_key={SECRET}, secret and Bearer {SECRET}")
    assert told == f"api_key={MARK}, {MARK} and Bearer {MARK}"
    assert redactor.text(told) == told
    assert not redactor.knows(told)


def test_one_that_is_too_short_stays_only_where_that_is_asked_for() -> None:
    assert Redactor(["abcd"]).text("abcd") == MARK
    assert Redactor(["abcd"], shortest=5).text("abcd abcde") == "abcd abcde"
    assert Redactor([""]).text("nothing") == "nothing"


def test_letters_that_change_their_length_move_nothing() -> None:
    assert Redactor([SECRET], people={"İpek": "p01"}).text(f"İİ {SECRET.upper()} İpek ß") == f"İİ {MARK} p01 ß"


@pytest.mark.parametrize("generation", [1, 2, 77])
def test_a_password_of_words_is_gone_though_nobody_knows_it(generation: int) -> None:
    for person in map(str, range(50)):
        password = keys.password(b"k" * 32, "whatever", person, generation).get_secret_value()
        for text in (password, password.upper(), f"x-{password}"):
            told = BY_LOOK.text(f"({text})")
            assert told.startswith(("([secret]", "(x-"))
            assert MARK in told
            assert not set(password.split("-")[:1]) & set(told.strip("()").split("-")[1:])


@pytest.mark.parametrize(
    "text",
    [
        "workshop-class-gateway-model-one-edge",
        "abandon-ability-able-about",
        "state-of-the-art-rooms",
        "a-very-long-name-for-a-host",
    ],
)
def test_ordinary_words_with_hyphens_stay(text: str) -> None:
    assert BY_LOOK.text(text) == text


def test_a_large_class_and_a_long_log_take_seconds() -> None:
    secrets = [keys.password(b"k" * 32, "p", str(number), 1) for number in range(3000)]
    text = "2026-12-01T09:00:00Z p07 /v1/chat/completions 200 1234 ms\n" * 10_000
    begun = time.monotonic()
    assert Redactor(secrets, shortest=5, by_look=True, people={}).text(text) == text
    assert time.monotonic() - begun < 30  # one `re` of all spellings takes minutes


def test_a_check_tells_what_a_server_said_in_one_line_without_its_key() -> None:
    key = keys.api_key(b"k" * 32, "p01", 1)
    said = f"no\n{key.get_secret_value().upper()}\x07 here " + "x" * 400
    check = ask(Question("n", "t", "e", lambda: Outcome(ok=False, got=said)), Redactor([key]))
    assert check.got.startswith(f"no {MARK} here x")
    assert len(check.got) == MOST_CHARACTERS


def test_a_providers_words_are_told_without_its_key_in_another_spelling() -> None:
    class Refusing:
        def patient(self, seconds: float) -> Refusing:
            return self

        def post(self, *_: object, **__: object) -> None:
            raise WebUIRefused("POST /x", 401, "key s3ntinel%2Fwith%2Bodd%3Dcharacters and X-1 HEADER-VALUE")

    connection = Connection(
        "lab", "openai", "http://lab/v1", key=SecretStr(SECRET), headers={"X": SecretStr("header-value"), "Y": "plain"}
    )
    answer = provider.ask(Refusing(), connection)  # type: ignore[arg-type]
    assert answer.problem == f"refuses the key (401: key {MARK} and X-1 {MARK})"


def test_half_a_secret_is_not_left_at_the_end_of_what_is_cut(tmp_path: Path) -> None:
    text = f"{SECRET} first\nlast"
    assert last_lines(text, len(text)) == text
    assert last_lines(text, len(text) - 5) == "last"


def test_a_bundle_is_for_its_owner_alone_and_names_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    contents = write_bundle(file, "w-doctor", {"a.txt": f"x {SECRET}", "hosts/b.txt": "é"}, Redactor([SECRET]))
    assert file.stat().st_mode & 0o777 == 0o600
    assert contents == {"a.txt": len(f"x {MARK}"), "hosts/b.txt": 2}
    with tarfile.open(file) as archive:
        assert sorted(archive.getnames()) == ["w-doctor/a.txt", "w-doctor/hosts/b.txt"]
        assert {member.mode for member in archive.getmembers()} == {0o600}


def test_where_a_secret_stayed_nothing_is_written(tmp_path: Path) -> None:
    class Careless(Redactor):
        def text(self, text: str) -> str:
            return text

    with pytest.raises(WorkshopError, match=r"a\.txt"):
        write_bundle(tmp_path / "b.tar.gz", "w", {"a.txt": SECRET}, Careless([SECRET]))
    assert list(tmp_path.iterdir()) == []
