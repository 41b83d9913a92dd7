"""Names as they reach the card: literally, but without what could deceive or break it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.handouts.lettering import ZERO_WIDTH_SPACE, breakable, is_right_to_left, printable


@pytest.mark.parametrize(
    "name",
    [
        'O\'Brien "Bob"',
        "{{7*7}}",
        "#let x = 1",
        "*bold*",
        "$x$",
        "<b>&amp;</b>",
        "\\ @ref <label>",
        "山田 太郎",
        "नेहा",
        "علي",
    ],
)
def test_an_ordinary_or_hostile_name_stays_as_it_is(name: str) -> None:
    assert printable(name) == name


@pytest.mark.parametrize(
    "emoji", ["👩🏽\u200d🔬", "🏳️\u200d🌈", "1️⃣", "🇩🇪", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"]
)
def test_an_emoji_sequence_keeps_its_joiners_and_selectors(emoji: str) -> None:
    assert printable(emoji) == emoji


def test_a_persian_name_keeps_its_non_joiner() -> None:
    assert "\u200c" in printable("علی\u200cنقی")


@pytest.mark.parametrize(
    "trick", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff\u00ad\u200b"
)
def test_invisible_tricks_are_stripped(trick: str) -> None:
    assert printable(f"ev{trick}il") == "evil"


@pytest.mark.parametrize("space", ["\n", "\r\n", "\t", "\x00", "\u2028", "\u2029", "\x85", "   "])
def test_control_characters_and_line_ends_become_one_space(space: str) -> None:
    assert printable(f" Ada{space}Lovelace ") == "Ada Lovelace"


def test_a_letter_and_its_accent_become_one_character() -> None:
    assert printable("E\u0301ric") == "Éric"


def test_a_pile_of_accents_is_cut() -> None:
    assert len(printable("a" + "\u0323" * 50)) < 10


def test_half_of_a_surrogate_pair_is_dropped() -> None:
    assert printable("a\ud83db") == "ab"


@pytest.mark.parametrize(
    ("name", "right_to_left"), [("علي", True), ("123 יוסף", True), ("Ada علي", False), ("123", False), ("", False)]
)
def test_the_first_letter_with_a_direction_decides(name: str, right_to_left: bool) -> None:
    assert is_right_to_left(name) is right_to_left


@given(st.text())
def test_breaks_change_nothing_but_where_a_line_may_end(text: str) -> None:
    clean = printable(text)

    assert breakable(clean).replace(ZERO_WIDTH_SPACE, "") == clean
    assert printable(clean) == clean


def test_a_family_of_emoji_is_never_broken_apart() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"

    assert all(part in family * 20 for part in breakable(family * 20).split(ZERO_WIDTH_SPACE))
    assert "\u200d" not in {part[0] for part in breakable(family * 20).split(ZERO_WIDTH_SPACE)}
    assert "\u200d" not in {part[-1] for part in breakable(family * 20).split(ZERO_WIDTH_SPACE)}
