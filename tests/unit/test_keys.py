"""Keys: what they look like, and what counts as the same key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from orchestrator.identity import keys

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "keys.json").read_text(encoding="utf-8"))
SECRET = bytes(range(32))
BODY_AND_CHECK = keys.BODY + keys.CHECK
DIGITS = st.text(alphabet=keys.ALPHABET, min_size=keys.BODY, max_size=keys.BODY)


def flat(key: SecretStr) -> str:
    return keys.normalise(key.get_secret_value())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: repr(vector["input"]))
def test_the_vectors_that_the_gateway_is_held_to(vector: dict[str, Any]) -> None:
    assert keys.normalise(vector["input"]) == vector["normalised"]
    assert keys.is_well_formed(vector["input"]) is vector["well_formed"]
    assert keys.fingerprint(vector["input"]) == vector["sha256"]


def test_the_vectors_hold_every_kind_of_key() -> None:
    prefixed = [vector for vector in VECTORS if vector["normalised"].startswith(keys.PREFIX)]
    assert {vector["well_formed"] for vector in prefixed} == {True, False}
    assert len(VECTORS) - len(prefixed) > 5


def test_a_key_is_grouped_so_that_it_can_be_typed() -> None:
    text = keys.api_key(SECRET, "p01", 1).get_secret_value()
    assert text.startswith("ws-")
    assert [len(group) for group in text.split("-")] == [2, 4, 4, 4, 4, 4, 4, 2]
    assert not set("ilou") & set(text.removeprefix("ws-"))


def test_a_key_depends_on_secret_person_and_generation_and_on_nothing_else() -> None:
    made = [
        keys.api_key(secret, person, generation).get_secret_value()
        for secret in (SECRET, bytes(32))
        for person in ("p01", "p02", "p0")
        for generation in (1, 2, 11)
    ]
    assert len(set(made)) == len(made)
    assert keys.api_key(SECRET, "p01", 1) == keys.api_key(SECRET, "p01", 1)


def test_a_key_does_not_show_in_print() -> None:
    key = keys.api_key(SECRET, "p01", 1)
    assert key.get_secret_value() not in f"{key} {key!r}"


@given(st.binary(min_size=32, max_size=32), st.text(), st.integers(min_value=1))
def test_every_key_is_well_formed_however_it_is_typed(secret: bytes, person: str, generation: int) -> None:
    text = keys.api_key(secret, person, generation).get_secret_value()
    for typed in (
        text,
        text.upper(),
        text.replace("-", "").replace("ws", "ws-"),
        text.replace("0", "O").replace("1", "l"),
    ):
        assert keys.is_well_formed(typed)
        assert keys.fingerprint(typed) == keys.fingerprint(text)


@given(DIGITS, st.integers(0, BODY_AND_CHECK - 1), st.sampled_from(keys.ALPHABET))
def test_one_wrong_character_is_noticed(body: str, place: int, digit: str) -> None:
    right = keys.PREFIX + body + keys._checksum(body)
    at = len(keys.PREFIX) + place
    wrong = right[:at] + digit + right[at + 1 :]
    assert keys.is_well_formed(wrong) is (wrong == right)


@given(DIGITS, st.integers(0, keys.BODY - 2))
def test_two_swapped_neighbours_are_noticed(body: str, place: int) -> None:
    swapped = body[:place] + body[place + 1] + body[place] + body[place + 2 :]
    assert keys.is_well_formed(keys.PREFIX + swapped + keys._checksum(body)) is (swapped == body)


@given(st.text())
def test_normalising_twice_changes_nothing(typed: str) -> None:
    once = keys.normalise(typed)
    if once.startswith(keys.PREFIX):
        assert keys.normalise(once) == once


def test_a_password_is_five_words_and_another_one_for_each_purpose_and_generation() -> None:
    made = {
        keys.password(SECRET, purpose, "p01", generation).get_secret_value()
        for purpose in ("webui", "archive")
        for generation in (1, 2)
    }
    assert len(made) == 4
    for password in made:
        assert len(password.split("-")) == keys.PASSWORD_WORDS
        assert password.isascii()
        assert password.islower()


def test_secrets_are_random_and_tokens_derived() -> None:
    assert keys.new_secret() != keys.new_secret()
    assert len(keys.new_secret()) == keys.SECRET_BYTES
    assert keys.token(SECRET, "service") == keys.token(SECRET, "service")
    assert keys.token(SECRET, "service") != keys.token(SECRET, "admin")
