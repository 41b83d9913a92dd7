"""How long thirty accounts take, against the hashing of their passwords alone; figures, and bounds that a busy machine keeps."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

pytestmark = pytest.mark.full("measures")

TICKS = 100  # a second, in /proc (USER_HZ)
FLOOR = """
import os, time, bcrypt
from concurrent.futures import ThreadPoolExecutor
started = time.perf_counter()
with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    list(pool.map(lambda _: bcrypt.hashpw(b"password", bcrypt.gensalt()), range(30)))
print(time.perf_counter() - started, time.process_time())
"""


def cpu_seconds(server: Server) -> float:
    """Of the server itself, all its threads: the container's first process. Engines may keep no figures of their own."""
    said = server.container.exec_run(["cat", "/proc/1/stat"]).output.decode()
    user, system = said.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def test_thirty_accounts_cost_little_more_than_their_hashes_and_nothing_to_do_is_quick(
    new_class: NewClass, server: Server
) -> None:
    new_class(0).seed()  # settings and groups are there
    workshop = new_class(30)
    floor, floor_cpu = map(float, server.container.exec_run(["python3", "-c", FLOOR]).output.split())

    before, began = cpu_seconds(server), perf_counter()
    first = workshop.seed()
    seconds, cpu = perf_counter() - began, cpu_seconds(server) - before
    began = perf_counter()
    second = workshop.seed()
    again = perf_counter() - began

    print(f"30 accounts: {seconds:.2f} s ({cpu:.2f} s of CPU), their hashes alone: {floor:.2f} s ({floor_cpu:.2f} s)")
    print(f"nothing to do: {again:.2f} s")
    assert first.created >= 30
    assert (second.created, second.changed) == (0, 0)
    assert cpu < 1.5 * floor_cpu  # the processor's time: others may be using the machine
    assert again < 5
