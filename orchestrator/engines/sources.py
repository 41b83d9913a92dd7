"""What a model's source may look like: a repository, a file in one, an address. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from orchestrator.spec.gguf import is_gguf, is_later_part, parts_of
from orchestrator.spec.section import Problem

SCHEMES = ("https://", "http://")
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
SHOWN = re.compile(r"(?P<repository>[^/]+/[^/]+)/(?P<how>blob|raw|resolve|tree)/(?P<revision>[^/]+)/(?P<file>.+)")
GGUF = "expected OWNER/REPO/FILE.gguf, a URL or an absolute path ending in .gguf"


def repository_problem(source: str) -> Problem | None:
    """Of a model whose weights are a repository of the hub, or a folder on the host."""
    if source.startswith("/") or REPOSITORY.fullmatch(source):
        return None
    path = urlsplit(source).path.strip("/") if source.startswith(SCHEMES) else source
    named = "/".join(path.split("/")[:2])
    hint = f"Write {named}" if REPOSITORY.fullmatch(named) and named != source else None
    if "@" in named:
        hint = f"Write {named.partition('@')[0]}, and args: {{revision: {named.partition('@')[2]}}}"
    return Problem(("source",), "expected OWNER/REPOSITORY of Hugging Face, or an absolute path on the host", hint)


def tag_problem(source: str) -> Problem | None:
    """Of a model that Ollama pulls, or makes of what lies on the host."""
    if not source.startswith(SCHEMES):
        return None
    path = urlsplit(source).path.strip("/")
    tag = path.removeprefix("library/")
    return Problem(("source",), "expected a tag of Ollama's library, not an address", f"Write {tag}" if tag else None)


def gguf_problem(source: str) -> Problem | None:
    """Of a model whose weights are one GGUF file, in parts or whole."""
    remote = source.startswith(SCHEMES)
    address = urlsplit(source) if remote else None
    path = address.path.lstrip("/") if address else source
    if not source.startswith("/") and (shown := SHOWN.fullmatch(path)) and (not remote or shown["how"] != "resolve"):
        what = "the address of a page about a file, not of the file" if remote else "more than OWNER/REPO/FILE.gguf"
        return Problem(("source",), what, f"Write {_of_the_file(source, shown)}")
    if address and (address.query or address.fragment or " " in source):
        plain = source.partition("?")[0]
        hint = f"Write {plain}" if is_gguf(plain) and not {"#", " "} & {*source} else "Write # as %23, a blank as %20"
        return Problem(("source",), "expected the plain address of a GGUF file", hint)
    if not is_gguf(source):
        return Problem(("source",), GGUF)
    if is_later_part(source):
        return Problem(("source",), "a later part of a file in parts", f"Name the first: {parts_of(source)[0]}")
    return None


def _of_the_file(source: str, shown: re.Match[str]) -> str:
    if not source.startswith(SCHEMES):
        return f"{shown['repository']}/{shown['file']}"
    before, _, after = source.partition("?")[0].partition(f"/{shown['how']}/")
    return f"{before}/resolve/{after}"
