"""What a host of an inventory may not ask for: passwords, unchecked host keys, other ways than SSH and sudo. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.errors import UserError, Where
from orchestrator.inventory.found import FoundHost, Value

CODE = "inventory_host"
HOST_KEYS = ("ansible_host_key_checking", "ansible_ssh_host_key_checking")
FOR_SUDO = {"ansible_become_method": "sudo", "ansible_become_user": "root"}
ONLY = {"ansible_shell_type": "sh", **FOR_SUDO}
SUDO_PASSWORDS = ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass")
PASSWORDS = (
    *SUDO_PASSWORDS,
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_ssh_private_key",
    "ansible_ssh_private_key_passphrase",
)
YES, NO = {"yes", "true", "on", "y", "t", "1"}, {"no", "false", "off", "n", "f", "0"}


def refusals(host: FoundHost, values: Mapping[str, Value], *, become: bool) -> Iterator[UserError]:
    """Of a host over SSH. `become`: it uses sudo; without, sudo's settings are of no matter."""
    for variable in HOST_KEYS:
        value = values.get(variable)
        if value and switch(value.value) is False:
            hint = "Take it out, and give known_hosts or workshop_host_key"
            yield _refusal(value.where, f"{variable}: the check of host keys is never switched off", hint)
    for variable, only in ONLY.items():
        value = values.get(variable)
        said = str(value.value).removeprefix("ansible.builtin.") if value else only
        if value and said != only and (become or variable not in FOR_SUDO):
            yield _refusal(value.where, f"{variable}: only {only} will do, not {said!r}")
    for variable, where in host.passwords.items():
        if become or variable not in SUDO_PASSWORDS:
            who = "sudo without a password" if variable in SUDO_PASSWORDS else "a key that opens it"
            hint = f"Give it {who}, and set {variable} to nothing for it"
            yield _refusal(where, f"{variable} is set: no passwords or keys are taken from an inventory", hint)


def switch(value: object) -> bool | None:
    """As Ansible reads it; None: neither."""
    text = str(value).lower()
    return True if text in YES else False if text in NO else None


def _refusal(where: Where, message: str, hint: str | None = None) -> UserError:
    return UserError(CODE, message, where=where, hint=hint)
