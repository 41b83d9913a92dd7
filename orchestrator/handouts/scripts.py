"""Which script a text is written in, and which Debian package has a font for it. Pure."""

from __future__ import annotations

import unicodedata

from fontTools import unicodedata as scripts

EMOJI = "Zsye"  # ISO 15924; a character's own script is never this, so it stands for emoji here
# Letters of these join, stack or move: a font without rules for the script has every letter and still prints it wrong.
SHAPED = frozenset(
    (
        "Arab",
        "Bali",
        "Beng",
        "Cakm",
        "Deva",
        "Gujr",
        "Guru",
        "Java",
        "Khmr",
        "Knda",
        "Mlym",
        "Mong",
        "Mymr",
        "Nkoo",
        "Orya",
        "Sinh",
        "Sund",
        "Syrc",
        "Taml",
        "Telu",
        "Thaa",
        "Tibt",
    )
)
_NEUTRAL = frozenset({"Zyyy", "Zinh", "Zzzz"})
_EMOJI = (range(0x1F000, 0x20000), range(0x2600, 0x27C0), range(0xE0020, 0xE0080))
_KEYCAP = "\u20e3"
_HAN = frozenset({"Hani", "Hira", "Kana", "Hang", "Bopo"})
_EAST_ASIAN_FONTS = {"Hang": "KR", "Hira": "JP", "Kana": "JP", "Bopo": "TC", "Hani": "SC"}


def script_of(character: str) -> str:
    """The ISO 15924 code; `Zyyy` for what all scripts share, `Zsye` for emoji."""
    if character == _KEYCAP or any(ord(character) in block for block in _EMOJI):
        return EMOJI
    return str(scripts.script(character))


def scripts_in(text: str) -> tuple[str, ...]:
    """The scripts of a text in the order of their first letter, without those that all scripts share."""
    return tuple(dict.fromkeys(script for script in map(script_of, text) if script not in _NEUTRAL))


def script_name(script: str) -> str:
    """The English name, for a message."""
    if script == EMOJI:
        return "Emoji"
    return "symbols" if script in _NEUTRAL else str(scripts.script_name(script)).replace("_", " ")


def opentype_tags(script: str) -> frozenset[str]:
    """How a font's tables call the script."""
    return frozenset(scripts.ot_tags_from_script(script))


def usual_families(scripts_used: tuple[str, ...]) -> tuple[str, ...]:
    """Families to try first: Japanese, Korean and Chinese draw the same characters differently."""
    found = []
    for script, region in _EAST_ASIAN_FONTS.items():
        if script in scripts_used:
            found += [f"Noto Sans CJK {region}", f"Noto Serif CJK {region}"]
    found += [
        f"Noto {style} {script_name(script)}"
        for script in scripts_used
        if script not in _HAN | {EMOJI}
        for style in ("Sans", "Serif")
    ]
    if EMOJI in scripts_used:
        found.append("Noto Color Emoji")
    return tuple(found)


def debian_package(character: str) -> str | None:
    """The package whose fonts have this character; None where no font can be expected to."""
    if unicodedata.category(character) in {"Cn", "Co"}:
        return None
    script = script_of(character)
    if script == EMOJI:
        return "fonts-noto-color-emoji"
    return "fonts-noto-cjk" if script in _HAN else "fonts-noto-core"
