"""Load on one target, and what it took: requests by wrk, streams by asyncio, processor time and memory of containers."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.gateway.targets import Target

if TYPE_CHECKING:
    from docker.models.containers import Container

PATH = "/v1/chat/completions"
WRK_SECONDS = 2
PATIENCE = 20  # seconds that an answer may take
STREAMS, STREAM_TURNS = 16, 4
CHAT = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "word " * 190}], "max_tokens": 40})
EVENTS = json.dumps({**json.loads(CHAT), "model": "events", "stream": True})

SCRIPT = """
local keys, body, requests, turn = { %s }, %s, {}, 0
function init()
  for i, key in ipairs(keys) do
    requests[i] = wrk.format("POST", nil, { ["Authorization"] = "Bearer " .. key, ["Content-Type"] = "application/json" }, body)
  end
end
function request()
  turn = turn %% #requests + 1
  return requests[turn]
end
"""
# of all processes of a container but the one that asks
SMAPS = 'for p in /proc/[0-9]*; do [ "$p" = "/proc/$$" ] || cat "$p/smaps_rollup" 2>/dev/null; done'


@dataclass(frozen=True)
class Burst:
    rate: float  # good answers per second
    median: float  # µs
    cpu: float  # µs of the target's containers for one request
    bad: int  # other answers than 2xx


def burst(target: Target, connections: int, folder: Path) -> Burst:
    """Questions of 1 kB for a while, all keys in turn."""
    script = folder / f"{target.name.replace(' ', '-')}.lua"
    script.write_text(SCRIPT % (", ".join(f'"{key}"' for key in target.keys), json.dumps(CHAT)), encoding="utf-8")
    command = ["wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{WRK_SECONDS}s", f"--timeout={PATIENCE}s"]
    url = f"http://{target.addresses['chat']}{PATH}"
    before = cpu_seconds(target.containers["chat"])
    said = subprocess.run(
        [*command, "--latency", "-s", str(script), url], check=True, capture_output=True, text=True
    ).stdout
    used = cpu_seconds(target.containers["chat"]) - before
    assert "Socket errors" not in said, f"{target.name}: {said}"
    count, seconds = (float(number) for number in found(r"(\d+) requests in ([0-9.]+)s", said))
    amount, unit = found(r"50%\s+([0-9.]+)(us|ms|s)\n", said)
    bad = int(found(r"Non-2xx or 3xx responses: (\d+)", said)[0]) if "Non-2xx" in said else 0
    median = float(amount) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
    return Burst((count - bad) / seconds, median, used / count * 1e6, bad)


def found(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text)
    assert match, text
    return match.groups()


def cpu_seconds(container: Container) -> float:
    """That its processes have used up so far."""
    stats: dict[str, Any] = container.stats(stream=False, one_shot=True)
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def memory(container: Container) -> tuple[float, float]:
    """MiB of all its processes: the sum of what each has in memory, and the same with shared pages counted once."""
    said = container.exec_run(["sh", "-c", SMAPS], user="root", privileged=True).output.decode()
    kib = {name: sum(map(int, re.findall(rf"^{name}:\s+(\d+) kB", said, re.MULTILINE))) for name in ("Rss", "Pss")}
    return kib["Rss"] / 1024, kib["Pss"] / 1024


def first_event_of_streams(target: Target) -> float:
    """ms until the first byte of an answer's body, median over streams side by side, each asked several times."""
    return statistics.median(asyncio.run(_streams(target))) * 1000


async def _streams(target: Target) -> list[float]:
    async def one(number: int) -> list[float]:
        key = target.keys[number % len(target.keys)]
        return [await first_byte(target.addresses["events"], key, EVENTS) for _ in range(STREAM_TURNS)]

    return [seconds for found in await asyncio.gather(*map(one, range(STREAMS))) for seconds in found]


async def first_byte(address: str, key: str, question: str) -> float:
    """Seconds from the request to the first byte of the answer's body; reads the answer to its end.

    Raises ConnectionError for any answer but 200, TimeoutError when it takes longer than PATIENCE.
    """
    async with asyncio.timeout(PATIENCE):
        return await _first_byte(address, key, question)


async def _first_byte(address: str, key: str, question: str) -> float:
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        head = f"POST {PATH} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n"
        sent = f"{head}Content-Type: application/json\r\nContent-Length: {len(question)}\r\n\r\n{question}"
        begun = time.perf_counter()
        writer.write(sent.encode())
        await writer.drain()
        answered = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answered.splitlines()[0]:
            raise ConnectionError(answered.decode(errors="replace"))
        await reader.readexactly(1)
        seconds = time.perf_counter() - begun
        await reader.read()
    finally:
        writer.close()
    return seconds


def wait_for(target: Target, seconds: float) -> str | None:
    """Until both models answer; what is wrong if they do not in that time."""
    end = time.monotonic() + seconds
    for address, question in ((target.addresses["chat"], CHAT), (target.addresses["events"], EVENTS)):
        while True:
            try:
                asyncio.run(first_byte(address, target.keys[0], question))
                break
            except (OSError, asyncio.IncompleteReadError) as error:
                if time.monotonic() > end:
                    return f"it did not answer within {seconds:.0f} s: {str(error).strip().partition(chr(10))[0] or error!r}"
                time.sleep(0.3)
    return None
