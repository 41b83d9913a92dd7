"""200 accounts with their API keys, against the hashing of 200 passwords alone on the same cores, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

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
from orchestrator.webui.seed import seed
from orchestrator.webui.wanted import Seed
from orchestrator.workflow.people.seed import wanted_seed
from orchestrator.workflow.wanted.address import addresses
from tests.bench.bcrypt_floor import hashing

if TYPE_CHECKING:
    import docker

    from tests.bench.conftest import BenchWorkshop, Report

PEOPLE = 200
SMALL = {
    "title": "Accounts",
    "participants": {"count": 1},
    "models": [{"name": "tiny", "engine": "llamacpp", "source": "ggml-org/models/tinyllamas/stories260K.gguf"}],
}


def test_accounts_and_keys(
    new_workshop: Callable[..., BenchWorkshop],
    report: Report,
    image: Callable[[Component], str],
    engine: docker.DockerClient,
    rounds: int,
    tmp_path: Path,
) -> None:
    for component in (Component("gateway"), Component("webui"), Component("llamacpp")):
        image(component)
    workshop = new_workshop(dict(SMALL), "bench-accounts")
    workshop.provision()
    spec = load(workshop.spec)
    where = addresses(spec.workshop)
    assert where.webui
    assert where.local_webui
    with State.read(StateFolder.for_spec(workshop.spec, workshop.name, workshop.state_dir)) as state:
        secret = state.secret
    everything = wanted_seed(spec, Identity(secret, spec.workshop, ()), where.webui)
    admin = WebUI(where.local_webui).sign_in(everything.admin.email, everything.admin.password)

    def class_of(number: int) -> Seed:
        """People whom the server has never seen."""
        people = tuple(
            Participant(f"p{one:03}", email=f"p{one:03}@round-{number}.example.org") for one in range(1, PEOPLE + 1)
        )
        return wanted_seed(spec, Identity(secret, spec.workshop, people), where.webui or "")

    def seconds_for(number: int) -> float:
        with closing(Database.open(tmp_path / f"{number}.sqlite3")) as database:
            People(database).reconcile(CountedSeats(PEOPLE))
            wanted = class_of(number)
            wanted = replace(wanted, people=wanted.people[:PEOPLE])  # without those of `verify`, who are there already
            begun = time.perf_counter()
            done = seed(
                admin, wanted, Accounts(database), report=lambda _: None, concurrency=Settings().webui_concurrency
            )
            seconds = time.perf_counter() - begun
            assert done.created >= PEOPLE
            assert sum(record.api_key is not None for record in Accounts(database).all().values()) == PEOPLE
        return seconds

    container = engine.containers.get(f"workshop-{workshop.name}-webui-1")
    floors, seeds = [hashing(container, PEOPLE)], []
    for number in range(rounds):
        seeds.append(seconds_for(number))
        floors.append(hashing(container, PEOPLE))
    ratios = [seconds / statistics.mean(pair) for seconds, pair in zip(seeds, pairwise(floors), strict=True)]
    report(
        f"accounts and keys for {PEOPLE} participants",
        f"times {PEOPLE} bcrypt hashes",
        ratios,
        floor=1.5,
        aim=1.1,
        beside=f"{statistics.median(seeds):.1f} s, the hashes alone {statistics.median(floors):.1f} s",
    )
