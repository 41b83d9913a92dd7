"""A sign-in at Open WebUI with mail and password, as the page does it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import aiohttp
from pydantic import SecretStr

from orchestrator.checks.rehearsal.stream import CONNECT, OK, refusal, silence
from orchestrator.checks.rehearsal.values import SignIn
from orchestrator.identity.accounts import Account

PATH = "/api/v1/auths/signin"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` is the session's; None: it was refused."""

    result: SignIn
    token: SecretStr | None


async def sign_in(session: aiohttp.ClientSession, url: str, person: str, account: Account, patience: float) -> SignedIn:
    """Never raises for what a server or the network does."""
    began = time.monotonic()
    form = {"email": account.email, "password": account.password.get_secret_value()}
    timeout = aiohttp.ClientTimeout(total=patience, sock_connect=CONNECT)
    token, error = None, None
    try:
        async with session.post(url + PATH, json=form, timeout=timeout, allow_redirects=False) as response:
            text = await response.text(errors="replace")
            token = _token(text) if response.status == OK else None
            if token is None:
                error = refusal(response.status, text)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        error = silence(problem, patience)
    return SignedIn(SignIn(person, time.monotonic() - began, error), token)


def _token(text: str) -> SecretStr | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    token = answer.get("token") if isinstance(answer, dict) else None
    return SecretStr(token) if isinstance(token, str) and token else None
