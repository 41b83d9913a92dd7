"""Takes secrets and people out of text: by value where they are known, by their look where they are not. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

SHORTEST = 5  # characters; anything shorter stands in every other word
MARK = "[secret]"
MAIL = "[mail]"

# What secrets look like. A reference to one is none.
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        MARK,
    ),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1 {MARK}"),
    (re.compile(r"(://)[^/\s:@\"']*:[^/\s@\"']+@"), rf"\1{MARK}@"),
    (re.compile(r"\bws-[0-9A-Za-z]{4}(?:-?[0-9A-Za-z]){16,}\b", re.IGNORECASE), MARK),
    (re.compile(r"\b(?:sk|pk|rk|gsk|xai|pplx)[-_][A-Za-z0-9_-]{12,}"), MARK),
    (re.compile(r"\b(?:hf|ghp|gho|ghs|glpat|github_pat|dckr_pat)[-_][A-Za-z0-9_-]{8,}"), MARK),
    (re.compile(r"\b(?:AIza|AKIA)[A-Za-z0-9_-]{12,}"), MARK),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), MARK),
    (
        re.compile(
            r"""([\w-]*(?:api[_-]?key|token|passw(?:or)?d|passphrase|secret)["']?\s*[:=]\s*)"""
            r"""(?!["']?\$\{)(?!["']?(?:null|None|true|false|\d{1,7})\b)("[^"\n]+"|'[^'\n]+'|[^\s"',;}\]]+)""",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
)
ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")


class Redactor:
    """`people` are names and mails, each with the id that takes its place; `kept` are domains whose mails stay."""

    def __init__(self, secrets: Iterable[str], people: Mapping[str, str] | None, kept: Iterable[str] = ()) -> None:
        values = {spelling for secret in secrets for spelling in spellings(secret)}
        self._secrets = _alternatives(value for value in values if len(value) >= SHORTEST)
        self._people = None if people is None else {name.lower(): who for name, who in people.items() if len(name) > 1}
        self._names = _alternatives(self._people or (), words=True)
        self._kept = tuple(f"@{domain}" for domain in kept)

    def text(self, text: str) -> str:
        if self._secrets:
            text = self._secrets.sub(MARK, text)
        for pattern, instead in PATTERNS:
            text = pattern.sub(instead, text)
        people = self._people
        if people is None:
            return text
        if self._names:
            text = self._names.sub(lambda found: people[found[0].lower()], text)
        return ADDRESS.sub(lambda found: found[0] if found[0].endswith(self._kept) else MAIL, text)

    def knows(self, text: str) -> bool:
        """Whether a known secret stands in it."""
        return bool(self._secrets and self._secrets.search(text))


def spellings(secret: str) -> set[str]:
    """As it may stand in a log, a URL, JSON, or a header; of several lines each."""
    lines = {line.strip() for line in secret.splitlines() if line.strip()}
    found = {secret.strip(), *(line for line in lines if len(line) > SHORTEST * 2)}
    found |= {one.replace("-", "") for one in found if one.startswith("ws-")}
    for one in set(found):
        found |= {quote(one, safe=""), json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1]}
        found.add(base64.b64encode(one.encode()).decode())
    return {one for one in found if one}


def _alternatives(values: Iterable[str], *, words: bool = False) -> re.Pattern[str] | None:
    """The longest first, so that no rest of one is left."""
    ordered = sorted(set(values), key=len, reverse=True)
    if not ordered:
        return None
    joined = "|".join(map(re.escape, ordered))
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE) if words else re.compile(joined)
