"""Whether files are the weights that their names promise, by their first bytes.

Formats: GGUF (github.com/ggml-org/ggml/blob/master/docs/gguf.md) begins with its name; safetensors
(github.com/huggingface/safetensors) with the length of its header in eight bytes, least first, and the header in JSON.
The container that fetches has this file too.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

POINTER = b"version https://git-lfs.github.com/spec/"
PAGE = re.compile(rb"\s*<(!doctype|html|head|\?xml)", re.IGNORECASE)
FIRST = 512  # bytes that tell a web page
MOST_HEADER = 100_000_000  # bytes, as the format's own library has it
LENGTH = 8


def wrong_form(path: Path) -> str | None:
    """What is wrong with a file of weights, in words; None: nothing, or the name promises nothing.

    Raises OSError where it can't be read.
    """
    if not path.name.endswith((".gguf", ".safetensors")):
        return None
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(FIRST)
        if first.startswith(POINTER):
            return "a Git LFS pointer, not the weights that it points to (git lfs pull gets them)"
        if PAGE.match(first):
            return "a web page, not weights"
        if path.name.endswith(".gguf"):
            return None if first.startswith(b"GGUF") else f"no GGUF file: it begins with {first[:8]!r}"
        length = int.from_bytes(first[:LENGTH], "little")
        if size < LENGTH or length > min(MOST_HEADER, size - LENGTH) or first[LENGTH : LENGTH + 1] != b"{":
            return f"no safetensors file: it begins with {first[:8]!r}"
        file.seek(LENGTH)
        return _cut_off(file.read(length), size - LENGTH - length)


def _cut_off(header: bytes, there: int) -> str | None:
    try:
        ends = [entry["data_offsets"][1] for name, entry in json.loads(header).items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return "no safetensors file: its header can't be read"
    promised = max(ends, default=0)
    return None if promised == there else f"{there} bytes of weights where its header promises {promised}"


def lacking(question: Any) -> Any:
    """Of `sources`, each a folder or the files of a model (`paths`), with what a container is given (`mounts`).

    Answers for each what is wrong, as (level, words). `unknown`: whoever asks may not look; Docker's engine may.
    """
    return [list(_looked_at([*map(Path, one["paths"])], [*map(Path, one["mounts"])])) for one in question["sources"]]


def _looked_at(paths: Any, mounts: Any) -> Any:
    try:
        for why in _lacks(paths, mounts):
            yield "problem", why
    except OSError as problem:
        yield "unknown", f"{problem.filename or paths[0]} can't be looked at: {problem.strerror}"


def _lacks(paths: Any, mounts: Any) -> Any:
    missing = [place for place in (*paths, *mounts) if not place.exists()]
    if missing:
        yield f"{missing[0]} is a link that leads nowhere" if missing[0].is_symlink() else f"{missing[0]} is not there"
        return
    files = sorted(paths[0].iterdir()) if paths[0].is_dir() else paths
    if not files:
        yield f"{paths[0]} is empty"
    for file in files:
        target = file.resolve()
        if file not in mounts and not any(place.resolve() in (target, *target.parents) for place in mounts):
            yield f"{file} leads to {target}, which is not below {mounts[0]}: a container would not have it"
        elif not file.exists():
            yield f"{file} is a link that leads nowhere"
        elif file.is_file():
            why = wrong_form(file)
            if why:
                yield f"{file} is {why}"
