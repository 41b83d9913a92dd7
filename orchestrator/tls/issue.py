"""Which authority and certificate a workshop should have, given those that it has. Pure, but for randomness."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestrator.tls.lifetime import AUTHORITY, LONGEST, SLACK, ends, needed_until
from orchestrator.tls.names import Names, alternatives_of, permits
from orchestrator.tls.pair import Pair, make_authority, make_server


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate must stand for, and until when it must."""

    workshop: str
    names: Names
    closes: datetime | None  # with an offset; None: always open
    now: datetime  # with an offset

    @property
    def needed_until(self) -> datetime:
        """A certificate that ends before is made anew."""
        return needed_until(self.closes, self.now)

    @property
    def ends(self) -> datetime:
        """When a new one ends: no later than browsers take it."""
        return min(self.now - SLACK + LONGEST, ends(self.closes, self.now))

    @property
    def is_possible(self) -> bool:
        """Whether one certificate can last that long."""
        return self.needed_until <= self.ends


@dataclass(frozen=True, slots=True)
class Issued:
    """An authority and its server's certificate; what was wrong with the ones before, where they are new."""

    authority: Pair
    server: Pair
    new_authority: str | None  # why, in words
    new_server: str | None

    @property
    def is_new(self) -> bool:
        return bool(self.new_authority or self.new_server)


def issue(wanted: Wanted, authority: Pair | None, server: Pair | None) -> Issued:
    """Those that are there, as long as they serve; else new ones."""
    new_authority = _wrong_authority(wanted, authority)
    if authority is None or new_authority:
        authority = make_authority(wanted.workshop, wanted.names, wanted.now - SLACK, wanted.now + AUTHORITY)
    new_server = _wrong_server(wanted, authority, server)
    if server is None or new_server:
        until = min(wanted.ends, authority.certificate.not_valid_after_utc)
        server = make_server(wanted.workshop, wanted.names, authority, wanted.now - SLACK, until)
    return Issued(authority, server, new_authority, new_server)


def _wrong_authority(wanted: Wanted, authority: Pair | None) -> str | None:
    if authority is None:
        return "there is none yet"
    if not permits(authority.certificate, wanted.names):
        return "the one before may not sign for this address"
    if authority.certificate.not_valid_after_utc < wanted.needed_until:
        return "the one before ends too soon"
    return None


def _wrong_server(wanted: Wanted, authority: Pair, server: Pair | None) -> str | None:
    if server is None:
        return "there is none yet"
    if not authority.signed(server.certificate):
        return "the one before is another authority's"
    if alternatives_of(server.certificate) != set(wanted.names.alternatives):
        return "the one before is for other addresses"
    if server.certificate.not_valid_after_utc < wanted.needed_until:
        return "the one before ends too soon"
    return None
