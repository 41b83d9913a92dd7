"""policy.json of a running gateway, with today's people in it and all else as it was provisioned. Pure."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Any

from orchestrator.errors import WorkshopError
from orchestrator.identity.callers import Caller
from orchestrator.identity.limits import CallerLimits

_SHA256 = re.compile(r"[0-9a-f]{64}")
POLICY = "policy.json"  # mode 0600: holds providers' keys
NEEDED = frozenset({"revision", "callers", "keys", "emails", "models", "upstreams", "backends"})


def policy_text(policy: Mapping[str, Any]) -> str:
    """The one spelling of a policy: equal policies are equal files."""
    return json.dumps(policy, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def of_callers(callers: Iterable[Caller], usual: CallerLimits) -> dict[str, Any]:
    """The parts of a policy that are about people; who has no limits of their own has the `usual` ones."""
    those = tuple(callers)
    return {
        "callers": {caller.id: _caller(caller, usual) for caller in those},
        "keys": {digest: caller.id for caller in those for digest in caller.key_hashes},
        "emails": {caller.email.lower(): caller.id for caller in those if caller.email},
    }


def _caller(caller: Caller, usual: CallerLimits) -> dict[str, Any]:
    return {
        "models": dict.fromkeys(caller.models, True),
        "limits": asdict(caller.limits or usual),
        "exempt": caller.exempt,
        "service": caller.service,
        "minute_offset": zlib.crc32(caller.id.encode()) % 60,
    }


def with_people(
    standing: Mapping[str, Any],
    people: Mapping[str, Any],
    drained: AbstractSet[str],
    revision: int,
    change: Mapping[str, str] | None = None,
    named: AbstractSet[str] = frozenset(),
) -> dict[str, Any]:
    """The standing policy with these callers, keys and mails, the backends drained as told, and this revision.

    Models, limits and routes stay: a spec that was edited since is for `provision` to apply. So whoever is a caller
    already may what they might, but for those `named`; and nobody may use a model that the gateway does not have yet.
    Raises WorkshopError where the outcome contradicts itself.
    """
    kept = {name: caller for name, caller in standing["callers"].items() if name not in named}
    policy = {
        **standing,
        "callers": {
            name: kept.get(name, _known_models(caller, standing["models"]))
            for name, caller in people["callers"].items()
        },
        "keys": dict(people["keys"]),
        "emails": dict(people["emails"]),
        "backends": {name: {**backend, "drained": name in drained} for name, backend in standing["backends"].items()},
        "revision": revision,
        "change": change,
    }
    problems = list(_problems(policy))
    if problems:
        raise WorkshopError("the gateway's policy would be inconsistent: " + "; ".join(problems))
    return policy


def _known_models(caller: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    return {**caller, "models": {name: may for name, may in caller["models"].items() if name in models}}


def _problems(policy: Mapping[str, Any]) -> Iterator[str]:
    for digest, owner in policy["keys"].items():
        if not _SHA256.fullmatch(digest):
            yield f"a key of {owner!r} is not a SHA-256 in hex"
        if owner not in policy["callers"]:
            yield f"a key belongs to {owner!r}, who is no caller"
    for mail, owner in policy["emails"].items():
        if mail != mail.lower():
            yield f"the mail of {owner!r} has capitals"
        if owner not in policy["callers"]:
            yield f"a mail belongs to {owner!r}, who is no caller"
