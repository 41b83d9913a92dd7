"""Asking as `verify` does, quickly, and ways to make one answer of a stub wrong."""

from collections.abc import Callable
from functools import cache

import pytest
from pydantic import SecretStr

from orchestrator.checks import verification
from orchestrator.checks.asking import Patience
from orchestrator.checks.check import Check
from orchestrator.checks.subject import Subject
from orchestrator.checks.trust import authorities
from orchestrator.checks.verification import verify
from orchestrator.identity import keys
from tests.unit.checks_stub import (
    Asked,
    Override,
    Reply,
)

QUICK = Patience(connect=0.5, look=1.5, answer=1.5)


_authorities_once = cache(authorities)  # reading the system's takes as long as all questions together


def ask(
    asked: Subject,
    *,
    patience: Patience = QUICK,
    report: Callable[[Check], None] = lambda _: None,
    workers: int = 4,
) -> tuple[Check, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "authorities", _authorities_once)
        return verify(asked, report=report, patience=patience, workers=workers)


def wrong(checks: tuple[Check, ...]) -> list[tuple[str, str]]:
    return [(check.name, check.target) for check in checks if not check.ok]


def one(checks: tuple[Check, ...], name: str, target: str) -> Check:
    (found,) = [check for check in checks if (check.name, check.target) == (name, target)]
    return found


def on(path: str, reply: Reply, *, only: bool | None = None) -> Override:
    """Wrong at one path; `only`: streamed questions or not."""

    def override(asked: Asked) -> Reply | None:
        fits = asked.path == path and (only is None or asked.body.get("stream", False) == only)
        return reply if fits else None

    return override


def with_key(key: SecretStr | None, reply: Reply) -> Override:
    text = keys.normalise(key.get_secret_value()) if key else None
    return lambda asked: reply if (keys.normalise(asked.key) if asked.key else None) == text else None


def about(model: str, path: str, reply: Reply, *, stream: bool) -> Override:
    def override(asked: Asked) -> Reply | None:
        fits = asked.path == path and asked.body.get("model") == model and asked.body.get("stream", False) == stream
        return reply if fits and asked.body.get("max_tokens") != 1 and not asked.body.get("files") else None

    return override
