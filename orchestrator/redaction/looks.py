"""What secrets look like, for those that nobody knows by value. Pure."""

from __future__ import annotations

import re
from functools import cache

MARK = "[secret]"
PASSWORD_WORDS = 5  # of the program's own passwords: see identity/keys.py

# A reference to a secret is none, and neither is what was taken out before.
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
            r"""((?:api[_-]?key|token|passw(?:or)?d|passphrase|secret)["']?\s*[:=]\s*)"""
            rf"""(?!["']?{re.escape(MARK)})(?!["']?\$\{{)(?!["']?(?:null|None|true|false|\d{{1,7}})\b)"""
            r"""("[^"\n]+"|'[^'\n]+'|[^\s"',;}\]]+)""",
            re.IGNORECASE,
        ),
        rf"\1{MARK}",
    ),
)
_HYPHENED = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z]{{3,8}}(?:-[A-Za-z]{{3,8}}){{{PASSWORD_WORDS - 1},}}(?![A-Za-z0-9])")


def without_lookalikes(text: str) -> str:
    for pattern, instead in PATTERNS:
        text = pattern.sub(instead, text)
    return _HYPHENED.sub(lambda found: _without_passwords(found[0].split("-")), text)


def _without_passwords(words: list[str]) -> str:
    """Of words joined by hyphens, without five in a row that are all in the list which passwords are made from."""
    listed, kept, at = _listed(), list[str](), 0
    while at < len(words):
        some = words[at : at + PASSWORD_WORDS]
        if len(some) == PASSWORD_WORDS and all(word.lower() in listed for word in some):
            kept.append(MARK)
            at += PASSWORD_WORDS
        else:
            kept.append(words[at])
            at += 1
    return "-".join(kept)


@cache
def _listed() -> frozenset[str]:
    from mnemonic import Mnemonic

    return frozenset(Mnemonic("english").wordlist)
