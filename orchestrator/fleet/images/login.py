"""The name and password of a registry: given with each pull, kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import SecretStr

from orchestrator.plan.images import DOCKER_HUB

_HUB_NAMES = {"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com", "hub.docker.com"}


@dataclass(frozen=True, slots=True)
class Login:
    """For one registry; `password` reads the secret when it is asked, and may raise UserError."""

    registry: str
    user: str
    password: Callable[[], SecretStr]

    def for_registry(self, host: str) -> dict[str, str] | None:
        """What the Docker SDK takes as `auth_config`; None: this login is for another registry."""
        mine = self.registry.partition("/")[0]
        if (DOCKER_HUB if mine in _HUB_NAMES else mine) != host:
            return None
        return {"username": self.user, "password": self.password().get_secret_value()}
