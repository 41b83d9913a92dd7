"""GGUF files in several parts: NAME-00001-of-00003.gguf, as llama.cpp's gguf-split names them."""

from __future__ import annotations

import re

PART = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$")
FIRST = "00001"
MOST = 999  # parts


def parts_of(source: str) -> tuple[str, ...]:
    """All files of this one, itself first where it is the first; one where it is whole."""
    found = PART.match(source)
    if found is None or not 0 < int(found["count"]) <= MOST:
        return (source,)
    return tuple(f"{found['stem']}-{n:05}-of-{found['count']}.gguf" for n in range(1, int(found["count"]) + 1))


def is_later_part(source: str) -> bool:
    """llama.cpp is started with the first one and finds the others."""
    found = PART.match(source)
    return found is not None and found["number"] != FIRST


def stem_of(source: str) -> str:
    """What all parts have in common; of a whole file, itself."""
    found = PART.match(source)
    return f"{found['stem']}-of-{found['count']}" if found else source


def is_gguf(source: str) -> bool:
    """Whether llama.cpp can load this source: a GGUF file in a repository, at a URL, or on the host."""
    return source.endswith(".gguf") and (source.startswith(("/", "https://", "http://")) or source.count("/") > 1)
