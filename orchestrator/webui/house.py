"""An Open WebUI that belongs to others: what a workshop adds there, beside what they have. Their settings stay.

Rows of lists go behind theirs, which are found by their place; whatever was not made by the workshop is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from orchestrator.errors import UserError, Where
from orchestrator.webui.client import WebUI
from orchestrator.webui.connection_rows import PERSON_HEADER, READ, WRITE, options_of, rows_of
from orchestrator.webui.embedding import EMBEDDING, RETRIEVAL, WHOLE
from orchestrator.webui.marks import Marks
from orchestrator.webui.provider import ask
from orchestrator.webui.refused import FORBIDDEN, SERVICE, UNAUTHORIZED, WebUIRefused
from orchestrator.webui.settings import ADMIN_SETTINGS
from orchestrator.webui.wanted import Connection, Function, Seed, Tally, VisibleModel

NEW_KEY = "Make one there as an administrator (Settings > Account > API keys), and put it where webui.admin_key points"
URLS, KEYS, OPTIONS = "OPENAI_API_BASE_URLS", "OPENAI_API_KEYS", "OPENAI_API_CONFIGS"


def enter(webui: WebUI, key: SecretStr) -> WebUI:
    """The server as the key's owner sees it. Raises UserError `webui_key_refused`."""
    admin = webui.signed_in(key)
    try:
        admin.get(ADMIN_SETTINGS)
    except WebUIRefused as refused:
        if refused.status in {UNAUTHORIZED, FORBIDDEN}:
            raise UserError(
                "webui_key_refused",
                f"{webui.base_url} does not take webui.admin_key for an administrator's ({refused.detail})",
                where=Where(service=SERVICE),
                hint=NEW_KEY,
            ) from None
        raise
    return admin


def named(wanted: Seed, marks: Marks, key: SecretStr) -> Seed:
    """The same under names that are the workshop's alone, and without what is for the whole server."""
    models = tuple(
        replace(
            one,
            name=marks.entry(one.name),
            title=one.title or one.name,
            base=marks.entry(one.base) if one.base else None,
        )
        for one in wanted.models
    )
    servers = tuple(replace(one, name=marks.tool(one.name)) for one in wanted.tool_servers)
    functions = tuple(_for_the_class(one, models) for one in wanted.functions)
    return replace(
        wanted,
        marks=marks,
        admin=replace(wanted.admin, key=key),
        models=tuple(_with_functions(one, wanted.functions) for one in models),
        tool_servers=servers,
        functions=functions,
        chosen=(),
        suggestions=None,
        ollama=(),
    )


def _for_the_class(function: Function, models: Sequence[VisibleModel]) -> Function:
    """What is for every model is for every one of the workshop's: the server's own switch would reach all others."""
    if function.kind == "pipe" or not function.everywhere:
        return function
    return replace(function, models=tuple(model.name for model in models))


def _with_functions(model: VisibleModel, functions: Sequence[Function]) -> VisibleModel:
    def more(kind: str) -> tuple[str, ...]:
        return tuple(one.id for one in functions if one.kind == kind and one.everywhere)

    return replace(model, filters=(*model.filters, *more("filter")), actions=(*model.actions, *more("action")))


def connect(webui: WebUI, wanted: Seed, tally: Tally) -> None:
    """The gateway's row. Whether it can be used there is looked at; what is in the way is a line in the failures."""
    tag, what = wanted.marks.label, "connection to the gateway"
    found = webui.get(READ)
    url, key = wanted.gateway_url.rstrip("/"), wanted.gateway_key.get_secret_value()
    options = _options(wanted, names_the_asker=webui.dialect().names_the_asker)
    needed = with_row(found, url, key, options, tag)
    if needed == found:
        tally.keep()
    else:
        webui.post(WRITE, needed, repeatable=True)
        if place_of(found, tag) is None:
            tally.create(what)
        else:
            tally.change(what, "put right")
    if not found["ENABLE_OPENAI_API"]:
        why = "connections are off there: have its administrator switch on Admin Settings > Connections > OpenAI API"
        tally.fail(what, why)
    answer = ask(webui, Connection("gateway", "openai", url, SecretStr(key)))
    if answer.problem:
        tally.fail(what, f"{url}, asked by {webui.base_url}, {answer.problem}: public.host must be reached from there")


def as_keyed(webui: WebUI, wanted: Seed, tally: Tally) -> Seed:
    """Without keys for anybody where accounts have none at all; the right to one comes with the workshop's group."""
    if webui.get(ADMIN_SETTINGS)["ENABLE_API_KEYS"]:
        return wanted
    why = "are off there: have its administrator switch on Admin Settings > General > API Keys"
    tally.fail("API keys", f"{why}, then provision again; until then the page works, and programs use the gateway")
    return replace(wanted, people=tuple(replace(person, keyed=False) for person in wanted.people))


def searches(webui: WebUI, wanted: Seed, tally: Tally) -> bool:
    """Whether files are made searchable there, which collections need."""
    if not (wanted.library and wanted.library.collections):
        return True
    embedding = webui.get(EMBEDDING)
    chosen = embedding.get("RAG_EMBEDDING_ENGINE") or embedding.get("RAG_EMBEDDING_MODEL")
    if chosen and not webui.get(RETRIEVAL)[WHOLE]:
        return True
    why = "no files are made searchable there: have its administrator choose a model in Admin Settings > Documents"
    tally.fail("knowledge", why)
    return False


def with_row(form: Mapping[str, Any], url: str, key: str, options: Mapping[str, Any], tag: str) -> dict[str, Any]:
    """The form with the row in the place that it has, or behind all others."""
    place = place_of(form, tag)
    urls, keys = list(form[URLS]), list(form[KEYS])
    keys += [""] * (len(urls) - len(keys))  # as the server itself makes them
    if place is None:
        place = len(urls)
        urls.append(url)
        keys = [*keys[:place], key]
    else:
        urls[place], keys[place] = url, key
    return {**form, URLS: urls, KEYS: keys, OPTIONS: {**(form.get(OPTIONS) or {}), str(place): dict(options)}}


def without_row(form: Mapping[str, Any], tag: str) -> dict[str, Any]:
    """The form as if the row had never been there: options are found by the number of their row."""
    place = place_of(form, tag)
    if place is None:
        return dict(form)
    moved = {}
    for name, options in (form.get(OPTIONS) or {}).items():
        number = int(name) if name.isdigit() else None
        if number is None or number < place:
            moved[name] = options
        elif number > place:
            moved[str(number - 1)] = options
    return {
        **form,
        URLS: [*form[URLS][:place], *form[URLS][place + 1 :]],
        KEYS: [*form[KEYS][:place], *form[KEYS][place + 1 :]],
        OPTIONS: moved,
    }


def place_of(form: Mapping[str, Any], tag: str) -> int | None:
    """Where the row with this tag stands; None: there is none."""
    return next((place for place, row in enumerate(rows_of(form)) if tag in row.tags), None)


def _options(wanted: Seed, *, names_the_asker: bool) -> dict[str, Any]:
    marks = wanted.marks
    headers = {PERSON_HEADER: "{{USER_EMAIL}}"} if names_the_asker else {}
    served = [marks.served(model.name) for model in wanted.served]
    return {**options_of(marks.workshop or "", served, (marks.label,), headers), "auth_type": "bearer"}
