"""One more command removes all of it, and proves it: asked of Docker without the program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pexpect
import pytest

from tests.stack.workshop.bed import SCRIPTS, Workshop

LABELS = {"workshop.test": "1"}


@pytest.fixture
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    made = make_workshop("gone")
    made.provision()
    return made


@pytest.fixture
def somebody_elses(workshop: Workshop) -> Iterator[list[str]]:
    """Another Compose project, whose name begins like ours."""
    name = f"workshop-{workshop.name}-2"
    labels = LABELS | {"com.docker.compose.project": name, "workshop.name": f"{workshop.name}-2"}
    network = workshop.engine.networks.create(f"{name}_front", labels=labels)
    volume = workshop.engine.volumes.create(f"{name}_data", labels=labels)
    image = workshop.container("gateway").image.id
    container = workshop.engine.containers.run(
        image, ["sleep", "600"], name=f"{name}-1", labels=labels, network=network.name, detach=True
    )
    yield [f"{name}-1", network.name, volume.name]
    container.remove(force=True)
    network.remove()
    volume.remove()


def record(workshop: Workshop) -> list[dict[str, object]]:
    lines = (workshop.state / "teardowns.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def left_in_state(workshop: Workshop) -> set[str]:
    return {path.name for path in workshop.state.iterdir()}


def test_it_removes_everything_and_proves_it(workshop: Workshop, somebody_elses: list[str]) -> None:
    there = workshop.things()
    told = workshop.workshop("teardown", "--yes", "--output", "json").json

    assert len(there) == 5
    assert (told["workshop"], told["ok"], told["was_there"], told["left"]) == (workshop.name, True, True, [])
    assert {line.rsplit(" ", 1)[-1] for line in told["removed"] if "/" not in line} == set(there)
    assert workshop.things() == []
    assert list((workshop.folder / "stack").iterdir()) == []
    assert left_in_state(workshop) == {".gitignore", "lock", "teardowns.jsonl"}
    assert [entry["left"] for entry in record(workshop)] == [[]]
    assert workshop.engine.containers.get(somebody_elses[0]).status == "running"
    assert workshop.engine.networks.get(somebody_elses[1])
    assert workshop.engine.volumes.get(somebody_elses[2])

    again = workshop.workshop("teardown", "--yes", "--output", "json").json
    assert (again["ok"], again["was_there"], again["removed"], again["left"]) == (True, False, [], [])
    assert workshop.workshop("teardown").out == f"{workshop.name}: nothing was there.\n"

    ran = workshop.workshop("participants list", code=1)
    assert "provision" in ran.line


@pytest.mark.full("one more class, made to be removed in another way")
def test_it_asks_first_and_no_changes_nothing(workshop: Workshop) -> None:
    assert "needs --yes" in workshop.workshop("teardown", code=2).err
    before = (workshop.starts(), workshop.people())
    environment = {"WORKSHOP_STACK_DIR": str(workshop.folder / "stack"), "PATH": "/usr/bin:/bin:/usr/local/bin"}

    def answered(answer: str) -> tuple[int, str]:
        terminal = pexpect.spawn(
            str(SCRIPTS / "workshop"),
            ["teardown", str(workshop.file)],
            env=environment,
            encoding="utf-8",
            timeout=60,
            dimensions=(50, 250),
        )
        terminal.expect("Go on")
        asked = terminal.before or ""
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        terminal.close()
        return terminal.exitstatus or 0, asked + (terminal.before or "")

    code, said = answered("n")
    assert code == 1
    assert "with all chats and accounts" in said
    assert f"workshop-{workshop.name}-gateway-1" in said
    assert "nothing was changed" in said
    assert (workshop.starts(), workshop.people()) == before

    code, said = answered("y")
    assert code == 0
    assert "is left" in said
    assert workshop.things() == []


@pytest.mark.full("one more class, made to be removed in another way")
def test_it_works_with_a_broken_spec_and_with_none(workshop: Workshop) -> None:
    workshop.file.write_text("name: [", encoding="utf-8")
    kept = workshop.workshop("teardown", "--yes", "--keep-state", "--output", "json").json

    assert (kept["ok"], workshop.things()) == (True, [])
    assert {"secret", "state.sqlite3", "handouts"} <= left_in_state(workshop)
    assert record(workshop)[-1]["kept_state"] is True

    workshop.file.unlink()
    told = workshop.workshop("teardown", "--yes", "--output", "json").json

    assert (told["workshop"], told["ok"]) == (workshop.name, True)
    assert "secret" not in left_in_state(workshop)


@pytest.mark.full("one more class, made to be removed in another way")
def test_kept_state_gives_back_the_same_keys(workshop: Workshop) -> None:
    before = workshop.people()
    workshop.workshop("teardown", "--yes", "--keep-state")
    assert workshop.things() == []

    workshop.provision()

    assert workshop.people() == before


@pytest.mark.full("one more class, made to be removed in another way")
def test_by_name_alone_and_with_weights_kept(workshop: Workshop) -> None:
    labels = LABELS | {
        "workshop.name": workshop.name,
        "workshop.kind": "weights",
        "com.docker.compose.project": f"workshop-{workshop.name}",
    }
    weights = workshop.engine.volumes.create(f"workshop-{workshop.name}_weights-ollama", labels=labels)
    workshop.file.unlink()
    command = ["teardown", "--name", workshop.name, "--state-dir", str(workshop.state.parent), "--yes"]

    told = workshop.run("workshop", *command, "--keep-weights", "--output", "json").json

    assert (told["ok"], told["left"]) == (True, [])
    assert told["kept"] == [f"volume {weights.name}"]
    assert workshop.things() == [weights.name]
    weights.remove()


def test_an_unknown_name_is_one_line(make_workshop: Callable[..., Workshop]) -> None:
    workshop = make_workshop("never")
    ran = workshop.run("workshop", "teardown", "--name", "no-such-class", "--yes", code=1)

    assert "no workshop 'no-such-class' is known here" in ran.line


@pytest.mark.full("one more class, made to be removed in another way")
def test_what_docker_refuses_is_told_and_the_next_teardown_goes_on(workshop: Workshop) -> None:
    """A volume that somebody else's container holds."""
    image, volume = workshop.container("gateway").image.id, f"workshop-{workshop.name}_gateway-data"
    holder = workshop.engine.containers.create(image, ["sleep", "1"], labels=LABELS, volumes=[f"{volume}:/data"])
    try:
        ran = workshop.workshop("teardown", "--yes", code=3)
        assert "volume is in use" in ran.out
        assert "secret" in left_in_state(workshop)
    finally:
        holder.remove(force=True)

    assert workshop.workshop("teardown", "--yes", "--output", "json").json["left"] == []
    assert workshop.things() == []
