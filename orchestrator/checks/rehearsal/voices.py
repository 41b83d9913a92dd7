"""Simulated people's way to the workshop: sign-ins all at once, first words, and questions within the budget."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from orchestrator.checks import reading
from orchestrator.checks.rehearsal.budget import Budget
from orchestrator.checks.rehearsal.conversation import Message, most_tokens
from orchestrator.checks.rehearsal.figures import LIMITED
from orchestrator.checks.rehearsal.sign_in import SignedIn, sign_in
from orchestrator.checks.rehearsal.stream import Stream, ask
from orchestrator.checks.rehearsal.values import Bounds, Extent, Guest, Over, SignIn
from orchestrator.errors import UserError

PATHS: Mapping[Over, str] = {"gateway": "/v1/chat/completions", "webui": "/api/chat/completions"}
WARM_UP_PATIENCE = 60  # s for a model's first answer, which may compile kernels
WARM_UP_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """Where, who and how much. `webui` is None where nobody goes over the page."""

    api: str  # URLs without a path
    webui: str | None
    tls: ssl.SSLContext
    guests: tuple[Guest, ...]
    extent: Extent
    bounds: Bounds


@dataclass(slots=True)
class Voices:
    """Who has signed in asks over the page, everybody else over the gateway."""

    session: aiohttp.ClientSession
    stage: Stage
    budget: Budget
    _signed_in: dict[str, SignedIn] = field(default_factory=dict)

    async def sign_in(self, patience: float) -> tuple[SignIn, ...]:
        """All at once, as a class does."""
        comers = [(guest.id, guest.account) for guest in self.stage.guests if guest.account]
        if self.stage.webui is None or not comers:
            return ()
        url = self.stage.webui
        signed = await asyncio.gather(*(sign_in(self.session, url, who, account, patience) for who, account in comers))
        self._signed_in = {one.result.person: one for one in signed if one.token}
        return tuple(one.result for one in signed)

    async def warm_up(self, patience: float) -> tuple[str, ...]:
        """One short answer of each model, which is no figure; the models that do not chat.

        Raises UserError `model_silent` where a model does not answer even one person.
        """
        silent = []
        first = {guest.model: guest for guest in reversed(self.stage.guests)}
        for model, guest in sorted(first.items()):
            url, key = self.stage.api + PATHS["gateway"], guest.key
            question = {
                "model": model,
                "messages": [{"role": "user", "content": "Hello"}],
                "max_tokens": WARM_UP_TOKENS,
            }
            stream = Stream()
            await ask(self.session, url, key, question, round(min(patience, WARM_UP_PATIENCE), 1), stream)
            self.budget.settle(0, stream.prompt_tokens or 0, stream.tokens)
            if stream.error is None or stream.error.startswith(LIMITED):
                continue  # refused by a limit, the rehearsal before was not long ago: the steps will tell
            if not reading.NO_CHAT.search(stream.error):
                hint = "See what is wrong: workshop verify SPEC; or rehearse other models: --model NAME"
                raise UserError("model_silent", f"{model} does not answer one person: {stream.error}", hint=hint)
            silent.append(model)
        return tuple(silent)

    async def ask(self, guest: Guest, messages: Sequence[Message]) -> Stream | None:
        """None: the tokens are spent."""
        extent = self.stage.extent
        most = most_tokens(messages) + extent.tokens
        if not self.budget.take(most):
            return None
        stream = Stream()
        signed, base, key = self._signed_in.get(guest.id), self.stage.api, guest.key
        if signed and signed.token and self.stage.webui:
            base, key = self.stage.webui, signed.token
        question = {"model": guest.model, "messages": list(messages), "max_tokens": extent.tokens}
        try:
            url, patience = base + PATHS[self.over(guest)], extent.patience(self.stage.bounds)
            await ask(self.session, url, key, question, patience, stream)
        finally:
            self.budget.settle(most, *_used(stream, most, extent.tokens))
        return stream

    def over(self, guest: Guest) -> Over:
        return "webui" if guest.id in self._signed_in else "gateway"


def _used(stream: Stream, most: int, tokens: int) -> tuple[int, int]:
    """As it was counted; the most that it can be where nobody counted; nothing for what was refused."""
    if stream.prompt_tokens is not None:
        return stream.prompt_tokens, stream.tokens
    return (0, 0) if stream.refused else (most - tokens, tokens)
