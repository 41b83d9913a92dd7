"""Nothing of the bed outlives it, however it ends; nothing of anybody else is touched."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet.bed.bed import MOST_HOSTS, Bed
from tests.fleet.bed.engine import is_gone, owner_label, says, sweep
from tests.fleet.bed.ssh_host import HostSetup

pytestmark = pytest.mark.full("the tests' own hosts and registries; daily tests of hosts stand on them")

PROGRAM = """
import signal, sys, time
from pathlib import Path
from tests.fleet.bed.bed import Bed
from tests.fleet.bed.ssh_host import HostSetup
with Bed.opened(Path(sys.argv[1])) as bed, bed.hosts(HostSetup(name="short-lived")):
    print(bed.token, flush=True)
    time.sleep(60)
"""


def left_of(token: str) -> list[str]:
    label = f"label=workshop.test.bed={token}"
    return [
        word for kind in (("ps", "--all"), ("network", "ls")) for word in says(*kind, "-q", "--filter", label).split()
    ]


@pytest.fixture
def another_bed(bed: Bed, tmp_path: Path) -> subprocess.Popen[str]:
    """Of another process; `bed` has built what it needs."""
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


def test_an_interrupted_run_leaves_nothing(another_bed: subprocess.Popen[str]) -> None:
    assert another_bed.stdout is not None
    token = another_bed.stdout.readline().strip()
    assert len(left_of(token)) == 2
    another_bed.send_signal(signal.SIGINT)
    another_bed.communicate(timeout=60)
    assert left_of(token) == []


def test_what_a_killed_run_left_goes_with_the_next_and_a_living_ones_stays(
    bed: Bed, another_bed: subprocess.Popen[str]
) -> None:
    assert another_bed.stdout is not None
    token = another_bed.stdout.readline().strip()
    sweep()
    assert len(left_of(token)) == 2
    assert left_of(bed.token)
    another_bed.kill()
    another_bed.communicate()
    volumes = says("inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", left_of(token)[0]).split()
    assert volumes
    sweep()
    assert left_of(token) == []
    assert left_of(bed.token)
    assert not set(volumes) & set(says("volume", "ls", "-q").split())


def test_an_owner_of_another_machine_or_of_no_known_kind_is_left_alone() -> None:
    assert not is_gone("elsewhere/1/1")
    assert not is_gone("")
    assert not is_gone(owner_label().partition("=")[2])


def test_no_more_hosts_than_the_machine_bears(bed: Bed) -> None:
    with pytest.raises(RuntimeError, match="at once"):
        bed.start(*(HostSetup(name=f"many-{number}") for number in range(MOST_HOSTS + 1)))


def test_a_host_that_cannot_start_takes_those_started_with_it_away(bed: Bed) -> None:
    before = left_of(bed.token)
    good, bad = HostSetup(name="good"), HostSetup(name="bad", address=bed.outer_address)
    with pytest.raises(RuntimeError, match=r"(?i)address"):
        bed.start(good, bad)
    assert left_of(bed.token) == before
