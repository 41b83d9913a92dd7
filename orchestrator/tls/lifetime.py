"""How long certificates last, and when new ones are made. Pure. Times are with their offset."""

from __future__ import annotations

from datetime import datetime, timedelta

AUTHORITY = timedelta(days=3 * 365)
LONGEST = timedelta(days=397)  # of a server's certificate: what browsers take
SLACK = timedelta(hours=1)  # for clocks that are behind
AFTER_CLASS = timedelta(days=30)  # for who looks at their chats later
LEAST = timedelta(days=1)  # a certificate must be good for


def needed_until(closes: datetime | None, now: datetime) -> datetime:
    """A certificate that ends before is made anew. `closes` None: the class is always open."""
    return max(closes, now + LEAST) if closes else now + AFTER_CLASS


def ends(closes: datetime | None, now: datetime) -> datetime:
    """When a new certificate ends."""
    return max(closes, now) + AFTER_CLASS if closes else now - SLACK + LONGEST
