"""What accounts can't be made quicker than: the hashing of their passwords, on the server's own cores."""

from __future__ import annotations

from typing import Any

HASHES = """
import os, sys, time, bcrypt
from concurrent.futures import ThreadPoolExecutor
begun = time.perf_counter()
with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    list(pool.map(lambda _: bcrypt.hashpw(b"password", bcrypt.gensalt()), range(int(sys.argv[1]))))
print(time.perf_counter() - begun)
"""


def hashing(container: Any, people: int) -> float:
    """Seconds for so many, with the bcrypt of the server's container."""
    code, output = container.exec_run(["python3", "-c", HASHES, str(people)])
    assert code == 0, output
    return float(output)
