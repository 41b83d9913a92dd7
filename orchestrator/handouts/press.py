"""Typst with the fonts that it may use: prints documents, and says whether a text comes out without empty boxes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.handouts.scripts import SHAPED, opentype_tags, script_of, scripts_in, usual_families

if TYPE_CHECKING:
    import typst

TEXT_FAMILY = "Libertinus Serif"
NO_GLYPH = "could not be displayed"  # what Typst says of a character without a glyph
_ARABIC_FAMILY = "DejaVu Sans Mono"  # inside typst itself, and joins Arabic letters as they must be
_REGULAR = 400
_PLAIN = 0x250  # below it everything is Latin, and Typst's own fonts have all of it


@dataclass(frozen=True)
class Press:
    """Typst's own fonts, those of a folder, and the system's."""

    folder: Path | None
    system_fonts: bool = True

    @cached_property
    def fonts(self) -> typst.Fonts:
        import typst

        paths = [self.folder] if self.folder else []
        return typst.Fonts(include_system_fonts=self.system_fonts, font_paths=paths)

    @cached_property
    def _found(self) -> tuple[typst.FontInfo, ...]:
        return tuple(self.fonts.fonts())

    def for_texts(self, texts: Iterable[str]) -> Press:
        """The same without the system's fonts where none of them can be needed: looking through them takes longest."""
        plain = all(ord(character) < _PLAIN for text in texts for character in text)
        return Press(self.folder, system_fonts=False) if plain else self

    def pdf(self, template: Path, inputs: Mapping[str, str]) -> bytes:
        """A document as PDF/A-2b: Typst refuses to write one in which any character has no glyph.

        Raises:
            typst.TypstError: that, or a mistake in the template.

        """
        import typst

        return typst.compile(
            template.read_bytes(), font_paths=self.fonts, sys_inputs=dict(inputs), pdf_standards="a-2b"
        )

    def prints(self, probe: Path, text: str, families: tuple[str, ...], *, fallback: bool = True) -> bool:
        """Whether every character of `text` has a glyph, in these families or (`fallback`) any other."""
        import typst

        question = {"text": text, "families": families, "fallback": fallback}
        try:
            self.pdf(probe, {"probe": json.dumps(question)})
        except typst.TypstError as error:
            if NO_GLYPH not in error.diagnostic:
                raise
            return False
        return True

    def families(self, text: str) -> tuple[str, ...]:
        """The families in which to set `text`, after the text family: the folder's, then its scripts' usual."""
        if all(ord(character) < _PLAIN for character in text):
            return ()
        used = scripts_in(text)
        known = {font.family for font in self._found}
        own = sorted({font.family for font in self._found if self._in_folder(font)})
        shaping = [font.family for script in used if script in SHAPED for font in self._shaping(script, text)[:1]]
        usual = [family for family in usual_families(used) if family in known]
        return tuple(dict.fromkeys([*shaping, *own, *usual]))

    def unshaped(self, text: str, probe: Path) -> str:
        """The characters of `text` whose script needs shaping for which no single font has glyphs and rules."""
        if all(ord(character) < _PLAIN for character in text):
            return ""
        lacking = [
            script
            for script in scripts_in(text)
            if script in SHAPED and not self._shaping(script, text) and not self._joins_arabic(script, text, probe)
        ]
        return "".join(character for character in text if script_of(character) in lacking)

    def _joins_arabic(self, script: str, text: str, probe: Path) -> bool:
        return script == "Arab" and self.prints(probe, _letters(text, script), (_ARABIC_FAMILY,), fallback=False)

    def _shaping(self, script: str, text: str) -> list[typst.FontInfo]:
        """The first font file that has the text's letters of the script and rules for it, as a list of one or none."""
        usual = usual_families((script,))
        upright = [font for font in self._found if font.path and font.style == "normal" and font.weight == _REGULAR]
        ranked = sorted(
            upright,
            key=lambda font: (
                not self._in_folder(font),
                usual.index(font.family) if font.family in usual else len(usual),
                font.family,
                font.path or "",
            ),
        )
        letters, tags = _letters(text, script), opentype_tags(script)
        return next(([font] for font in ranked if _shapes(font, letters, tags)), [])

    def _in_folder(self, font: typst.FontInfo) -> bool:
        return bool(self.folder and font.path and Path(font.path).resolve().is_relative_to(self.folder.resolve()))


def _letters(text: str, script: str) -> str:
    return "".join(character for character in text if script_of(character) == script)


def _shapes(font: typst.FontInfo, letters: str, tags: frozenset[str]) -> bool:
    path = font.path or ""
    return bool(tags & _scripts_shaped(path, font.index)) and _characters(path, font.index).issuperset(
        map(ord, letters)
    )


@cache
def _scripts_shaped(path: str, index: int) -> frozenset[str]:
    """The OpenType tags of the scripts that the font has substitution rules for."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, fontNumber=index, lazy=True) as file:
            rules = file["GSUB"].table.ScriptList if "GSUB" in file else None
            return frozenset(record.ScriptTag for record in rules.ScriptRecord) if rules else frozenset()
    except (TTLibError, OSError):
        return frozenset()


@cache
def _characters(path: str, index: int) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(path, fontNumber=index, lazy=True) as file:
        return frozenset(file.getBestCmap() or {})
