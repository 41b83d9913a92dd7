"""Names of files in an archive, from names that people chose: safe on every system, each once in its folder. Pure."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

LONGEST = 100  # bytes of one part: short enough for every file system, with a number behind it
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')  # on some system
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # names that Windows keeps
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # among them what a terminal obeys, and what turns text around


def safe(text: str, fallback: str) -> str:
    """One part of a path; `fallback` where nothing of the text can be kept."""
    plain = _FORBIDDEN.sub("_", shown(text)).strip(" .")
    if not plain.strip("_"):
        return fallback
    return _shortened(f"_{plain}" if _DEVICES.fullmatch(plain) else plain)


def shown(text: str) -> str:
    """The same on one line of a terminal, which finds nothing in it to obey."""
    whole = unicodedata.normalize("NFC", text)
    seen = "".join(" " if unicodedata.category(letter) in _UNSEEN else letter for letter in whole)
    return re.sub(r"\s+", " ", seen).strip()


def _shortened(name: str) -> str:
    """At a letter's end, with what stands behind its last dot."""
    if len(name.encode()) <= LONGEST:
        return name
    ending = PurePosixPath(name).suffix
    if len(ending.encode()) > LONGEST // 4:
        ending = ""
    rest = name.removesuffix(ending).encode()[: LONGEST - len(ending.encode())]
    return rest.decode(errors="ignore").rstrip(" .") + ending


class Names:
    """What is taken in each folder. Small and capital letters are the same, as on some systems."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, folder: str, name: str) -> str:
        """The path of a new file or folder: numbered, where this one is taken."""
        stem, ending = PurePosixPath(name).stem, PurePosixPath(name).suffix
        path, number = f"{folder}/{name}", 1
        while _folded(path) in self._taken:
            number += 1
            path = f"{folder}/{stem} ({number}){ending}"
        self._taken.add(_folded(path))
        return path


def _folded(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()
