"""Secrets in the text of a workshop.yaml that can't be read as one: by references, and by the names before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.spec.secrets import SOUNDS_SECRET, may_be_secret, revealed
from orchestrator.spec.section import Section
from orchestrator.spec.values import SecretReference

REFERENCE = re.compile(r"\$\{(?:env|file):[^{}\n]+\}")
PAIR = re.compile(r"""([\w-]+)["']?[ \t]*:[ \t]+("[^"\n]*"|'[^'\n]*'|[^\s#,{}\[\]][^,}\]\n]*)""")


def written_secrets(text: str, folder: Path) -> Iterator[str]:
    for found in REFERENCE.findall(text):
        if reference := SecretReference.parse(found):
            yield from revealed(reference, folder)
    own = _names_of_no_secret()
    for name, given in PAIR.findall(text):
        value = given.split(" #")[0].strip().strip("\"'")
        if SOUNDS_SECRET.search(name) and name not in own and may_be_secret(value) and not _is_elsewhere(value, folder):
            yield value


def _is_elsewhere(value: str, folder: Path) -> bool:
    """It names where a secret is."""
    try:
        return value.startswith("${") or (folder / Path(value).expanduser()).exists()
    except (OSError, RuntimeError, ValueError):
        return False


def _names_of_no_secret() -> frozenset[str]:
    """Fields of the spec that only sound like one: tokens_per_minute, key of a certificate."""
    return frozenset(
        name
        for section in _sections(Section)
        for name, field in section.model_fields.items()
        if SecretReference.__name__ not in repr(field.annotation)
    )


def _sections(section: type[Section]) -> Iterator[type[Section]]:
    for one in section.__subclasses__():
        yield one
        yield from _sections(one)
