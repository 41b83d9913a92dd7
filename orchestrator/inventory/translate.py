"""A host of an inventory in the spec's words: Ansible's connection variables, and workshop_FIELD for the rest. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import UserError, Where
from orchestrator.inventory.found import FoundHost, Value
from orchestrator.inventory.refused import CODE, HOST_KEYS, ONLY, refusals, switch
from orchestrator.inventory.ssh_arguments import RefusedArgumentError, SshArguments, read_ssh_arguments
from orchestrator.spelling import did_you_mean, nearest

OWN = "workshop_"
CONNECTION = "ansible_connection"
LOCAL, SSH = "localhost", "ssh"
PLAIN = {  # field: what Ansible calls it, the first that is there counts
    "address": ("ansible_host", "ansible_ssh_host"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "key": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    "become": ("ansible_become",),
}
SSH_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
VARIABLES = (*(n for names in PLAIN.values() for n in names), CONNECTION, *SSH_ARGUMENTS, *HOST_KEYS, *ONLY)
BY_SSH = {"ssh", "smart", "paramiko", "paramiko_ssh"}
NUMBERS, SWITCHES, LISTS = {"port", "edge_port"}, {"become", "bootstrap"}, {"labels", "roles"}
_NAME = re.compile(r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")


@dataclass(slots=True)
class Translated:
    """`section` as it would stand below hosts:, and which variable each field comes from."""

    host: FoundHost
    section: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, tuple[str, Where]] = field(default_factory=dict)
    problems: list[UserError] = field(default_factory=list)

    def give(self, name: str, variable: str, value: object, where: Where) -> None:
        """The first one that gives a field counts."""
        if name not in self.section:
            self.section[name], self.origins[name] = value, (variable, where)

    def refuse(self, where: Where, message: str, hint: str | None = None) -> None:
        self.problems.append(UserError(CODE, message, where=where, hint=hint))


def own_variables(fields: Collection[str]) -> tuple[str, ...]:
    """A variable for each field of a host of the spec."""
    return tuple(f"{OWN}{name}" for name in fields)


def translate(host: FoundHost, fields: Collection[str], labels: Sequence[str] = ()) -> Translated:
    """`labels`: variables whose values are labels, too."""
    done = Translated(host)
    for variable, value in host.values.items():
        if value.problem:
            done.refuse(value.where, f"{variable}: {value.problem}")
    values = {variable: value for variable, value in host.values.items() if not value.problem and _says(value)}
    _own(done, values, fields)
    way = _way(done, values)
    if way == LOCAL:
        done.section["address"] = LOCAL
        done.origins.setdefault("address", (CONNECTION, host.where))
    elif way == SSH:
        _connection(done, values)
    _more_labels(done, values, labels)
    if host.roles:
        done.give("roles", "the roles of its groups", list(host.roles), host.where)
    if "name" not in done.section:
        _name(done)
    return done


def _says(value: Value) -> bool:
    return value.value is not None and value.value != ""


def _own(done: Translated, values: Mapping[str, Value], fields: Collection[str]) -> None:
    for name in fields:
        if value := values.get(f"{OWN}{name}"):
            done.give(name, f"{OWN}{name}", _fitting(name, value.value), value.where)
    known = own_variables(fields)
    for variable in done.host.own:  # others may be for the user's own playbooks
        if variable not in known and (meant := nearest(variable.removeprefix(OWN), fields)):
            done.refuse(done.host.where, f"there is no variable {variable}", did_you_mean(f"{OWN}{meant}"))


def _way(done: Translated, values: Mapping[str, Value]) -> str | None:
    """Whether it is this machine, or reached over SSH; refuses what is neither."""
    value = values.get(CONNECTION)
    kind = str(value.value).removeprefix("ansible.builtin.") if value else "smart"
    if value and kind not in {*BY_SSH, "local"}:
        message = f"{CONNECTION}: hosts are reached over SSH, or are this machine (local); {kind!r} is neither"
        done.refuse(value.where, message, "Leave it out with inventory.limit")
        return None
    return LOCAL if kind == "local" or done.section.get("address") == LOCAL else SSH


def _connection(done: Translated, values: Mapping[str, Value]) -> None:
    for name, variables in PLAIN.items():
        for variable in variables:
            if value := values.get(variable):
                done.give(name, variable, _fitting(name, value.value), value.where)
    for variable in SSH_ARGUMENTS:
        if value := values.get(variable):
            _ssh_arguments(done, variable, value)
    done.give("address", "its name", done.host.name, done.host.where)
    done.problems += refusals(done.host, values, become=bool(done.section.get("become")))


def _ssh_arguments(done: Translated, variable: str, value: Value) -> None:
    try:
        found = read_ssh_arguments(str(value.value))
    except RefusedArgumentError as refused:
        done.refuse(value.where, f"{variable}: {refused}", refused.hint)
        return
    for name in SshArguments.__slots__:
        given = getattr(found, name)
        if given is not None:
            done.give(name, variable, _fitting(name, given), value.where)


def _more_labels(done: Translated, values: Mapping[str, Value], labels: Sequence[str]) -> None:
    for variable in labels:
        if value := values.get(variable):
            more = value.value if isinstance(value.value, list) else [str(value.value)]
            so_far = done.section.get("labels", [])
            done.give("labels", variable, [], value.where)
            if isinstance(so_far, list):
                done.section["labels"] = list(dict.fromkeys([*so_far, *more]))


def _name(done: Translated) -> None:
    """Inventories name hosts by their DNS names, mostly: the first part of it, unless that is a number."""
    full = done.host.name
    short = full if _is_number(full) else full.partition(".")[0].lower()
    if _NAME.match(short):
        done.give("name", "its name", short, done.host.where)
        return
    message = f"{full!r} can't be a host's name here (lower-case letters, digits and hyphens, a letter first)"
    done.refuse(done.host.where, message, f"Give it one in the inventory: {OWN}name=NAME")


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _fitting(name: str, value: Any) -> Any:
    """INI knows text only, and people write lists with commas there."""
    if name in NUMBERS and isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if name in SWITCHES:
        read = switch(value)
        return value if read is None else read
    if name in LISTS and isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if name == "gpus" and isinstance(value, int) and not isinstance(value, bool):
        return {"count": value}
    return value
