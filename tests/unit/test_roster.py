"""The roster: what a spreadsheet may hold, and how each wrong row is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.errors import UserError, Where
from orchestrator.spec.roster import RosterRow, clean_name, read_roster

NAMED_AT = Where(file=Path("workshop.yaml"), line=3, column=15)


def read(folder: Path, content: str | bytes) -> tuple[tuple[RosterRow, ...], list[UserError]]:
    file = folder / "people.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_roster(file, NAMED_AT)


def told(folder: Path, content: str | bytes) -> list[tuple[int | None, str]]:
    return [(problem.where.line, problem.message) for problem in read(folder, content)[1]]


def test_people_are_read_with_their_lines(tmp_path: Path) -> None:
    rows, problems = read(tmp_path, "name,email,team,id\nAda,Ada@Example.org,staff,7\n\nGrace,grace@example.org,,\n")
    assert problems == []
    assert rows == (
        RosterRow("Ada", "Ada@Example.org", "staff", "7", 2),
        RosterRow("Grace", "grace@example.org", None, None, 4),
    )


@pytest.mark.parametrize(
    "content",
    [
        "name,email\nAda,ada@example.org\n",
        "\ufeffname,email\nAda,ada@example.org\n",
        "name;email\nAda;ada@example.org\n",
        "name,email\r\nAda,ada@example.org\r\n",
        "Email , NAME\nada@example.org, Ada \n",
        "name,email\n\n,\n  ,\nAda,ada@example.org",
        'name,email,,\n"Ada","ada@example.org",,\n',
    ],
    ids=["plain", "byte order mark", "semicolons", "CRLF", "other order and case", "blank rows", "empty columns"],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: str) -> None:
    rows, problems = read(tmp_path, content)
    assert problems == []
    assert [(row.name, row.email) for row in rows] == [("Ada", "ada@example.org")]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("name\nAda\n", 1, "the column email is missing"),
        ("email\nada@example.org\n", 1, "the column name is missing"),
        ("name,email,room\n", 1, "unknown column 'room'"),
        ("name,email,email\n", 1, "the column email stands twice"),
        ("name,email\nAda,a@b.ch\nBob,A@B.CH\n", 3, "the email A@B.CH is on line 2 already"),
        ("name,email,id\nAda,,1\n\nBob,,1\n", 4, "the id 1 is on line 2 already"),
        ("name,email\n,a@b.ch\n", 2, "the name is empty"),
        ("name,email\nAda,\n", 2, "a row needs an email or an id"),
        ("name,email\nAda,ada\n", 2, "'ada' is not a mail address"),
        ("name,email\nAda,a@b.ch <x>\n", 2, "'a@b.ch <x>' is not a mail address"),
        ("name,email\nAda,a\0@b.ch\n", 2, "'a\\x00@b.ch' is not a mail address"),
        ("name,email\nAda,p01@class.workshop.local\n", 2,
         "'p01@class.workshop.local' ends in .workshop.local, which is for seats without a mail"),
        ("name,email,team\nAda,a@b.ch,{{7*7}}\n", 2, "'{{7*7}}' is not a team name"),
        ("name,email,id\nAda,a@b.ch,../x\n", 2, "'../x' is not an id"),
        ("name,email\nAda,a@b.ch,too,many\n", 2, "4 cells, but the header has 2 columns"),
        ("name,email\n" + "A" * 10_000 + ",a@b.ch\n", 2, "the name has 10000 characters; 200 is the most"),
        ('name,email\n"Ada,a@b.ch\n', 2, "not valid CSV: unexpected end of data"),
        ('name,email\nAda,a@b.ch\n"Bob"x,b@b.ch\n', 3, "not valid CSV: ',' expected after '\"'"),
        ("name,email\n", None, "names nobody"),
        ("", 1, "the column name is missing"),
        ("name,email\nAda,\xe9@b.ch\n", 2, "'\xe9@b.ch' is not a mail address"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_told_with_its_line(tmp_path: Path, content: str, line: int | None, message: str) -> None:
    assert told(tmp_path, content)[0] == (line, message)


def test_all_wrong_rows_are_told_at_once(tmp_path: Path) -> None:
    content = "name,email\n,a@b.ch\nBob,bob\nEve,e@b.ch\nEve,e@b.ch\n"
    assert [line for line, _ in told(tmp_path, content)] == [2, 3, 5]


def test_a_row_after_a_quoted_line_break_keeps_its_line(tmp_path: Path) -> None:
    content = 'name,email\n"Ada\nLovelace",a@b.ch\nBob,bob\n'
    rows, problems = read(tmp_path, content)
    assert [row.name for row in rows] == ["Ada Lovelace"]
    assert [problem.where.line for problem in problems] == [4]


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ('"Bobby ""Tables"""', 'Bobby "Tables"'),
        ("{{7*7}}", "{{7*7}}"),
        ("{% raw %} ${HOME} $(id) `id`", "{% raw %} ${HOME} $(id) `id`"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
        ("@sum", "@sum"),
        ("\u0639\u0644\u064a", "\u0639\u0644\u064a"),
        ("Ada \U0001f468\u200d\U0001f469\u200d\U0001f467", "Ada \U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("\u202eevil\u202c", "evil"),
        ("A\0da\x1b[31m", "Ada[31m"),
        ('"A\tda\r\nL"', "A da L"),
        ("e\u0301", "\u00e9"),
        ("\u00a0Ada\u2003", "Ada"),
    ],
)  # fmt: skip
def test_any_name_is_one_line_of_visible_text(tmp_path: Path, given_name: str, name: str) -> None:
    rows, problems = read(tmp_path, f"name,email\n{given_name},a@b.ch\n")
    assert problems == []
    assert [row.name for row in rows] == [name]


def test_a_file_that_is_not_utf8_says_how_to_save_it(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, "name,email\nJos\xe9,a@b.ch\n".encode("latin-1"))
    assert (problem.message, problem.hint) == ("is not UTF-8 text", "Save it as CSV UTF-8")


@pytest.mark.parametrize(("path", "reason"), [("absent.csv", "no such file"), (".", "is a directory")])
def test_a_roster_that_cannot_be_read_is_told_where_it_is_named(tmp_path: Path, path: str, reason: str) -> None:
    _, (problem,) = read_roster(tmp_path / path, NAMED_AT)
    assert problem.where == NAMED_AT
    assert reason in problem.message


def test_more_people_than_a_workshop_holds_are_refused(tmp_path: Path) -> None:
    content = "name,email\n" + "".join(f"P{n},p{n}@b.ch\n" for n in range(2001))
    assert told(tmp_path, content) == [(None, "names 2001 people; 2000 is the most")]


FAST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@FAST
@given(content=st.binary(max_size=150))
def test_any_bytes_are_read_or_refused_in_words(tmp_path: Path, content: bytes) -> None:
    rows, problems = read(tmp_path, b"name,email\n" + content)
    assert rows or problems


@FAST
@example("0\r\x1b\x850")  # a control between two line breaks
@given(name=st.text(max_size=60))
def test_a_cleaned_name_never_breaks_a_line(name: str) -> None:
    cleaned = clean_name(name)
    assert len(cleaned.splitlines()) <= 1
    assert clean_name(cleaned) == cleaned
