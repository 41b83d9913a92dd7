"""Secrets that lie in files of this machine: keys, what was rendered, registries' logins."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.spec.loader import Spec
from orchestrator.spec.providers import PRESETS
from orchestrator.spec.sections import Tls
from orchestrator.state.folder import StateFolder

PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)-----END", re.DOTALL)
LARGEST = 1_000_000  # bytes of a file with a secret
SECRETS, POLICY = "secrets", "policy.json"  # in a stack


def of_keys(spec: Spec) -> Iterator[str]:
    """Of hosts, and of the certificate."""
    files = [spec.path(host.key) for host in spec.workshop.hosts if host.key]
    if isinstance(spec.workshop.public.tls, Tls):
        files.append(spec.path(spec.workshop.public.tls.key))
    for file in files:
        yield from PRIVATE_KEY.findall(_text(file))


def of_the_state(folder: StateFolder, specs: Iterable[Spec]) -> Iterator[str]:
    """Its authorities' keys; and as they were rendered last, secrets whose variable or file says something else now."""
    for file in _below(folder.tls):
        yield from PRIVATE_KEY.findall(_text(file))
    plain = set(_plain_headers(specs))
    for file in _below(folder.rendered):
        if file.parent.name == SECRETS:
            yield _text(file)
        elif file.name == POLICY:
            yield from (value for value in _headers(_text(file, most=None)) if value not in plain)


def of_registries(home: Path) -> Iterator[str]:
    try:
        entries = json.loads(_text(home / ".docker" / "config.json"))["auths"].values()
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    for entry in entries:
        token = entry.get("auth", "") if isinstance(entry, dict) else ""
        if isinstance(token, str):
            yield token
            with suppress(ValueError):
                yield base64.b64decode(token).decode().partition(":")[2]
        if isinstance(entry, dict):
            yield from (str(entry[name]) for name in ("password", "identitytoken", "registrytoken") if entry.get(name))


def _plain_headers(specs: Iterable[Spec]) -> Iterator[str]:
    """Versions and the like, which stand in the policy beside secrets."""
    for preset in PRESETS.values():
        yield from (value for _, value in preset.headers)
    for spec in specs:
        for model in spec.workshop.models:
            yield from (value for value in model.headers.values() if isinstance(value, str))


def _headers(policy: str) -> Iterator[str]:
    """Those that the gateway adds for providers."""
    try:
        upstreams: Iterable[Any] = json.loads(policy)["upstreams"].values()
        yield from (str(value) for upstream in upstreams for value in upstream["headers"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def _below(folder: Path) -> Iterator[Path]:
    yield from (file for file in folder.rglob("*") if file.is_file())


def _text(file: Path, most: int | None = LARGEST) -> str:
    try:
        return file.read_text(encoding="utf-8") if most is None or file.stat().st_size < most else ""
    except (OSError, ValueError):
        return ""
