"""Names of files in an archive come from people: whatever they chose, unpacking writes below one folder, each once."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.archive.names import LONGEST, Names, safe, shown

HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "",
    "\\\\server\\share",
    "C:\\Windows",
    "a\x00b",
    "\x1b]0;owned\x07\x1b[31mred",
    "gpj.\u202eexe",
    "CON",
    "nul.txt",
    ".bashrc",
    "line\nbreak",
    "~root",
    "name. . .",
    "x" * 5000,
    "é" * 300 + ".pdf",
    "\ud800lone",
    "\u200b\u200d",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_becomes_one_harmless_part(text: str) -> None:
    harmless(safe(text, "fallback"))


@given(st.text(max_size=400))
def test_any_text_becomes_one_harmless_part(text: str) -> None:
    harmless(safe(text, "fallback"))


def harmless(name: str) -> None:
    assert name
    assert not set(name) & set('<>:"/\\|?*')
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert name.isprintable()
    assert len(name.encode()) <= LONGEST + 1
    assert name.split(".", maxsplit=1)[0].lower() not in {"con", "nul", "aux", "prn"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Zoë O'Brien", "Zoë O'Brien"),
        ("notes for day 2.pdf", "notes for day 2.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("what? why: a/b", "what_ why_ a_b"),
        ("tab\tand\nline", "tab and line"),
        ("مريم", "مريم"),
        ("***", "fallback"),
    ],
)
def test_what_can_be_read_stays(text: str, name: str) -> None:
    assert safe(text, "fallback") == name


def test_a_long_name_keeps_its_ending() -> None:
    name = safe("ü" * 200 + ".pdf", "x")
    assert name.endswith("ü.pdf")
    assert len(name.encode()) <= LONGEST


def test_a_name_that_is_taken_gets_a_number_whatever_its_capitals() -> None:
    names = Names()
    assert [names.take("k", name) for name in ("a.pdf", "A.PDF", "a.pdf", "a (2).pdf")] == [
        "k/a.pdf",
        "k/A (2).PDF",
        "k/a (3).pdf",
        "k/a (2) (2).pdf",
    ]
    assert names.take("other", "a.pdf") == "other/a.pdf"


def test_a_terminal_finds_nothing_to_obey() -> None:
    assert shown("a\x1b[2J/b\u202e\nc") == "a [2J/b c"
    assert shown(string.printable).isprintable()
