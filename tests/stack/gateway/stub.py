"""A stand-in for a model server: answers as the request's `stub` field says, and tells what it was sent.

Port 8000 speaks HTTP, 8443 the same over TLS (/tls/cert.pem, if there), 8001 is a black hole: connecting to it hangs.
"""

import asyncio
import hashlib
import itertools
import json
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = sys.argv[1]
EVERYWHERE = "0.0.0.0"  # noqa: S104  in its container
TLS = Path("/tls/cert.pem")
JSON = "application/json"
SSE = "text/event-stream"
OVER_TLS = itertools.count()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin1"):
            request, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            if headers.get("upgrade") == "websocket":
                await websocket(reader, writer)
                return
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            await answer(writer, request, headers, body)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def answer(writer: asyncio.StreamWriter, request: str, headers: dict[str, str], body: bytes) -> None:
    try:
        asked = json.loads(body)
    except ValueError:
        asked = {}
    wish = asked.get("stub", {})
    await asyncio.sleep(wish.get("wait", 0))
    if "status" in wish:
        await plain(writer, wish["status"], wish["content"].encode(), wish.get("type", JSON))
    elif asked.get("stream"):
        await stream(writer, asked, wish, native="/api/" in request)
    else:
        told = {
            "served_by": NAME,
            "request": request,
            "headers": headers,
            "body": body.decode("utf-8", "backslashreplace")[:10000],
            "sha256": hashlib.sha256(body).hexdigest(),
            "size": len(body),
            "over_tls": next(OVER_TLS) if writer.get_extra_info("ssl_object") else None,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 8},
        }
        await plain(writer, 200, json.dumps(told).encode(), JSON)


async def plain(writer: asyncio.StreamWriter, status: int, content: bytes, kind: str) -> None:
    writer.write(
        f"HTTP/1.1 {status} Stub\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
        "Set-Cookie: stub=1\r\nOpenAI-Organization: ours\r\nAnthropic-RateLimit-Requests-Remaining: 3\r\nX-RateLimit-Limit-Requests: 999\r\nAccess-Control-Allow-Origin: https://stub\r\n\r\n".encode()
        + content
    )
    await writer.drain()


async def stream(writer: asyncio.StreamWriter, asked: dict[str, Any], wish: dict[str, Any], *, native: bool) -> None:
    kind = "application/x-ndjson" if native else SSE
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for count, event in enumerate(events(asked, wish, native=native)):
        if count == wish.get("dies_after"):
            writer.transport.abort()  # nothing says that this was the end
            return
        half = event.find(b"\xc3") + 1 or len(event) // 2  # inside a character, where there is one of two bytes
        for piece in (event[:half], event[half:]) if wish.get("split") else (event,):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(wish.get("gap", 0.01))
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def events(asked: dict[str, Any], wish: dict[str, Any], *, native: bool) -> Iterator[bytes]:
    count, text, end = wish.get("events", 5), wish.get("text", "zażółć é"), wish.get("end", "\n\n").encode()
    if native:
        for _ in range(count):
            yield json.dumps({"message": {"content": text}, "done": False}).encode() + b"\n"
        yield json.dumps({"done": True, "prompt_eval_count": 12, "eval_count": count}).encode() + b"\n"
        return
    for _ in range(count):
        chunk = {"choices": [{"index": 0, "delta": {"content": text}}], "usage": None}
        yield b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + end
    if (asked.get("stream_options") or {}).get("include_usage") and not wish.get("no_usage"):
        last = {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": count}}
        yield b"data: " + json.dumps(last).encode() + end
    yield b"data: [DONE]" + end


async def websocket(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()


def black_hole(port: int) -> list[socket.socket]:
    """A port whose queue of connections is full, so that more are left without an answer."""
    listener = socket.create_server((EVERYWHERE, port), backlog=0)
    waiting = [listener]
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        waiting.append(client)
    return waiting


async def main() -> None:
    hole = black_hole(8001)
    await asyncio.start_server(serve, EVERYWHERE, 8000, limit=2**26)
    if TLS.exists():  # noqa: ASYNC240  before anything is served
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(TLS, TLS.with_name("key.pem"))
        await asyncio.start_server(serve, EVERYWHERE, 8443, ssl=tls)
    print("ready")
    await asyncio.Event().wait()
    del hole


asyncio.run(main())
