"""Finds thousands of known values in megabytes of text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from orchestrator.redaction.spellings import folded

HEAD = 5  # characters by which values are looked up


class Values:
    """Capitals and small letters are not told apart. `words`: only where no letter or digit stands beside one."""

    def __init__(self, values: Iterable[str], *, words: bool = False) -> None:
        known = {folded(value) for value in values if value}
        self._words = words
        self._head = min((HEAD, *map(len, known)))
        self._by_head: dict[str, list[str]] = {}
        for value in sorted(known, key=len, reverse=True):  # the longest first, so that no rest of one is left
            self._by_head.setdefault(value[: self._head], []).append(value)

    def found(self, text: str) -> Iterator[tuple[int, str]]:
        """Where each begins, and in small letters which; none within another."""
        text, head, by_head = folded(text), self._head, self._by_head
        end = 0
        for at in [at for at in range(len(text) - head + 1) if text[at : at + head] in by_head]:
            if at < end:
                continue
            for value in by_head[text[at : at + head]]:
                if text.startswith(value, at) and (not self._words or _is_alone(text, at, at + len(value))):
                    end = at + len(value)
                    yield at, value
                    break

    def replaced(self, text: str, instead: Callable[[str], str]) -> str:
        parts, end = list[str](), 0
        for at, value in self.found(text):
            parts += (text[end:at], instead(value))
            end = at + len(value)
        return "".join((*parts, text[end:]))


def _is_alone(text: str, begin: int, end: int) -> bool:
    return not (_is_of_a_word(text[begin - 1 : begin]) or _is_of_a_word(text[end : end + 1]))


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"
