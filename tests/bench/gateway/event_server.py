"""A stand-in for an engine that streams: 20 events, 20 ms apart, as answer to whatever is posted. Runs in a container."""

import asyncio
import json

EVERYWHERE = "0.0.0.0"  # noqa: S104 - in its container
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS, GAP = 20, 0.02


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = (line.partition(":") for line in head.decode("latin1").splitlines())
            headers = {name.lower(): value.strip() for name, _, value in lines}
            await reader.readexactly(int(headers.get("content-length", 0)))
            await answer(writer)
            if headers.get("connection", "").lower() == "close":
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def answer(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    for number in range(EVENTS):
        choice = {"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}
        write(writer, {"object": "chat.completion.chunk", "choices": [choice]})
        await writer.drain()
        await asyncio.sleep(GAP)
    write(
        writer,
        {"object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": EVENTS}},
    )
    writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    await writer.drain()


def write(writer: asyncio.StreamWriter, event: object) -> None:
    data = b"data: %s\n\n" % json.dumps(event).encode()
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


async def main() -> None:
    server = await asyncio.start_server(serve, EVERYWHERE, 8000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
