"""A way to a port that takes its time: a TCP proxy that hands everything on later, in order, without losing anything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

CHUNK = 65536
HELD = 64  # chunks under way in one direction; then the sender has to wait


class SlowRoute:
    """`delay`: seconds each way, changeable while it runs; connecting takes as long. `connections`: how many have come."""

    def __init__(self, target: tuple[str, int], delay: float) -> None:
        self.target = target
        self.delay = delay
        self.connections = 0
        self.address, self.port = "127.0.0.1", 0
        self._loop = asyncio.new_event_loop()
        self._moving = asyncio.Event()
        self._moving.set()

    @classmethod
    @contextmanager
    def opened(cls, target: tuple[str, int], *, delay: float, listen: str = "127.0.0.1") -> Iterator[Self]:
        """In a thread of its own. `listen`: another address of this machine, for hosts to come to it."""
        route, ready = cls(target, delay), threading.Event()
        stop = asyncio.Event()
        thread = threading.Thread(
            target=route._loop.run_until_complete, args=(route._serve(listen, ready, stop),), daemon=True
        )
        thread.start()
        try:
            if not ready.wait(10):
                raise RuntimeError(f"no port could be had on {listen}")
            yield route
        finally:
            route._loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            route._loop.close()

    def stall(self) -> None:
        """Nothing goes on from now; connections stay open."""
        self._loop.call_soon_threadsafe(self._moving.clear)

    def resume(self) -> None:
        """What was held back arrives."""
        self._loop.call_soon_threadsafe(self._moving.set)

    async def _serve(self, listen: str, ready: threading.Event, stop: asyncio.Event) -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            try:
                await self._hand_on(reader, writer)
            except (OSError, asyncio.CancelledError):
                writer.transport.abort()
            finally:
                tasks.discard(task)

        server = await asyncio.start_server(accept, listen, 0)
        self.address, self.port = server.sockets[0].getsockname()[:2]
        ready.set()
        await stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay)
        far_reader, far_writer = await asyncio.open_connection(*self.target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._direction(reader, far_writer))
                both.create_task(self._direction(far_reader, writer))
        except* OSError:
            pass  # one side is gone, so the other goes
        finally:
            for side in (writer, far_writer):
                side.close()
                with suppress(OSError):
                    await side.wait_closed()

    async def _direction(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Delay, not throughput, is what is bounded: chunks are under way side by side."""
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD)

        async def read() -> None:
            while True:
                chunk = await source.read(CHUNK)
                await under_way.put((loop.time() + self.delay, chunk))
                if not chunk:
                    return

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            while True:
                due, chunk = await under_way.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._moving.wait()
                if not chunk:
                    break
                target.write(chunk)
                await target.drain()
        if target.can_write_eof():
            target.write_eof()
