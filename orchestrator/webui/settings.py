"""Open WebUI's settings for a class: closed to strangers, sparing with the GPUs, quiet about people.

The server keeps them in its database, where an environment variable no longer reaches them. Each form is read, changed
where it differs and written back whole, since every release adds fields that a write must contain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.wanted import Seed, Tally

ADMIN_SETTINGS = "/api/v1/auths/admin/config"  # for administrators alone, so whoever reads it is one


@dataclass(frozen=True, slots=True)
class Form:
    """A settings form: where it is read and written, and the fields that must have a value; nested where it is."""

    name: str
    read: str
    write: str
    fields: Mapping[str, Any]


def forms(wanted: Seed) -> tuple[Form, ...]:
    return (
        Form(
            "admin settings",
            ADMIN_SETTINGS,
            ADMIN_SETTINGS,
            {
                "ENABLE_SIGNUP": False,
                "DEFAULT_USER_ROLE": "pending",
                "DEFAULT_GROUP_ID": "",  # an account made by hand gets no model by itself
                "ENABLE_API_KEYS": True,  # the right to have one comes by group
                "ENABLE_COMMUNITY_SHARING": False,
                "ENABLE_AUTOMATIONS": False,
                "SHOW_ADMIN_DETAILS": False,
                "PENDING_USER_OVERLAY_TITLE": f"{wanted.title}: no access",
                "PENDING_USER_OVERLAY_CONTENT": "Your access has ended or has not begun. Ask your instructor.",
                "WEBUI_URL": wanted.url,
            },
        ),
        Form(
            "connection settings",
            "/api/v1/configs/connections",
            "/api/v1/configs/connections",
            {"ENABLE_DIRECT_CONNECTIONS": False, "ENABLE_DIRECT_INTEGRATIONS": False, "ENABLE_BASE_MODELS_CACHE": True},
        ),
        Form(
            "task settings",  # each would ask the model again for every question that someone types
            "/api/v1/tasks/config",
            "/api/v1/tasks/config/update",
            {
                "ENABLE_TITLE_GENERATION": False,
                "ENABLE_TAGS_GENERATION": False,
                "ENABLE_FOLLOW_UP_GENERATION": False,
                "ENABLE_AUTOCOMPLETE_GENERATION": False,
                "ENABLE_SEARCH_QUERY_GENERATION": False,
                "ENABLE_RETRIEVAL_QUERY_GENERATION": False,
            },
        ),
        Form(
            "default permissions",
            "/api/v1/users/default/permissions",
            "/api/v1/users/default/permissions",
            {
                "access_grants": {"allow_users": False},  # nobody picks others out of a list of people
                "features": {"api_keys": False, "direct_tool_servers": False},
            },
        ),
    )


def apply(webui: WebUI, wanted: Seed, tally: Tally) -> None:
    for form in forms(wanted):
        found = webui.get(form.read)
        needed, different = merged(found, form.fields)
        if not different:
            tally.keep()
            continue
        webui.post(form.write, needed, repeatable=True)
        tally.change(form.name, "set " + ", ".join(different))


def merged(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The form with the wanted values, and the names of those that differed.

    A field that this version does not have is left out: what it switches off is not there.
    """
    result = dict(found)
    different: list[str] = []
    for name in wanted.keys() & found.keys():
        if isinstance(wanted[name], Mapping):
            result[name], inner = merged(found[name], wanted[name])
            different += [f"{name}.{part}" for part in inner]
        elif found[name] != wanted[name]:
            result[name] = wanted[name]
            different.append(name)
    return result, sorted(different)
