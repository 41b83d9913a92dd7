"""The environment of Open WebUI's container, without secrets. Pure.

What the server also keeps in its database counts at the first start only; `settings.py` holds these from then on.
"""

from __future__ import annotations

PORT = 8080
SECRETS = ("WEBUI_ADMIN_PASSWORD", "WEBUI_SECRET_KEY")  # by with-secrets.sh, never in the container's configuration

DATABASE = "DATABASE_URL"  # a secret as well, where the spec names one


def webui_environment(
    url: str,
    *,
    title: str,
    admin_email: str,
    gateway_url: str,
    origins: tuple[str, ...] = (),
    embedding_model: str | None = None,
    answer_seconds: int = 600,
    bare: bool = False,
) -> dict[str, str]:
    """For a class that may have no internet.

    `url` is what participants type, without a slash at the end; `origins` are other addresses of the same page, without
    which its WebSocket would refuse them. `gateway_url` ends in /v1. Without an `embedding_model` at the gateway,
    uploaded files go into the question whole. `bare`: its administrator is to make the connections by hand.
    """
    return {
        "WEBUI_URL": url,
        "WEBUI_NAME": title,
        "CORS_ALLOW_ORIGIN": ";".join(dict.fromkeys((url, *origins))),
        "WEBUI_SESSION_COOKIE_SECURE": _flag(url.startswith("https://")),
        "WEBUI_AUTH_COOKIE_SECURE": _flag(url.startswith("https://")),
        "WEBUI_ADMIN_EMAIL": admin_email,  # made at the first start, before the port opens, if there is nobody yet
        "WEBUI_ADMIN_NAME": "Instructor",
        "PORT": str(PORT),
        "UVICORN_WORKERS": "1",  # a second one needs Redis: each would have its own list of models
        "ENABLE_SIGNUP": "false",
        "DEFAULT_USER_ROLE": "pending",
        "ENABLE_API_KEYS": "true",
        "ENABLE_OPENAI_API": _flag(bare),  # else until there is a connection
        "ENABLE_OLLAMA_API": "false",
        "ENABLE_BASE_MODELS_CACHE": "true",
        "ENABLE_DIRECT_CONNECTIONS": "false",
        "ENABLE_COMMUNITY_SHARING": "false",
        "ENABLE_PUBLIC_ACTIVE_USERS_COUNT": "false",
        "ENABLE_EASTER_EGGS": "false",
        # The gateway learns the person from a header of its own connection; this would tell every provider.
        "ENABLE_FORWARD_USER_INFO_HEADERS": "false",
        # No internet: no model hub, no version check, no telemetry, no packages for plugins.
        "OFFLINE_MODE": "true",
        "ENABLE_VERSION_UPDATE_CHECK": "false",
        "ENABLE_PIP_INSTALL_FRONTMATTER_REQUIREMENTS": "false",
        "ANONYMIZED_TELEMETRY": "false",
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
        # Without `openai` it would try to download an embedding model at each start.
        "RAG_EMBEDDING_ENGINE": "openai",
        "RAG_OPENAI_API_BASE_URL": gateway_url,
        "RAG_EMBEDDING_MODEL": embedding_model or "",
        "BYPASS_EMBEDDING_AND_RETRIEVAL": _flag(embedding_model is None),
        # Unset, a question to a backend that hangs would wait for ever; a list of models or of tools, ten seconds.
        "AIOHTTP_CLIENT_TIMEOUT": str(answer_seconds),
        "AIOHTTP_CLIENT_TIMEOUT_MODEL_LIST": "3",
        "AIOHTTP_CLIENT_TIMEOUT_TOOL_SERVER_DATA": "3",  # each page asks every tool server
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"
