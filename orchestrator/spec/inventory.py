"""The section that names an Ansible inventory."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from orchestrator.spec.hosts import Role
from orchestrator.spec.section import Section
from orchestrator.spec.values import EnvironmentName, EnvironmentValue, RelativePath, printable


def _pattern(text: str) -> str:
    if text.startswith("@"):
        raise PydanticCustomError("pattern", "expected a host pattern: names of hosts or groups")
    return printable(text)


HostPattern = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_pattern)]


class Inventory(Section):
    """Hosts from an Ansible inventory, beside those of `hosts`. A path alone will do."""

    path: RelativePath
    """INI, YAML, a plugin's configuration, an executable file, or a folder with these."""
    limit: HostPattern | None = None
    """Only these of its hosts, as `ansible-playbook --limit`; absent: all."""
    roles: dict[HostPattern, Annotated[list[Role], Field(min_length=1)]] = {}
    """Which hosts have which roles, by group, host or pattern (`gpu:!gpu-3`); absent: groups named after the roles."""
    labels: list[EnvironmentName] = []
    """Host variables whose values are labels, beside `workshop_labels`."""
    environment: dict[EnvironmentName, EnvironmentValue] = {}
    """Variables for its programs and plugins; no others of yours reach them. A value may be a secret's reference."""
    seconds: Annotated[int, Field(ge=1, le=600)] = 60
    """How long reading it may take."""


def _path_alone(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


InventoryChoice = Annotated[Inventory, BeforeValidator(_path_alone, json_schema_input_type=str | Inventory)]
