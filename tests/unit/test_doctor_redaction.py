"""What is taken out of a bundle's texts, and what stays."""

from __future__ import annotations

import base64
import tarfile
from pathlib import Path

import pytest

from orchestrator.doctor.bundle import write_bundle
from orchestrator.doctor.redaction import MAIL, MARK, Redactor
from orchestrator.errors import WorkshopError
from orchestrator.identity import keys

SECRET = "s3ntinel/with+odd=characters"
NOBODY = Redactor([], {})
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
    redactor = Redactor([SECRET], {})
    assert redactor.knows(text)
    told = redactor.text(text)
    assert MARK in told
    assert not redactor.knows(told)


def test_the_longer_of_two_that_begin_alike_leaves_no_rest() -> None:
    assert Redactor(["abcdef", "abcdefghij"], {}).text("x abcdefghij y abcdef z") == f"x {MARK} y {MARK} z"


def test_one_of_several_lines_is_gone_line_by_line() -> None:
    told = Redactor(["first-line-of-it\nsecond-line-of-it"], {}).text("log: second-line-of-it")
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
    told = NOBODY.text(f"before {text} after")
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
    assert NOBODY.text(text) == text


def test_people_are_their_ids_and_other_mails_are_none() -> None:
    redactor = Redactor([], {"Ada Lovelace": "p01", "ada@x.org": "p01", "Bo": "p02"}, kept=("w.workshop.local",))
    text = "ADA LOVELACE <Ada@x.org>, Bo, Bob, guest@y.org, p01@w.workshop.local"
    assert redactor.text(text) == f"p01 <p01>, p02, Bob, {MAIL}, p01@w.workshop.local"
    assert Redactor([SECRET], None).text("Ada Lovelace guest@y.org") == "Ada Lovelace guest@y.org"


def test_a_bundle_is_for_its_owner_alone_and_names_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "b.tar.gz"
    contents = write_bundle(file, "w-doctor", {"a.txt": f"x {SECRET}", "hosts/b.txt": "é"}, Redactor([SECRET], {}))
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
        write_bundle(tmp_path / "b.tar.gz", "w", {"a.txt": SECRET}, Careless([SECRET], {}))
    assert list(tmp_path.iterdir()) == []
