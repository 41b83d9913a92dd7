"""What stands in the way on the machine: one line that says what to do, and nothing is changed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stack.workshop.bed import Workshop, ask, free_port

LABELS = {"workshop.test": "1"}


@pytest.fixture
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    """Not provisioned."""
    return make_workshop("refused")


@pytest.fixture(scope="module")
def running(make_workshop: Callable[..., Workshop]) -> Workshop:
    made = make_workshop("running")
    made.provision()
    return made


def refused(workshop: Workshop, *options: str, **environment: str) -> str:
    """The line, which JSON tells too; nothing is there afterwards."""
    ran = workshop.run("provision", str(workshop.file), *options, code=1, **environment)
    assert ran.out == ""
    assert workshop.things() == []
    assert not workshop.stack.exists()
    return ran.line


def test_a_port_that_a_program_holds(workshop: Workshop) -> None:
    port = workshop.spec["gateway"]["port"]
    with socket.create_server(("", port)):
        line = refused(workshop)

        told = workshop.run("provision", str(workshop.file), "--output", "json", code=1).json["error"]

    assert line.startswith(f"here: port {port} is in use. ")
    assert "choose another gateway.port in workshop.yaml" in line
    assert (told["code"], told["host"]) == ("port_in_use", "here")


@pytest.mark.full("needs a class that runs; what stands in the way of a new one is for every day")
def test_a_port_that_another_container_holds(workshop: Workshop, running: Workshop) -> None:
    port = free_port()
    image = running.container("gateway").image.id
    container = running.engine.containers.run(
        image, ["sleep", "600"], labels=LABELS, ports={"80/tcp": ("127.0.0.1", port)}, detach=True
    )
    try:
        container.reload()
        workshop.write(gateway={"port": port})
        assert f"here: port {port} is in use by container {container.name}. " in refused(workshop)
    finally:
        container.remove(force=True)


@pytest.mark.full("needs a class that runs; what stands in the way of a new one is for every day")
def test_a_port_of_another_workshop(workshop: Workshop, running: Workshop) -> None:
    workshop.write(gateway=running.spec["gateway"])

    assert f"is in use by {running.name}" in refused(workshop)


def test_docker_does_not_answer(workshop: Workshop) -> None:
    for command in ("provision", "verify", "logs"):
        ran = workshop.workshop(command, code=1, DOCKER_HOST="unix:///nowhere/docker.sock")
        assert ran.line.startswith("here: Docker does not answer. Start it")


@pytest.mark.full("needs a class that runs; what stands in the way of a new one is for every day")
def test_status_and_plan_go_on_without_docker(running: Workshop) -> None:
    dead = "unix:///nowhere/docker.sock"
    status = running.workshop("status", "--output", "json", DOCKER_HOST=dead).json
    plan = running.workshop("plan", "--output", "json", DOCKER_HOST=dead).json

    assert status["ok"] is False
    assert "Docker does not answer" in status["advice"][0]
    assert any("Docker does not answer" in note for note in plan["notes"])


def test_the_compose_plugin_is_missing_or_old(workshop: Workshop, tmp_path: Path) -> None:
    docker, real = tmp_path / "docker", shutil.which("docker")
    for answer, said in (
        ("echo \"docker: 'compose' is not a docker command.\" >&2; exit 1", "docker compose does not answer"),
        ("echo 2.19.1", "Compose 2.19.1 is older than 2.20"),
    ):
        script = f'#!/bin/sh\n[ "$1" = compose ] || exec {real} "$@"\n{answer}\n'
        docker.write_text(script, encoding="utf-8")
        docker.chmod(0o755)
        line = refused(workshop, PATH=f"{tmp_path}:{os.environ['PATH']}")
        assert line.startswith(f"here: {said}. Install the Compose plugin")


def test_a_file_where_the_state_should_be(workshop: Workshop) -> None:
    (workshop.folder / ".workshop").write_text("", encoding="utf-8")

    line = refused(workshop)

    assert "the state can't be kept or read here" in line
    assert "--state-dir DIR" in line


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Enough to begin, too little to end."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_the_states_disk_is_full(workshop: Workshop, tiny_disk: Path) -> None:
    line = refused(workshop, "--state-dir", str(tiny_disk))

    assert "no space is left" in line
    assert "run the same command again" in line


@pytest.mark.full("needs a class that runs; what stands in the way of a new one is for every day")
def test_a_second_provision_at_the_same_time_is_told_who_is_at_work(running: Workshop) -> None:
    running.container("model-tiny-1").remove(force=True)
    first = running.start("provision", str(running.file))
    assert first.stderr is not None
    next(line for line in first.stderr if "Containers" in line)

    line = running.workshop("provision", code=1).line
    busy = running.workshop("status", "--output", "json").json["busy"]
    first.communicate(timeout=120)

    assert first.returncode == 0
    assert re.search(
        rf"another command is at work on this workshop: \S+@\S+ \(process {first.pid}, `provision`\) "
        r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
        line,
    )
    assert f"process {first.pid}" in busy
    assert running.workshop("status", "--output", "json").json["busy"] is None


@pytest.mark.full("needs a class that runs; what stands in the way of a new one is for every day")
def test_somebody_elses_workshop_of_this_name_is_left_alone_until_it_is_taken_over(running: Workshop) -> None:
    before, old = running.starts(), running.people()[0]
    other = str(running.folder / "other")

    line = running.workshop("provision", "--state-dir", other, code=1).line
    assert f"a workshop named {running.name} runs here already" in line
    assert str(running.file) in line
    assert "--take-over" in line
    assert running.starts() == before

    line = running.workshop("provision", "--state-dir", other, code=1, WORKSHOP_STACK_DIR=f"{other}-stack").line
    assert "a workshop of this name runs here already, deployed from another state" in line
    assert running.starts() == before

    told = running.workshop("provision", "--state-dir", other, "--take-over", "--output", "json").json
    assert told["ok"] is True
    assert set(running.starts()) == set(before)
    new = running.workshop("participants list", "--state-dir", other, "--output", "json").json[0]
    assert new["api_key"] != old["api_key"]
    assert ask(running.client(new), "tiny")
    assert running.workshop("provision", "--state-dir", other, "--output", "json").json["changed"] == 0
    assert "runs here already" in running.workshop("provision", code=1).line

    assert running.workshop("teardown", "--state-dir", other, "--yes", "--output", "json").json["left"] == []
    assert running.things() == []
