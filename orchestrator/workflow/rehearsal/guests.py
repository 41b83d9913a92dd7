"""Who comes to a rehearsal: simulated people, known to the running gateway and to Open WebUI while it lasts."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from orchestrator.checks.rehearsal.values import Guest
from orchestrator.fleet.gateway_admin import GatewayAdmin
from orchestrator.identity.identity import Identity
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.identity.participant import made_up_domain
from orchestrator.spec.models import Model
from orchestrator.webui.client import WebUI
from orchestrator.webui.guests import dismiss, receive

REVISION = 9007199254740991  # newer than any file: guests are in none
ACCOUNT_SECONDS = 120  # for making accounts: who has none by then goes over the gateway
AFTERWARDS = 30  # s that keys outlive the time limit, should nobody be left to take them back


def invited(people: int, models: Sequence[str], percent: int, identity: Identity) -> tuple[Guest, ...]:
    """So many people with keys and passwords of their own, spread over the models; `percent` of them over the page."""
    found = []
    for number in range(people):
        key, account = identity.guest(number + 1)
        over_page = over_the_page(number // len(models), percent)
        found.append(Guest(account.id, key, models[number % len(models)], account if over_page else None))
    return tuple(found)


def over_the_page(number: int, percent: int) -> bool:
    """Spread evenly: of the first N so many per cent, rounded up."""
    return -(-(number + 1) * percent // 100) > -(-number * percent // 100)


@contextmanager
def accounts(
    webui: WebUI | None, guests: tuple[Guest, ...], models: Mapping[str, Model], workshop: str, *, concurrency: int
) -> Iterator[tuple[Guest, ...]]:
    """The guests, those without an account over the gateway. `webui` speaks for the administrator; None: no page.

    What a rehearsal that was killed left there is removed first. On the way out all of them are removed.
    """
    if webui is None:
        yield tuple(replace(guest, account=None) for guest in guests)
        return
    dismiss(webui, made_up_domain(workshop), concurrency=concurrency)
    wanted = [
        replace(guest.account, team=next(iter(models[guest.model].teams or ()), None))
        for guest in guests
        if guest.account
    ]
    try:
        made = receive(webui, wanted, concurrency=concurrency, seconds=ACCOUNT_SECONDS)
        yield tuple(
            guest if guest.account and guest.account.email in made else replace(guest, account=None) for guest in guests
        )
    finally:
        dismiss(webui, made_up_domain(workshop), concurrency=concurrency)


@contextmanager
def admitted(
    gateway: GatewayAdmin, guests: Sequence[Guest], models: Sequence[str], limits: CallerLimits, seconds: float
) -> Iterator[None]:
    """The gateway knows them, for so many seconds at most; their counters begin and end at nothing."""
    counters = dict.fromkeys((guest.id for guest in guests), 0)
    try:
        gateway.post("/tokens", counters)
        gateway.post("/changes", welcome(guests, models, limits, seconds + AFTERWARDS))
        yield
    finally:
        gateway.post("/changes", farewell(guests, seconds + AFTERWARDS))
        gateway.post("/tokens", counters)


def welcome(guests: Sequence[Guest], models: Sequence[str], limits: CallerLimits, seconds: float) -> dict[str, Any]:
    """What POST /changes is told."""
    return {
        "revision": REVISION,
        "seconds": round(seconds),
        "keys": {fingerprint(guest.key): guest.id for guest in guests},
        "emails": {guest.account.email: guest.id for guest in guests if guest.account},
        "callers": {guest.id: caller(guest.id, models, limits) for guest in guests},
    }


def farewell(guests: Sequence[Guest], seconds: float) -> dict[str, Any]:
    """Nobody of them is known any more. It lasts as long as the welcome would have."""
    return {
        "revision": REVISION,
        "seconds": round(seconds),
        "keys": dict.fromkeys((fingerprint(guest.key) for guest in guests), None),
        "emails": {guest.account.email: None for guest in guests if guest.account},
        "callers": dict.fromkeys((guest.id for guest in guests), None),
    }


def caller(guest: str, models: Sequence[str], limits: CallerLimits) -> dict[str, Any]:
    """As policy.json has it. Exempt from the window: a rehearsal comes before the class."""
    return {
        "models": dict.fromkeys(models, True),
        "limits": asdict(limits),
        "exempt": True,
        "service": False,
        "minute_offset": zlib.crc32(guest.encode()) % 60,
    }
