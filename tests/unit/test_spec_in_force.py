"""What commands on a running class go by: the spec as it was last applied, whatever its file says by now."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.errors import SpecError, UserError
from orchestrator.settings import Settings
from orchestrator.spec.kept import KeptSpec
from orchestrator.spec.loader import Spec, load
from orchestrator.state.database import Database
from orchestrator.state.folder import StateFolder
from orchestrator.state.migrations import MIGRATIONS
from orchestrator.state.state import State
from orchestrator.workflow.context.in_force import InForce, spec_in_force
from orchestrator.workflow.context.open import seats
from tests.unit.command_line import ask
from tests.unit.spec_samples import VALID

EXAMPLE = Path(__file__).parents[2] / "examples" / "on-prem.yaml"
ROSTER = VALID.replace("{count: 3}", "{roster: people.csv, spare: 1}")
INVENTORY = VALID + "inventory: hosts.ini\n"
Look = Callable[[], InForce]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "workshop.yaml"
    file.write_text(VALID, encoding="utf-8")
    return file


@pytest.fixture
def look(file: Path) -> Look:
    return lambda: spec_in_force(file, Settings(), None)


def apply(file: Path, *, practice: bool | None = None) -> Spec:
    """As a `provision` notes it."""
    spec = load(file, practice=practice)
    with State.open(StateFolder.for_spec(file, spec.workshop.name)) as state:
        state.begin(spec.workshop.name, file)
        state.people.reconcile(seats(spec))
        state.spec.keep(KeptSpec.of(spec), ())
    return spec


def test_what_was_applied_is_in_force_and_nothing_is_said_while_the_file_is_the_same(file: Path, look: Look) -> None:
    applied = apply(file)
    found = look()
    assert (found.spec.workshop, found.spec.roster, found.remark) == (applied.workshop, applied.roster, None)


@pytest.mark.parametrize(
    "text",
    [
        VALID.replace("A class", "Another title"),
        VALID.replace("m\n", "other\n"),
        VALID + "webui: {mode: none}\n",
        VALID + "    labels: [nowhere]\n",
        "name: class\n",
        "name: renamed\n" + VALID.split("\n", maxsplit=1)[1],
    ],
    ids=["title", "model", "page", "label that no host has", "half of it", "name"],
)
def test_a_file_that_was_edited_since_counts_for_nothing_and_is_remarked(file: Path, look: Look, text: str) -> None:
    applied = apply(file)
    file.write_text(text, encoding="utf-8")
    found = look()
    assert found.spec.workshop == applied.workshop
    assert "has changed since it was applied" in str(found.remark)


@pytest.mark.parametrize("content", [b"name: class\n\ttitle: x\n", b"\xff\xfe", None], ids=["tab", "no text", "gone"])
def test_a_file_that_cannot_be_read_is_remarked(file: Path, look: Look, content: bytes | None) -> None:
    applied = apply(file)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    found = look()
    assert found.spec.workshop == applied.workshop
    assert "can't be read now" in str(found.remark)


def test_the_roster_is_the_one_that_was_applied(file: Path, look: Look) -> None:
    file.write_text(ROSTER, encoding="utf-8")
    roster = file.with_name("people.csv")
    roster.write_text("name,email\nAda,ada@x.org\nBo,bo@x.org\n", encoding="utf-8")
    applied = apply(file)
    assert look().remark is None
    roster.write_text("name,email\n\nAda,ada@x.org\nBo,bo@x.org\n", encoding="utf-8")  # other lines, the same people
    assert look().remark is None
    roster.write_text("name,email\nAda,ada@x.org\n", encoding="utf-8")
    found = look()
    assert [row.name for row in found.spec.roster or ()] == ["Ada", "Bo"]
    assert found.spec.roster == applied.roster
    assert "has changed" in str(found.remark)
    roster.unlink()
    assert "can't be read now" in str(look().remark)


def test_hosts_of_an_inventory_are_kept_and_it_is_not_read_again(file: Path, look: Look) -> None:
    file.write_text(INVENTORY, encoding="utf-8")
    hosts = file.with_name("hosts.ini")
    hosts.write_text("[gateway]\nfront ansible_host=10.0.0.1\n[webui]\nfront\n[inference]\nfront\n", encoding="utf-8")
    applied = apply(file)
    hosts.unlink()
    assert look().spec.workshop.hosts == applied.workshop.hosts
    assert [host.name for host in applied.workshop.hosts] == ["front"]


@pytest.mark.parametrize("practice", [None, True])
def test_a_larger_spec_comes_back_as_it_was(file: Path, look: Look, practice: bool | None) -> None:
    shutil.copy(EXAMPLE, file)
    for name in ("people.csv", "participants.csv"):
        file.with_name(name).write_text("name,email,team\nAda,ada@x.org,staff\n", encoding="utf-8")
    applied = apply(file, practice=practice)
    assert look().spec.workshop == applied.workshop
    assert applied.workshop.practice is bool(practice)


def test_a_place_in_it_is_still_known(file: Path, look: Look) -> None:
    applied = apply(file)
    file.unlink()
    at = ("models", 0, "source")
    problem = look().spec.problem(at, "x", "wrong")
    assert problem.where == applied.problem(at, "x", "wrong").where


def test_where_nothing_was_applied_the_file_counts(file: Path, look: Look) -> None:
    assert look() == InForce(load(file))
    file.write_text("name: class\n", encoding="utf-8")
    with pytest.raises(SpecError):
        look()


def test_a_state_of_an_earlier_version_opens_and_goes_by_the_file_until_it_is_applied(file: Path, look: Look) -> None:
    folder = StateFolder.for_spec(file, "class")
    folder.create()
    folder.secret.write_bytes(b"s" * 32)
    folder.secret.chmod(0o600)
    Database.open(folder.database, MIGRATIONS[:8]).close()
    with closing(sqlite3.connect(folder.database)) as old:
        old.execute("INSERT INTO workshop VALUES (1, 'class', 'id', ?, '2026', '2026')", (str(file),))
        old.execute("INSERT INTO people VALUES ('p01', NULL, NULL, NULL, NULL, 0, 1, 0, 1, 1, 0, 0, 0)")
        old.commit()
    assert look().spec.text == VALID
    answer = ask(file.parent, "participants", "list", "workshop.yaml", "--output", "json")
    assert (answer.returncode, '"id": "p01"' in answer.stdout) == (0, True), answer.stderr
    with State.open(folder) as state:
        assert state.spec.kept is None
        assert state.people.get("p01").state == "active"
    apply(file)
    file.unlink()
    assert look().spec.text == VALID


def test_of_two_workshops_from_one_file_the_one_that_it_names_counts(file: Path, look: Look) -> None:
    first = apply(file)
    file.write_text(VALID.replace("name: class", "name: other"), encoding="utf-8")
    second = apply(file)
    assert look().spec.workshop == second.workshop
    file.write_text(VALID.replace("title: A class", "title: B"), encoding="utf-8")
    assert look().spec.workshop == first.workshop
    file.write_text("name: [", encoding="utf-8")
    with pytest.raises(UserError, match="class, other") as caught:
        look()
    assert caught.value.code == "state_ambiguous"


def test_a_command_says_on_stderr_that_it_goes_by_something_else(file: Path) -> None:
    apply(file)
    file.write_text(VALID + "\tx", encoding="utf-8")
    answer = ask(file.parent, "participants", "list", "workshop.yaml", "--output", "json")
    assert answer.returncode == 0
    assert answer.stderr.count("goes by the class as it stands") == 1
    assert "goes by" not in answer.stdout
    assert ask(file.parent, "plan", "workshop.yaml").returncode == 1
    assert ask(file.parent, "validate", "workshop.yaml").returncode == 1
