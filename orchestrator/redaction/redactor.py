"""Takes secrets out by value, and where it is asked for, others by their look, and people by their ids. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from orchestrator.redaction.looks import MARK, without_lookalikes
from orchestrator.redaction.spellings import KEY_BODY, folded, normalised, spellings
from orchestrator.redaction.values import Values

MAIL = "[mail]"
ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_KEY = re.compile(rf"[Ww][Ss]-(?:[0-9A-Za-z][- ]?){{{KEY_BODY - 1}}}[0-9A-Za-z]")


class Redactor:
    """Every secret becomes [secret], in whichever spelling it stands.

    `shortest`: characters of a secret; shorter ones stay, as they stand in every other word of a long text.
    `by_look`: what nobody knows goes, too, where it looks like a secret. `people` are names and mails, each with the id
    that takes its place, and other mails go; None: people stay. `kept` are domains whose mails stay.
    """

    def __init__(
        self,
        secrets: Iterable[str | SecretStr],
        *,
        shortest: int = 1,
        by_look: bool = False,
        people: Mapping[str, str] | None = None,
        kept: Iterable[str] = (),
    ) -> None:
        given = {one.get_secret_value() if isinstance(one, SecretStr) else one for one in secrets}
        self._keys = frozenset(filter(None, map(normalised, given)))
        values = {text for secret in given for text in spellings(secret) if len(text) >= shortest}
        self._secrets = Values((MARK, *values))  # it may stand there already, and holds the word "secret"
        self._by_look = by_look
        self._people = None if people is None else {folded(name): who for name, who in people.items() if len(name) > 1}
        self._names = Values((MARK, *(self._people or ())), words=True)
        self._kept = tuple(f"@{domain}" for domain in kept)

    def text(self, text: str) -> str:
        text = self._secrets.replaced(text, lambda _: MARK)
        text = _KEY.sub(lambda found: MARK if normalised(found[0]) in self._keys else found[0], text)
        if self._by_look:
            text = without_lookalikes(text)
        people = self._people
        if people is None:
            return text
        text = self._names.replaced(text, lambda found: people.get(found, found))
        return ADDRESS.sub(lambda found: found[0] if found[0].endswith(self._kept) else MAIL, text)

    def knows(self, text: str) -> bool:
        """Whether a known secret stands in it."""
        return any(value != MARK for _, value in self._secrets.found(text)) or any(
            normalised(found) in self._keys for found in _KEY.findall(text)
        )
