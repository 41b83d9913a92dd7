"""By what a workshop's things at Open WebUI are told from everybody else's. Pure.

At a server of the workshop's own a mark says only that something is the workshop's. At one elsewhere the mark has the
workshop's name in it, and so has every name that others could have given too.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERYBODY = "workshop"  # the group for all, as `grants` are written; at the server it may be called otherwise
TEAM = "team:"
KEPT_BY = "Kept by the workshop"
OWN_BANNER_LETTERS = 12  # of the digest that ends the id of a banner


def team_group(team: str) -> str:
    return TEAM + team


@dataclass(frozen=True, slots=True)
class Marks:
    """`workshop` is its name where the server belongs to others; None: the server is the workshop's own."""

    workshop: str | None = None
    deployment: str = ""  # its id: somebody else's workshop may have the same name

    @property
    def elsewhere(self) -> bool:
        return self.workshop is not None

    @property
    def label(self) -> str:
        """Tag of the gateway's connection, key of marks in what has fields for them, group of everybody."""
        return EVERYBODY if self.workshop is None else f"workshop-{self.workshop}"

    def group(self, name: str) -> str:
        """What the server calls the group `workshop` or `team:NAME`. No workshop's name has a colon in it."""
        if self.workshop is None or name == EVERYBODY:
            return self.label if name == EVERYBODY else name
        return f"{self.label}:{name.removeprefix(TEAM)}"

    def is_team(self, group: str) -> bool:
        """Whether the server's group is, by its name, one of the workshop's teams."""
        return group.startswith(TEAM if self.workshop is None else f"{self.label}:")

    @property
    def kept(self) -> str:
        """What stands in a description of what is the workshop's."""
        whose = "" if self.workshop is None else f" {self.workshop} ({self.deployment[:8]})"
        return f"{KEPT_BY}{whose}: what is changed here by hand is put back."

    def is_of_another(self, description: str) -> bool:
        """Whether it says that another workshop keeps it."""
        return description.startswith(KEPT_BY) and description != self.kept

    def entry(self, model: str) -> str:
        """The id of a model in the menu: of several with one id, the server asks whichever it finds."""
        return model if self.workshop is None else f"{self.workshop}.{model}"

    def served(self, entry: str) -> str:
        """The same, as the gateway calls it."""
        return entry if self.workshop is None else entry.removeprefix(f"{self.workshop}.")

    def tool(self, server: str) -> str:
        """The id of a tool server: names of its tools begin with it, which models take letters, digits, - and _ for."""
        return server if self.workshop is None else f"{self.workshop}_{server}"

    def banner(self, digest: str) -> str:
        """The id of a banner."""
        return f"{self.label}{'-' if self.workshop is None else ':'}{digest[:OWN_BANNER_LETTERS]}"

    def is_banner(self, identity: str) -> bool:
        """Of another workshop at the same server the id has a colon."""
        if self.workshop is None:
            return identity.startswith(f"{self.label}-") and ":" not in identity
        return identity.startswith(f"{self.label}:")
