"""One thing that `provision` would do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """`what`: participant, archive, certificate, image, container, files, rules or webui; `host` None: on none."""

    action: str  # add, return, change, remove, make, create, recreate, start, choose, update
    what: str
    name: str
    host: str | None
    detail: str | None = None

    def __str__(self) -> str:
        place = f" on {self.host}" if self.host else ""
        return f"{self.action} {self.what} {self.name}{place}" + (f" ({self.detail})" if self.detail else "")
