"""Where the versions of Open WebUI differ, from the oldest that is spoken to on. Nothing else asks which one it is.

Found in the sources of 0.8.12, 0.9.0, 0.9.6, 0.10.2, 0.11.4 and 0.12.4, and by asking the oldest all that
tests/stack/webui asks the newest. What only adds fields needs nothing here: forms are read, changed where a field
exists, and written back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

Numbers = tuple[int, int, int]

OLDEST: Numbers = (0, 8, 12)
# Published holes of older ones: a link in a shared chat takes over who clicks on it (CVE-2026-109288).
WITHOUT_KNOWN_HOLES: Numbers = (0, 11, 4)
# Before: anybody with an account continues other people's chats, whose ids they know (CVE-2026-45349).
CHATS_ARE_CLOSED: Numbers = (0, 9, 0)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a version can do that an older one can't."""

    version: Numbers

    @classmethod
    def of(cls, version: str) -> Self | None:
        """From what the server calls itself, such as `0.12.4` or `v0.13.0-dev`; None where that is no version."""
        numbers = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
        return cls((int(numbers[1]), int(numbers[2]), int(numbers[3]))) if numbers else None

    @property
    def is_spoken_to(self) -> bool:
        return self.version >= OLDEST

    @property
    def changes_single_fields(self) -> bool:
        """Of an account; before, a change must contain all of them, the picture too."""
        return self.version >= (0, 9, 0)

    @property
    def names_the_asker(self) -> bool:
        """Puts the mail where a connection's header says {{USER_EMAIL}}; before, the header is sent as it stands."""
        return self.version >= (0, 9, 6)

    @property
    def answers_about_retrieval(self) -> bool:
        """To new settings of it; before, it may take them and then fail over its answer, with 500."""
        return self.version >= (0, 9, 0)

    @property
    def administrators_read_chats(self) -> bool:
        """Of others, by their ids; before, only as if they were shared."""
        return self.version >= (0, 9, 0)

    @property
    def closes_ollama_models(self) -> bool:
        """On Ollama's own routes too; before, these ask any model of any connection for whoever has an account."""
        return self.version >= (0, 9, 0)

    @property
    def lists_anew(self) -> bool:
        """Asks its connections when told to refresh; before, what they said in the last second is as good."""
        return self.version >= (0, 11, 4)

    @property
    def has_its_own_suggestions_back(self) -> bool:
        """`null` for the list of suggested questions means its own; before, there is no way back to them."""
        return self.version >= (0, 11, 0)

    def warnings(self) -> Iterator[str]:
        """What the instructor should know of this version; nothing, if it is new."""
        name = text(self.version)
        if self.version < CHATS_ARE_CLOSED:
            yield f"version {name} lets whoever has an account into chats and collections of others: take a newer one"
        elif self.version < WITHOUT_KNOWN_HOLES:
            yield f"version {name} has published holes that {text(WITHOUT_KNOWN_HOLES)} has not: take a newer one"
        if not self.names_the_asker:
            yield (
                f"version {name} names the asker to the gateway only if it was started with "
                "ENABLE_FORWARD_USER_INFO_HEADERS=true; without it the gateway refuses its questions"
            )


def text(version: Numbers) -> str:
    """As one writes it."""
    return ".".join(map(str, version))
