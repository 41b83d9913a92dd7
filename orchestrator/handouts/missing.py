"""The message for letters that no font has: whose, which script, which package. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UserError
from orchestrator.handouts.scripts import debian_package, script_name, script_of

_NAMED = 5  # people; more make the line unreadable


@dataclass(frozen=True, slots=True)
class Lacking:
    """A text with characters that can't be printed."""

    owner: str
    text: str
    characters: str


def font_missing(lacking: Sequence[Lacking], folder: Path | None) -> UserError:
    """What can't be printed, and the way out that the machine's administrator can take."""
    owners = list(dict.fromkeys(one.owner for one in lacking))
    others = f" and {len(owners) - _NAMED} more" if len(owners) > _NAMED else ""
    characters = list(dict.fromkeys(character for one in lacking for character in one.characters))
    names = ", ".join(dict.fromkeys(script_name(script_of(character)) for character in characters))
    points = ", ".join(f"U+{ord(character):04X}" for character in characters[:_NAMED])
    packages = sorted({package for character in characters if (package := debian_package(character))})
    where = f"the folder of handouts.fonts ({folder})" if folder else "a folder that handouts.fonts names"
    install = f"Install {' '.join(packages)} (apt install), or put" if packages else "Correct the text, or put"
    return UserError(
        "font_missing",
        f"no font here prints {names} ({points}) for {', '.join(owners[:_NAMED])}{others}",
        hint=f"{install} a font that has these letters into {where}",
    )
