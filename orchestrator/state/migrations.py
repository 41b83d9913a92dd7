"""The database's schema as ordered steps. A released step is never edited: the next change is a new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

Migration = Callable[[sqlite3.Connection], None]


def m001_begin(connection: sqlite3.Connection) -> None:
    """The workshop, its people and their accounts, what was deployed where, and the events."""
    for statement in (
        """CREATE TABLE workshop (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            name TEXT NOT NULL,
            deployment_id TEXT NOT NULL,
            spec_path TEXT NOT NULL,
            created TEXT NOT NULL,
            provisioned TEXT
        ) STRICT""",
        """CREATE TABLE people (
            id TEXT PRIMARY KEY,
            binding TEXT UNIQUE,
            name TEXT,
            email TEXT,
            team TEXT,
            spare INTEGER NOT NULL,
            present INTEGER NOT NULL,
            revoked INTEGER NOT NULL,
            key_generation INTEGER NOT NULL CHECK (key_generation >= 1),
            password_generation INTEGER NOT NULL CHECK (password_generation >= 1)
        ) STRICT""",
        """CREATE TABLE accounts (
            participant TEXT PRIMARY KEY,
            user_id TEXT NOT NULL,
            email TEXT NOT NULL,
            api_key TEXT,
            password_generation INTEGER NOT NULL,
            password_changed INTEGER NOT NULL
        ) STRICT""",
        """CREATE TABLE hosts (
            name TEXT PRIMARY KEY,
            connection TEXT NOT NULL CHECK (connection IN ('local', 'ssh')),
            address TEXT NOT NULL,
            user TEXT,
            port INTEGER,
            project TEXT NOT NULL,
            folder TEXT NOT NULL,
            since TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE applied (
            host TEXT NOT NULL,
            step TEXT NOT NULL,
            digest TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (host, step)
        ) STRICT""",
        """CREATE TABLE images (
            component TEXT PRIMARY KEY,
            reference TEXT NOT NULL,
            digest TEXT,
            source TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at TEXT NOT NULL,
            kind TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT""",
    ):
        connection.execute(statement)


def m002_changes_while_the_class_runs(connection: sqlite3.Connection) -> None:
    """People added or removed by command, drained backends, and a number that grows with every change to either."""
    for statement in (
        "ALTER TABLE people ADD COLUMN added INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE people ADD COLUMN taken_out INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE people ADD COLUMN seat_sign_in INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE drained (backend TEXT PRIMARY KEY) STRICT",
        "CREATE TABLE revision (only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL) STRICT",
        "INSERT INTO revision VALUES (1, 0)",
        *(
            f"CREATE TRIGGER {table}_{event.lower()} AFTER {event} ON {table}"  # noqa: S608 - words from the lines below
            " BEGIN UPDATE revision SET number = number + 1; END"
            for table in ("people", "drained")
            for event in ("INSERT", "UPDATE", "DELETE")
        ),
    ):
        connection.execute(statement)


def m003_open_webui_session(connection: sqlite3.Connection) -> None:
    """The administrator's session at Open WebUI, which takes 15 sign-ins in three minutes and no more."""
    connection.execute("CREATE TABLE webui_session (only INTEGER PRIMARY KEY CHECK (only = 1), token TEXT) STRICT")


def m004_hosts_over_ssh(connection: sqlite3.Connection) -> None:
    """How a host is reached, so that teardown needs no spec."""
    for column in ("key TEXT", "jump TEXT", "host_key TEXT", "become INTEGER NOT NULL DEFAULT 0"):
        connection.execute(f"ALTER TABLE hosts ADD COLUMN {column}")


def m005_where_backends_are(connection: sqlite3.Connection) -> None:
    """The host and GPUs of each backend, so that a later plan moves nothing that runs."""
    connection.execute(
        "CREATE TABLE placements (service TEXT PRIMARY KEY, host TEXT NOT NULL, gpus TEXT NOT NULL) STRICT"
    )


def m006_found_gpus(connection: sqlite3.Connection) -> None:
    """The GPUs that were found where the spec declares none, as JSON."""
    connection.execute(
        "CREATE TABLE found_gpus (host TEXT PRIMARY KEY, address TEXT NOT NULL, gpus TEXT NOT NULL, at TEXT NOT NULL)"
        " STRICT"
    )


def m007_connections_by_command(connection: sqlite3.Connection) -> None:
    """What commands said of Open WebUI's own connections; `fields` is JSON. Keys lie in files beside the database."""
    connection.execute(
        """CREATE TABLE connections (
            name TEXT PRIMARY KEY,
            added INTEGER NOT NULL,
            taken_out INTEGER NOT NULL,
            key_given INTEGER NOT NULL,
            fields TEXT NOT NULL
        ) STRICT"""
    )


def m008_accounts_of_their_own(connection: sqlite3.Connection) -> None:
    """Whether an account was there before, at an Open WebUI that belongs to others."""
    connection.execute("ALTER TABLE accounts ADD COLUMN theirs INTEGER NOT NULL DEFAULT 0")


def m009_the_spec_as_applied(connection: sqlite3.Connection) -> None:
    """What commands on a running class go by; `data`, `roster` and `native` are JSON."""
    connection.execute(
        """CREATE TABLE applied_spec (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            text TEXT NOT NULL,
            data TEXT NOT NULL,
            roster TEXT NOT NULL,
            native TEXT NOT NULL
        ) STRICT"""
    )


def m010_who_changed_what(connection: sqlite3.Connection) -> None:
    """The changes that a gateway was told of, so that one by another copy of this state is known for what it is."""
    connection.execute(
        """CREATE TABLE changes (
            id TEXT PRIMARY KEY,
            revision INTEGER NOT NULL,
            who TEXT NOT NULL,
            at TEXT NOT NULL
        ) STRICT"""
    )


MIGRATIONS: tuple[Migration, ...] = (
    m001_begin,
    m002_changes_while_the_class_runs,
    m003_open_webui_session,
    m004_hosts_over_ssh,
    m005_where_backends_are,
    m006_found_gpus,
    m007_connections_by_command,
    m008_accounts_of_their_own,
    m009_the_spec_as_applied,
    m010_who_changed_what,
)
