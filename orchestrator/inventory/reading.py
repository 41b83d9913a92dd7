"""Reads an inventory through Ansible, in a process of its own with a scrubbed environment and a limited time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.ansible_process import ending_with_this_process, scrubbed_environment
from orchestrator.errors import UserError, Where
from orchestrator.inventory import sources
from orchestrator.inventory.found import Asked, FoundHost, Reading, Unread, Value
from orchestrator.private_folder import INVENTORY, PrivateFolder
from orchestrator.redaction.redactor import Redactor

PROGRAM = Path(__file__).with_name("ask.py")
COLLECTIONS = (Path("~/.ansible/collections"), Path("/usr/share/ansible/collections"))  # Ansible's own places
UNREADABLE, FAILED, SLOW = "inventory_unreadable", "inventory_failed", "inventory_slow"
ALWAYS = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", "ANSIBLE_INVENTORY_CACHE": "0"}
BROKEN = {
    "vaulted": "it is encrypted with Ansible Vault, and its password is not asked for",
    "template": "its template cannot be worked out",
}


def read_inventory(asked: Asked, variables: Sequence[str], passwords: Sequence[str]) -> Reading | Unread:
    """Raises UserError `inventory_unreadable`, `inventory_failed`, `inventory_slow`."""
    _require_readable(asked)
    if not asked.programs and (why := sources.runs(asked.path)):
        return Unread(why)
    told = _ask(asked, [*variables, *asked.labels], passwords)
    if "failure" in told:
        raise _failed(asked, told["failure"])
    if told["lookups"] and not asked.programs:
        return Unread("a value is looked up elsewhere")
    hosts = tuple(_host(asked, one) for one in told["hosts"])
    return Reading(hosts, tuple(told["empty"]), tuple(told["groups"]), told["any"])


def _require_readable(asked: Asked) -> None:
    try:
        if asked.path.is_dir():
            os.listdir(asked.path)  # noqa: PTH208 - raises at once
        else:
            asked.path.open("rb").close()
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        message = f"cannot read the inventory {asked.path}: {reason}"
        raise UserError(UNREADABLE, message, where=asked.named_at) from None
    for file in sources.files_of(asked.path):
        if sources.is_program_without_permission(file):
            message = "begins with #! as a program, and may not be executed"
            raise UserError(UNREADABLE, message, where=Where(file=file, line=1), hint=f"chmod +x {file}")


def _ask(asked: Asked, variables: Sequence[str], passwords: Sequence[str]) -> dict[str, Any]:
    question = {
        "path": str(asked.path),
        "limit": asked.limit,
        "roles": list(asked.roles),
        "by_name": asked.by_name,
        "variables": list(variables),
        "passwords": list(passwords),
        "programs": asked.programs,
    }
    private = PrivateFolder(INVENTORY)
    try:
        with subprocess.Popen(
            [*ending_with_this_process(), sys.executable, "-I", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # may repeat what programs know
            cwd=asked.folder,
            env=_environment(asked, private.path),
            start_new_session=True,
        ) as process:
            try:
                answer, _ = process.communicate(json.dumps(question).encode(), timeout=asked.seconds)
            except subprocess.TimeoutExpired:
                message = f"gave no answer within {asked.seconds:g} s"
                hint = "Run it by hand to see why; inventory.seconds gives it more time"
                raise UserError(SLOW, message, where=Where(file=asked.path), hint=hint) from None
            finally:
                with suppress(ProcessLookupError, PermissionError):  # programs that it started, too
                    os.killpg(process.pid, signal.SIGKILL)
        return dict(json.loads(answer))
    except ValueError:
        message = f"Ansible ended with {process.returncode} and gave no answer"
        raise UserError(FAILED, message, where=Where(file=asked.path)) from None
    finally:
        private.remove()


def _environment(asked: Asked, private: Path) -> dict[str, str]:
    return (
        scrubbed_environment(private)
        | ALWAYS
        | {"ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(str(folder.expanduser()) for folder in COLLECTIONS)}
        | {name: value.get_secret_value() for name, value in asked.environment.items()}
    )


def _failed(asked: Asked, failure: Mapping[str, Any]) -> UserError:
    if failure["vaulted"]:
        file = next((file for file in sources.files_of(asked.path) if sources.is_vaulted(file)), asked.path)
        hint = "Keep what the workshop needs in a file without a vault, or give it in the spec"
        return UserError(FAILED, BROKEN["vaulted"], where=Where(file=file), hint=hint)
    message, said = failure["message"] or "Ansible cannot read it", failure["said"]
    if said and said.isprintable():
        message = f"{message} (it said: {Redactor(asked.environment.values()).text(said)})"
    hint = f"See what Ansible says: ansible-inventory -i {asked.path} --list"
    return UserError(FAILED, message, where=_where(asked, failure), hint=hint)


def _host(asked: Asked, told: Mapping[str, Any]) -> FoundHost:
    name = told["name"]
    roles = dict.fromkeys(role for pattern in told["patterns"] for role in asked.roles[pattern])
    values = {
        variable: Value(
            one.get("value"), _where(asked, one, name), BROKEN.get(one.get("problem", ""), one.get("problem"))
        )
        for variable, one in told["values"].items()
    }
    passwords = {variable: _where(asked, place, name) for variable, place in told["passwords"].items()}
    return FoundHost(name, _where(asked, told, name), tuple(roles), values, passwords, tuple(told["own"]))


def _where(asked: Asked, place: Mapping[str, Any], host: str | None = None) -> Where:
    file = Path(place["file"]) if place.get("file") else asked.path
    return Where(file=file, line=place.get("line"), column=place.get("column"), host=host)
