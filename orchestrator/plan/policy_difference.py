"""What is different between two policies of a gateway: what a running one must be told to follow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

KINDS = ("callers", "keys", "emails")
Policy = Mapping[str, Any]
Names = Mapping[str, AbstractSet[str]]  # by kind: `drained` too


def policy_difference(old: Policy, new: Policy, *, stated: Names | None = None) -> dict[str, Any]:
    """The document for POST /changes: entries by kind, None for what is gone, and the new policy's revision.

    `stated` names entries that are told even where the two policies agree: a command that was killed may have written
    the file and never told the gateway.
    """
    told: dict[str, Any] = {"revision": new["revision"]}
    for kind in KINDS:
        told[kind] = _entries(old.get(kind, {}), new[kind], (stated or {}).get(kind, frozenset()))
    told["drained"] = {
        name: drained
        for name, drained in _entries(_drained(old), _drained(new), (stated or {}).get("drained", frozenset())).items()
        if drained is not None  # a backend that is gone: nothing is routed to it
    }
    return told


def is_nothing(difference: Mapping[str, Any]) -> bool:
    """Whether there is nothing to tell."""
    return not any(difference[kind] for kind in (*KINDS, "drained"))


def _entries(old: Mapping[str, Any], new: Mapping[str, Any], stated: AbstractSet[str]) -> dict[str, Any]:
    names = {name for name in {*old, *new} if old.get(name) != new.get(name)} | stated
    return {name: new.get(name) for name in sorted(names)}


def _drained(policy: Policy) -> dict[str, bool]:
    return {name: bool(backend["drained"]) for name, backend in policy.get("backends", {}).items()}
