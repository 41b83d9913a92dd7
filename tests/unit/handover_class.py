"""A class that is handed over: its folder as far as files and state tell, and the two commands."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from orchestrator.identity.participant import Participant
from orchestrator.settings import Settings
from orchestrator.spec.loader import load
from orchestrator.state.deployed import DeployedHost
from orchestrator.state.folder import StateFolder
from orchestrator.state.seats import CountedSeats
from orchestrator.state.state import State
from orchestrator.workflow.handover.exporting import Asked, Exported, export
from orchestrator.workflow.handover.importing import Imported, import_

PASSPHRASE = SecretStr("correct horse battery")
USAGE = "0123456789abcdef" * 2
SPEC = """\
name: demo
title: A class
public: {{host: 127.0.0.1, tls: {{cert: tls/cert.pem, key: tls/key.pem}}}}
participants: {{roster: people.csv}}
hosts:
  - {{name: front, roles: [gateway, webui, inference], key: id_ed25519}}
models:
  - {{name: m, engine: external, source: x, base_url: "https://x.org/v1", api_key: "${{file:keys/x}}", ca: {outside}}}
  - {{name: n, engine: external, source: x, base_url: "https://x.org/v1", api_key: "${{env:N_KEY}}", ca: ../above.pem}}
handouts: {{fonts: fonts}}
practice: true
"""
FILES = (
    "tls/cert.pem",
    "tls/key.pem",
    "people.csv",
    "id_ed25519",
    "keys/x",
    "fonts/a.ttf",
    "fonts/deep/b.ttf",
    "other",
)


def make_class(tmp_path: Path) -> Path:
    """A spec in a folder, provisioned as far as the state tells, with usage, an authority and cards."""
    folder = tmp_path / "first"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("name,email\nAda,ada@x.org\n" if name == "people.csv" else name, encoding="utf-8")
    (folder / "workshop.yaml").write_text(SPEC.format(outside=tmp_path / "ca.pem"), encoding="utf-8")
    with State.open(StateFolder.for_spec(folder / "workshop.yaml", "demo")) as state:
        state.begin("demo", folder / "workshop.yaml")
        state.people.reconcile(CountedSeats(3))
        state.people.rotate_key("p02")
        state.deployed.record_host(DeployedHost(name="front", project="workshop-demo", folder=Path("/x")))  # type: ignore[arg-type]
    own = state.folder
    for name in ("tls/authority.pem", "rendered/front/compose.yaml", "handouts/cards.pdf", "logs/ansible.log"):
        (own.path / name).parent.mkdir(exist_ok=True)
        (own.path / name).write_text(name, encoding="utf-8")
    own.teardowns.write_text("{}\n", encoding="utf-8")
    with closing(sqlite3.connect(own.usage / f"{USAGE}.sqlite3")) as usage:
        usage.execute("CREATE TABLE requests (id)")
        usage.commit()
    return folder


def give(folder: Path, file: Path, **asked: bool) -> Exported:
    return export(load(folder / "workshop.yaml"), Settings(), None, Asked(to=file, **asked), lambda: PASSPHRASE)


def take(file: Path, to: Path, *, replace: bool = False, state_dir: Path | None = None) -> Imported:
    return import_(file, Settings(), to, state_dir, lambda: PASSPHRASE, replace=replace)


def people(folder: Path) -> tuple[bytes, str, tuple[Participant, ...], int]:
    with State.read(StateFolder.for_spec(folder / "workshop.yaml", "demo")) as state:
        assert state.meta is not None
        return state.secret, state.meta.deployment_id, state.people.all(), state.changes.revision


def lying(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
