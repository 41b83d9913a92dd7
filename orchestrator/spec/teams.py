"""Whom a part of a workshop is for: teams by name, or everybody. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def given(teams: Sequence[str] | None) -> tuple[str, ...] | None:
    """As a value that can't change. None: everybody."""
    return None if teams is None else tuple(teams)


def are_open(teams: Sequence[str] | None, team: str | None) -> bool:
    """Whether a member of this team is among them; None: somebody without one."""
    return teams is None or (team is not None and team in teams)
