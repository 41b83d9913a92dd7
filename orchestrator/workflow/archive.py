"""Chats, knowledge, accounts, usage and the spec of a class in one file; or one person's chats. Changes nothing."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from orchestrator.archive.manifest import Counts, Manifest
from orchestrator.archive.writer import new_archive
from orchestrator.errors import UserError
from orchestrator.identity.participant import Participant
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.folder import PRIVATE_FOLDER, StateFolder
from orchestrator.state.leftovers import sweep_archives
from orchestrator.state.state import State
from orchestrator.usage.report import By, Question
from orchestrator.workflow.archives.chats import put_chats
from orchestrator.workflow.archives.gathering import Gathering, Owner
from orchestrator.workflow.archives.here import accounts, put_accounts, put_spec, put_usage
from orchestrator.workflow.archives.knowledge import put_knowledge
from orchestrator.workflow.archives.views import View, views
from orchestrator.workflow.context.open import provisioned_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.context.target_file import disk_explained, require_new
from orchestrator.workflow.people import elsewhere
from orchestrator.workflow.usage import usage

ENDING = ".tar.gz"
USAGE = (By.PARTICIPANT, By.MODEL, By.VIA)


@dataclass(frozen=True, slots=True)
class Archived:
    file: Path
    size: int  # bytes
    manifest: Manifest

    @property
    def ok(self) -> bool:
        """Whether nothing is missing in it."""
        return not self.manifest.missing


def archive(spec: Spec, settings: Settings, state_dir: Path | None, report: Report, to: Path | None = None) -> Archived:
    """`to` is the file; None: a new one among the workshop's archives. While the class runs, too.

    What can't be had is named in the manifest. Raises UserError `not_provisioned`, `file_exists`, `not_writable`.
    """
    folder = provisioned_folder(spec, state_dir, settings)
    with State.read(folder) as state, _writing(spec, folder, to, report) as made:
        people, ids = state.people.all(), {who: row.user_id for who, row in state.accounts.all().items()}
        gathering = made.gathering
        put_spec(gathering, spec)
        found = made.look(views(gathering, spec, state))
        rows = accounts(people, spec.workshop.name, [user for view in found for user in view.users], ids)
        put_accounts(gathering, rows)
        owners = {
            row.account: Owner(row.account, row.name or row.email, row.participant) for row in rows if row.account
        }
        for view in found:
            here = [owners[str(user["id"])] for user in view.users]
            gathering.attempt("Chats", partial(put_chats, gathering, view.webui, here))
        if found:
            marks = elsewhere.marks(state) if spec.workshop.webui.is_elsewhere else None
            servers = [view.webui for view in found]
            gathering.attempt("Knowledge", partial(put_knowledge, gathering, servers, owners, marks=marks))
        question = Question(by=USAGE, names={}, own=True)
        gathering.attempt(
            "Usage", lambda: put_usage(gathering, usage(spec, settings, state_dir, question, collecting=True))
        )
    return made.result()


def archive_person(spec: Spec, state: State, person: Participant, report: Report) -> Archived:
    """The chats of one participant, in a new file among the workshop's archives. Changes nothing at Open WebUI."""
    record = state.accounts.get(person.id)
    with _writing(spec, state.folder, None, report, person) as made:
        found = made.look(views(made.gathering, spec, state, person))
        own = [user for view in found for user in view.users if record and user["id"] == record.user_id]
        rows = accounts([person], spec.workshop.name, own, {person.id: record.user_id} if record else {})
        put_accounts(made.gathering, rows)
        owners = [Owner(row.account, person.label, person.id) for row in rows if row.account]
        for view in found:
            here = [one for one in owners if any(user["id"] == one.id for user in view.users)]
            made.gathering.attempt("Chats", partial(put_chats, made.gathering, view.webui, here))
    return made.result()


@dataclass(slots=True)
class _Making:
    file: Path
    gathering: Gathering
    workshop: str
    participant: str | None
    at: datetime
    webui: str | None = None  # its version
    manifest: Manifest | None = field(default=None, init=False)

    def look(self, found: tuple[View, ...]) -> tuple[View, ...]:
        """The same; their version is in the manifest."""
        with suppress(UserError):
            self.webui = found[0].webui.version() if found else None
        return found

    def finish(self) -> None:
        self.manifest = Manifest(
            workshop=self.workshop,
            participant=self.participant,
            at=self.at.isoformat(),
            program=importlib.metadata.version("workshop-orchestrator"),
            webui=self.webui,
            counts=Counts(**self.gathering.counts),
            members=self.gathering.writer.members,
            missing=self.gathering.missing,
        )
        self.gathering.writer.finish(self.manifest)

    def result(self) -> Archived:
        assert self.manifest is not None  # noqa: S101 - finished with the block
        return Archived(self.file, self.file.stat().st_size, self.manifest)


@contextmanager
def _writing(
    spec: Spec, folder: StateFolder, to: Path | None, report: Report, person: Participant | None = None
) -> Iterator[_Making]:
    at = datetime.now(UTC).replace(microsecond=0)
    workshop = spec.workshop.name
    if to is None:
        with disk_explained(folder.archives, "archived"):
            folder.archives.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        sweep_archives(folder)
        file = _new_name(folder.archives, f"{workshop}-{person.id}" if person else workshop, at)
    else:
        file = to
        require_new(file)
    with disk_explained(file, "archived"), new_archive(file, at) as writer:
        made = _Making(file, Gathering(writer, report), workshop, person.id if person else None, at)
        yield made
        made.finish()


def _new_name(folder: Path, name: str, at: datetime) -> Path:
    stem, number = f"{name}-{at:%Y%m%dT%H%M%SZ}", 1
    file = folder / f"{stem}{ENDING}"
    while file.exists():
        number += 1
        file = folder / f"{stem}-{number}{ENDING}"
    return file
