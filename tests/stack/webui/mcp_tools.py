# mypy: ignore-errors
# Runs in Open WebUI's image, which has these packages.
"""A tool server of the kind that a class builds: MCP over streamable HTTP, one tool, behind a key."""

import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

server = MCPServer("weather")


@server.tool()
def forecast(city: str) -> str:
    """The weather tomorrow."""
    return f"Sun in {city}"


inner = server.streamable_http_app(transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False))


async def with_key(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != b"Bearer open sesame":
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await inner(scope, receive, send)


uvicorn.run(with_key, host="0.0.0.0", port=int(sys.argv[1]), log_level="warning")  # noqa: S104 - inside a container
