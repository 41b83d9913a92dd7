"""An export is locked: any change to it is noticed, and so is anything that is missing, added or in another place."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.handover import sealed
from orchestrator.handover.sealed import HEADER, TAG, read_salt, seal, unseal

PASSPHRASE = SecretStr("correct horse battery")
CHUNK = 48
PLAIN = bytes(range(256))[: 2 * CHUNK + 17]
DAMAGED = {"handover_damaged", "handover_unknown", "handover_newer", "passphrase_wrong"}


@pytest.fixture(autouse=True, scope="module")
def cheap() -> Iterator[None]:
    """scrypt with a low cost and short chunks: it is done thousands of times here."""
    with pytest.MonkeyPatch.context() as patch:
        assert (sealed._COST, sealed.CHUNK) == (2**17, 65536)
        patch.setattr(sealed, "_COST", 2)
        patch.setattr(sealed, "CHUNK", CHUNK)
        yield


def locked(plain: bytes = PLAIN) -> bytes:
    return b"".join(seal([plain], PASSPHRASE))


def opened(file: bytes, passphrase: SecretStr = PASSPHRASE) -> bytes:
    stream = io.BytesIO(file)
    return b"".join(unseal(stream, *read_salt(stream), passphrase))


def refusal(file: bytes, passphrase: SecretStr = PASSPHRASE) -> UserError:
    with pytest.raises(UserError) as caught:
        opened(file, passphrase)
    assert "\n" not in str(caught.value)
    return caught.value


@given(st.lists(st.binary(max_size=3 * CHUNK), max_size=8))
def test_what_was_locked_comes_out_however_it_was_cut_up(pieces: list[bytes]) -> None:
    assert opened(b"".join(seal(pieces, PASSPHRASE))) == b"".join(pieces)


def test_any_bit_that_is_flipped_is_noticed() -> None:
    file = bytearray(locked())
    codes = set()
    for bit in range(8 * len(file)):
        file[bit // 8] ^= 1 << bit % 8
        codes.add(refusal(bytes(file)).code)
        file[bit // 8] ^= 1 << bit % 8
    assert codes == DAMAGED
    assert opened(bytes(file)) == PLAIN


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_a_file_that_ends_early_is_noticed_wherever_it_ends(size: int) -> None:
    file = locked(PLAIN[:size])
    assert {refusal(file[:end]).code for end in range(len(file))} == {"handover_damaged", "handover_unknown"}


@given(st.binary(min_size=1, max_size=2 * (CHUNK + TAG)))
def test_anything_behind_the_end_is_noticed(more: bytes) -> None:
    assert refusal(locked() + more).code == "handover_damaged"


def test_chunks_cannot_change_places_or_files() -> None:
    one, other, step = locked(), locked(), CHUNK + TAG
    first, second = one[HEADER : HEADER + step], one[HEADER + step : HEADER + 2 * step]
    rest = one[HEADER + 2 * step :]
    assert refusal(one[:HEADER] + second + first + rest).code == "handover_damaged"
    assert refusal(one[:HEADER] + first + rest).code == "handover_damaged"
    assert refusal(one[:HEADER] + other[HEADER:]).code == "handover_damaged"


def test_what_went_wrong_is_told_apart() -> None:
    file = locked()
    assert "passphrase" in refusal(file, SecretStr("correct horse batterx")).message
    assert "cut short" in refusal(file[:-1]).message
    assert "cut short" in refusal(file[: HEADER + CHUNK + TAG]).message
    assert refusal(file[:HEADER] + b"\0" + file[HEADER + 1 :]).message == f"this export was altered after byte {HEADER}"
    assert refusal(b"PK\3\4" + file).code == "handover_unknown"
    assert refusal(file.replace(b"state 1", b"state 2", 1)).code == "handover_newer"


def test_two_exports_of_the_same_have_nothing_in_common_but_their_first_line() -> None:
    one, other = locked(), locked()
    first_line = len(sealed.LINE)
    assert one[:first_line] == other[:first_line]
    assert one[first_line:HEADER] != other[first_line:HEADER]
    assert one[HEADER:] != other[HEADER:]
    assert PLAIN[:16] not in one


def test_a_letter_that_machines_write_in_two_ways_is_the_same() -> None:
    file = b"".join(seal([PLAIN], SecretStr("caf\u00e9 caf\u00e9 caf\u00e9")))
    assert opened(file, SecretStr("cafe\u0301 cafe\u0301 cafe\u0301")) == PLAIN
