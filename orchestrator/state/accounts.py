"""The participants' accounts at Open WebUI: what was made, so that nothing is made twice."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from pydantic import SecretStr

from orchestrator.state.database import Database


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """`api_key` is Open WebUI's own, random, and with the workshop's secret the only one that is stored."""

    user_id: str
    email: str
    api_key: SecretStr | None = None  # None: not minted yet
    password_generation: int = 1  # the one that was last set there
    password_changed: bool = False  # the person chose another one
    theirs: bool = False  # was there before, at a server elsewhere: nothing of it is the workshop's


class Accounts:
    """On the disk when `put` returns; threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, participant: str) -> AccountRecord | None:
        row = self._database.row("SELECT * FROM accounts WHERE participant = ?", (participant,))
        return _read(row) if row else None

    def all(self) -> dict[str, AccountRecord]:
        """By participant's id."""
        return {row["participant"]: _read(row) for row in self._database.rows("SELECT * FROM accounts")}

    def put(self, participant: str, account: AccountRecord) -> None:
        """The participant must be known to the state."""
        self._database.write(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                participant,
                account.user_id,
                account.email,
                account.api_key.get_secret_value() if account.api_key else None,
                account.password_generation,
                int(account.password_changed),
                int(account.theirs),
            ),
        )

    def remove(self, participant: str) -> None:
        """After the account was deleted there; nothing happens where there is none."""
        self._database.write("DELETE FROM accounts WHERE participant = ?", (participant,))

    @property
    def session(self) -> SecretStr | None:
        """The administrator's last session there; it may have ended."""
        row = self._database.row("SELECT token FROM webui_session")
        return SecretStr(row["token"]) if row else None

    def keep_session(self, token: SecretStr) -> None:
        """For the next command: a sign-in costs a hash, and the server takes only so many of them."""
        self._database.write("INSERT OR REPLACE INTO webui_session VALUES (1, ?)", (token.get_secret_value(),))


def _read(row: sqlite3.Row) -> AccountRecord:
    return AccountRecord(
        user_id=row["user_id"],
        email=row["email"],
        api_key=SecretStr(row["api_key"]) if row["api_key"] else None,
        password_generation=row["password_generation"],
        password_changed=bool(row["password_changed"]),
        theirs=bool(row["theirs"]),
    )
