"""Whether the gateway has found the engines that were just started: it asks for their names every few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from orchestrator.checks.answers import body
from orchestrator.checks.asking import Server
from orchestrator.checks.silence import Silence

NOT_YET = "model_unavailable"
PAUSE = 0.3


def wait_until_routed(api: Server, keys: Mapping[str, SecretStr], models: Iterable[str], *, seconds: float) -> None:
    """Returns once each model is answered for, whatever the answer, or after `seconds`. `keys` are by model.

    Not a check: what is wrong for longer is for `verify` to say.
    """
    end = time.monotonic() + seconds
    for model in models:
        while time.monotonic() < end:
            try:
                answer = api.question("/v1/chat/completions", keys[model], body(model, tokens=1))
            except Silence:
                return
            if answer.code != NOT_YET:
                break
            time.sleep(PAUSE)
