"""The folder of one workshop's state, `.workshop/NAME/` beside the spec: private, and where each thing in it lies."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UserError, Where
from orchestrator.state.failures import refusals_explained

BESIDE_SPEC = ".workshop"
PRIVATE_FOLDER = 0o700
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Paths only; nothing is looked at or written before a method says so."""

    path: Path

    @classmethod
    def for_spec(cls, spec_path: Path, name: str, state_dir: Path | None = None) -> StateFolder:
        """`state_dir/NAME` where a folder was named, else `.workshop/NAME` beside the spec."""
        return cls((state_dir or spec_path.absolute().parent / BESIDE_SPEC).absolute() / name)

    @staticmethod
    def is_name(text: str) -> bool:
        """Whether a workshop can be called so."""
        return _NAME.fullmatch(text) is not None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def secret(self) -> Path:
        return self.path / "secret"

    @property
    def database(self) -> Path:
        return self.path / "state.sqlite3"

    @property
    def tls(self) -> Path:
        """The workshop's own certificate authority, if it has one."""
        return self.path / "tls"

    @property
    def edges(self) -> Path:
        """The authority that gateway and edges know each other by, and their certificates."""
        return self.tls / "edges"

    @property
    def ca_certificate(self) -> Path:
        """What clients are given to trust; no key."""
        return self.tls / "workshop-ca.crt"

    @property
    def provider_keys(self) -> Path:
        """Keys of providers that commands brought, each in a file named like its connection."""
        return self.path / "provider-keys"

    @property
    def rendered(self) -> Path:
        return self.path / "rendered"

    @property
    def handouts(self) -> Path:
        return self.path / "handouts"

    @property
    def archives(self) -> Path:
        return self.path / "archives"

    @property
    def usage(self) -> Path:
        return self.path / "usage"

    @property
    def rehearsals(self) -> Path:
        return self.path / "rehearsals"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def people_lock(self) -> Path:
        return self.path / "people.lock"

    @property
    def print_lock(self) -> Path:
        return self.path / "print.lock"

    @property
    def lock_owner(self) -> Path:
        return self.path / "lock.json"

    @property
    def teardowns(self) -> Path:
        return self.path / "teardowns.jsonl"

    @property
    def handed_over(self) -> Path:
        """There while another copy of this state is the one that counts."""
        return self.path / "handed-over.json"

    @property
    def has_state(self) -> bool:
        """Whether a workshop was ever begun here and not torn down since."""
        with refusals_explained(self.path):
            return self.database.exists()

    def create(self) -> None:
        """Makes what is missing, 0700 and invisible to git; raises UserError `state_not_writable`, `disk_full`."""
        with refusals_explained(self.path):
            self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            if self.path.stat().st_mode & 0o777 != PRIVATE_FOLDER:
                self.path.chmod(PRIVATE_FOLDER)
            ignore = self.path / ".gitignore"
            if not ignore.exists() or ignore.stat().st_size == 0:
                ignore.write_text("*\n", encoding="utf-8")
            for part in (self.rendered, self.handouts, self.archives, self.usage, self.logs):
                part.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)

    def forget(self) -> None:
        """Removes state, keys, cards and rendered files; archives, usage, the teardowns' record and the lock stay.

        The secret goes last: after a crash in between, a folder without a database is simply a new beginning.
        """
        with refusals_explained(self.path):
            for part in (self.rendered, self.handouts, self.logs, self.rehearsals, self.tls, self.provider_keys):
                if part.exists():
                    shutil.rmtree(part)
            for part in (self.archives, self.usage):
                if part.is_dir() and not any(part.iterdir()):
                    part.rmdir()
            journal = self.database.with_name(self.database.name + "-journal")
            for file in (self.people_lock, self.print_lock, self.database, journal, self.secret, self.handed_over):
                file.unlink(missing_ok=True)


def find_state(name: str, state_dir: Path | None = None) -> StateFolder:
    """The folder of a workshop whose spec may be gone; raises UserError `state_name`, `state_unknown`."""
    base = (state_dir or Path(BESIDE_SPEC)).absolute()
    if not StateFolder.is_name(name):
        raise UserError("state_name", f"{name!r} is not a workshop's name", hint="It is the `name:` of the spec.")
    folder = StateFolder(base / name)
    with refusals_explained(base):
        if folder.path.is_dir():
            return folder
        entries = base.iterdir() if base.is_dir() else ()
        known = sorted(entry.name for entry in entries if entry.is_dir() and StateFolder.is_name(entry.name))
    there = (
        f"There are: {', '.join(known)}." if known else "There is none here; name their folder with --state-dir DIR."
    )
    raise UserError("state_unknown", f"no workshop {name!r} is known here", where=Where(file=base), hint=there)
