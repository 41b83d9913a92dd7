"""Seeding a whole class: 200 people, five models, twenty files; and again with nothing to do. Seconds and requests."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.settings import Settings
from orchestrator.spec.components import Component
from orchestrator.spec.loader import load
from orchestrator.state.accounts import Accounts
from orchestrator.state.database import Database
from orchestrator.state.folder import StateFolder
from orchestrator.state.people import People
from orchestrator.state.seats import CountedSeats
from orchestrator.state.state import State
from orchestrator.webui.client import WebUI
from orchestrator.webui.library import Library, LibraryCollection, LibraryFile
from orchestrator.webui.seed import look, seed
from orchestrator.workflow.people.knowledge import wanted_library
from orchestrator.workflow.people.seed import wanted_seed
from orchestrator.workflow.wanted.address import addresses
from tests.bench.bcrypt_floor import hashing

if TYPE_CHECKING:
    import docker

    from tests.bench.conftest import BenchWorkshop, Report

PEOPLE, MODELS, FILES = 200, 5, 20
WORDS = 600  # of a file: a page and a half
GGUF = "ggml-org/models/tinyllamas/stories260K.gguf"
CLASS = {
    "title": "A whole class",
    "participants": {"count": 1},
    "models": [
        *({"name": f"tiny-{number}", "engine": "llamacpp", "source": GGUF} for number in range(MODELS)),
        {"name": "embedder", "engine": "llamacpp", "source": GGUF, "embeds": True},
    ],
    "webui": {"embeddings": "embedder"},
}


class Counted(WebUI):
    """How many requests were sent, by all that came of one another."""

    requests = itertools.count()

    def _ask(self, *arguments: Any, **named: Any) -> Any:
        next(self.requests)
        return super()._ask(*arguments, **named)

    @classmethod
    def sent(cls) -> int:
        """Since it was last asked."""
        number, cls.requests = next(cls.requests), itertools.count()
        return number


def twenty_files(folder: Path) -> LibraryCollection:
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:02}.md").write_text(f"# Part {number}\n\n" + f"part {number} says more. " * (WORDS // 4))
    return LibraryCollection("Notes", "", None, tuple(LibraryFile.at(f.name, f) for f in sorted(folder.iterdir())))


def test_a_whole_class(
    new_workshop: Callable[..., BenchWorkshop],
    report: Report,
    image: Callable[[Component], str],
    engine: docker.DockerClient,
    tmp_path: Path,
) -> None:
    for component in (Component("gateway"), Component("webui"), Component("llamacpp")):
        image(component)
    workshop = new_workshop(dict(CLASS), "bench-class")
    workshop.provision()
    spec = load(workshop.spec)
    where = addresses(spec.workshop)
    assert where.webui
    assert where.local_webui
    people = tuple(Participant(f"p{one:03}", email=f"p{one:03}@example.org") for one in range(1, PEOPLE + 1))
    with State.read(StateFolder.for_spec(workshop.spec, workshop.name, workshop.state_dir)) as state:
        identity = Identity(state.secret, spec.workshop, people)
    everything, library = wanted_seed(spec, identity, where.webui), wanted_library(spec, identity.embeddings_key)
    assert library
    wanted = replace(
        everything,
        people=everything.people[:PEOPLE],  # without those of `verify`, who are there already
        library=Library(library.model, library.key, (twenty_files(tmp_path / "notes"),)),
    )
    admin = Counted(where.local_webui).sign_in(wanted.admin.email, wanted.admin.password)

    def seconds_of(work: Callable[[], Any]) -> tuple[float, int, Any]:
        Counted.sent()
        begun = time.perf_counter()
        done = work()
        return time.perf_counter() - begun, Counted.sent(), done

    with closing(Database.open(tmp_path / "class.sqlite3")) as database:
        People(database).reconcile(CountedSeats(PEOPLE))
        store = Accounts(database)

        def seeded(class_: Any) -> Any:
            return seed(admin, class_, store, report=lambda _: None, concurrency=Settings().webui_concurrency)

        seeded(replace(wanted, people=(), models=(), library=None))  # as if nothing of it had been there
        container = engine.containers.get(f"workshop-{workshop.name}-webui-1")
        before = hashing(container, PEOPLE)
        first, calls, done = seconds_of(lambda: seeded(wanted))
        after = hashing(container, PEOPLE)
        again, fewer, same = seconds_of(lambda: seeded(wanted))
        looked, _, foreseen = seconds_of(lambda: look(admin, wanted, store))
    assert done.created >= PEOPLE + MODELS + FILES
    assert (same.created, same.changed, foreseen) == (0, 0, ())
    floor = (before + after) / 2
    what = f"a class of {PEOPLE} people, {MODELS} models, {FILES} files"
    beside = f"{first:.1f} s, {calls} requests; the hashes alone {floor:.1f} s"
    report(f"{what}: the first run", f"times {PEOPLE} bcrypt hashes", [first / floor], beside=beside)
    report(f"{what}: again", "s", [again], beside=f"{fewer} requests; `plan`'s look {looked:.1f} s")
