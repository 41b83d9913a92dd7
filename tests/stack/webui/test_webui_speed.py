"""How long thirty accounts take, against the hashing of their passwords alone; figures, and generous bounds."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

FLOOR = """
import os, time, bcrypt
from concurrent.futures import ThreadPoolExecutor
started = time.perf_counter()
with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    list(pool.map(lambda _: bcrypt.hashpw(b"password", bcrypt.gensalt()), range(30)))
print(time.perf_counter() - started)
"""


def test_thirty_accounts_cost_little_more_than_their_hashes_and_nothing_to_do_is_quick(
    new_class: NewClass, server: Server
) -> None:
    workshop = new_class(30)
    server.as_admin.version()
    floor = float(server.container.exec_run(["python3", "-c", FLOOR]).output)

    began = perf_counter()
    first = workshop.seed()
    seconds = perf_counter() - began
    began = perf_counter()
    second = workshop.seed()
    again = perf_counter() - began

    print(
        f"30 accounts: {seconds:.2f} s, the hashes alone: {floor:.2f} s ({seconds / floor:.2f}); again: {again:.2f} s"
    )
    assert first.created >= 30
    assert (second.created, second.changed) == (0, 0)
    assert seconds < 4 * floor
    assert again < 5
