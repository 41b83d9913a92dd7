"""cards.csv, read back by a CSV reader as a spreadsheet would."""

import csv
import io

import pytest
from pydantic import SecretStr

from orchestrator.handouts.table import COLUMNS, credentials_csv
from orchestrator.identity import keys
from orchestrator.identity.credentials import Credentials
from orchestrator.identity.participant import Participant

SECRET = b"s" * 32


def credentials(name: str | None = "Ada Lovelace", **changes: str | None) -> Credentials:
    person = Participant("p01", name, changes.get("email", "ada@example.org"), changes.get("team", "red"))
    return Credentials(
        participant=person,
        api_base="https://llm.example.org/v1",
        api_key=keys.api_key(SECRET, "p01", 1),
        webui_url="https://llm.example.org:3000",
        webui_email="ada@example.org",
        webui_password=keys.password(SECRET, "webui", "p01", 1),
        webui_api_key=SecretStr("sk-0123456789abcdef"),
        models=("mistral-7b", "llama3.2"),
    )


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))


def test_every_credential_has_its_column() -> None:
    one = credentials()

    rows = read(credentials_csv([one]))

    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["api_key"] == one.api_key.get_secret_value()  # type: ignore[union-attr]
    assert rows[0]["models"] == "mistral-7b llama3.2"
    assert rows[0]["webui_api_key"] == "sk-0123456789abcdef"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_can_become_a_formula(start: str) -> None:
    hostile = start + 'HYPERLINK("https://example.org")'

    row = read(credentials_csv([credentials(hostile, team=hostile, email=hostile)]))[0]

    assert row["name"] == row["team"] == row["email"] == "'" + hostile


def test_derived_keys_and_passwords_are_never_changed() -> None:
    for number in range(200):
        person = f"p{number}"
        assert keys.api_key(SECRET, person, 1).get_secret_value().startswith("ws-")
        assert keys.password(SECRET, "webui", person, 1).get_secret_value()[0].isalpha()


@pytest.mark.parametrize(
    "name", ['Bob "Bobby" O\'Brien', "a,b;c", "two\nlines", "{{7*7}}", "\u202egnp.exe", "王小明 👩🏽‍🔬"]
)
def test_a_hostile_name_comes_back_as_it_was(name: str) -> None:
    assert read(credentials_csv([credentials(name)]))[0]["name"] == name


def test_a_seat_without_a_name_has_empty_cells() -> None:
    row = read(credentials_csv([credentials(None, team=None, email=None)]))[0]

    assert (row["name"], row["team"], row["email"]) == ("", "", "")


def test_lines_end_as_rfc_4180_says_and_excel_sees_utf_8() -> None:
    data = credentials_csv([credentials()])

    assert data.startswith(b"\xef\xbb\xbfid,name,")
    assert data.count(b"\r\n") == data.count(b"\n") == 2
