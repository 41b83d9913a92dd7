"""What a rehearsal is to do and what came of it, as values. Times are seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from orchestrator.identity.accounts import Account

Over = Literal["gateway", "webui"]  # the API with a key, or Open WebUI's page with an account
Stopped = Literal["time", "tokens", "errors"]  # what ended a step before everybody had asked everything


@dataclass(frozen=True, slots=True)
class Bounds:
    """When an answer counts as in time, and the share of answers that must be."""

    first_token: float = 2  # at most, from the question
    tokens_per_second: float = 15  # at least, once the answer runs
    share: float = 0.95


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is asked; nothing goes beyond."""

    people: int
    seconds: float  # for all of it, sign-ins included
    tokens: int  # of one answer
    budget: int  # tokens in all, prompts and answers
    think: float = 4  # pause between an answer and the next question, on average
    turns: int = 3  # questions of each person in one step
    prompt: int = 1200  # characters of a long question
    arrive: float = 1  # within it everybody asks the first question of a step
    recover: float = 2  # after a step that was too much: engines drop what was given up

    def patience(self, bounds: Bounds) -> float:
        """For one answer. Who waits four times as long as the bounds allow has not been served in time."""
        return max(10.0, 4 * (bounds.first_token + self.tokens / bounds.tokens_per_second))


@dataclass(frozen=True, slots=True)
class Guest:
    """A simulated person: in no file, not counted, gone afterwards."""

    id: str
    key: SecretStr
    model: str
    account: Account | None = None  # None: asks over the gateway

    @property
    def over(self) -> Over:
        return "webui" if self.account else "gateway"


@dataclass(frozen=True, slots=True)
class Answer:
    """One question, and what came of it."""

    person: str
    model: str
    over: Over
    first: float | None  # until the first token; None: none came
    seconds: float  # until it ended
    prompt_tokens: int
    tokens: int
    error: str | None = None  # in few words, the status first; None: whole

    @property
    def rate(self) -> float | None:
        """Tokens per second after the first; None where the answer is too short to tell."""
        if self.first is None or self.tokens < SHORTEST or self.seconds - self.first < BRIEFEST:
            return None
        return (self.tokens - 1) / (self.seconds - self.first)


SHORTEST = 8  # tokens, for a rate that means something
BRIEFEST = 0.05  # s: what comes within it came in one piece


@dataclass(frozen=True, slots=True)
class Backend:
    """One replica of a model, as far as a rehearsal looks at it."""

    name: str  # the Compose service
    model: str
    host: str
    metrics: str  # a URL that the gateway's container reaches
    options: tuple[str, ...] = ()  # of curl there, for that URL


@dataclass(frozen=True, slots=True)
class Glance:
    """An engine's own figures at one moment."""

    at: float  # since the rehearsal began
    backend: str
    waiting: float
    running: float
    cache: float | None = None  # share of its memory for contexts that is in use


@dataclass(frozen=True, slots=True)
class Queue:
    """What an engine had to do in one step; None: it does not tell."""

    backend: Backend
    waiting_max: float | None = None
    waiting_mean: float | None = None
    running_max: float | None = None
    cache_max: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """So many people at once. `stopped`: not everybody could ask everything."""

    people: int
    began: float  # since the rehearsal began
    seconds: float
    answers: tuple[Answer, ...]
    stopped: Stopped | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """One person's sign-in at Open WebUI, all at the same time."""

    person: str
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """All that was asked and heard."""

    steps: tuple[Step, ...] = ()
    sign_ins: tuple[SignIn, ...] = ()
    stopped: Stopped | None = None  # before the bound was found
    silent: tuple[str, ...] = ()  # models that only embed
    lag: float = 0  # s: how late this program itself was, at the 95th percentile
