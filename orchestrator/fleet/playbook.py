"""Runs one of the packaged playbooks through ansible-runner, with nothing of the caller's environment in it.

ansible-runner writes the whole environment and all variables below its private directory; so the environment is
reduced to what Ansible needs, secrets travel as files only, and the directory is removed whatever happens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import resources
from orchestrator.ansible_process import ending_with_this_process, scrubbed_environment
from orchestrator.fleet.docker_host import engine_address
from orchestrator.fleet.playbook_events import HostResult, Listener
from orchestrator.private_folder import ANSIBLE, PrivateFolder

# What ansible-runner needs to hear of events. Its other additions are the caller's, or switch off host key checks.
RUNNERS_OWN = ("ANSIBLE_CALLBACK_PLUGINS", "AWX_ISOLATED_DATA_DIR", "RUNNER_OMIT_EVENTS", "RUNNER_ONLY_FAILED_EVENTS")

TASK_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Target:
    """A host for Ansible: how it is reached, and what the playbook needs there. No secrets."""

    name: str
    connection: Mapping[str, object]  # variables of Ansible's inventory
    variables: Mapping[str, object] = field(default_factory=dict)


def run_playbook(
    name: str,
    targets: Sequence[Target],
    report: Callable[[str], None],
    log: Path,
    tags: Sequence[str] = (),
    seconds: int = TASK_SECONDS,
) -> dict[str, HostResult]:
    """Run playbooks/NAME on all targets, its tasks with one of `tags` (none: all).

    Ansible's own output goes to `log`. A host that fails does not stop the others; nor does one that answers and whose
    Docker hangs: a task without a limit of its own has `seconds`.
    """
    from ansible_runner import Runner
    from ansible_runner.config.runner import RunnerConfig

    listener = Listener((target.name for target in targets), report)
    results = listener.results
    own = PrivateFolder(ANSIBLE)
    private = own.path
    try:
        inventory = private / "hosts.yaml"
        inventory.write_text(_literal(_inventory(targets, private)), encoding="utf-8")
        config = RunnerConfig(
            private_data_dir=str(private),
            project_dir=str(resources.PLAYBOOKS),
            playbook=name,
            inventory=str(inventory),
            quiet=True,
            tags=",".join(tags) or None,
            suppress_env_files=True,
            rotate_artifacts=1,
        )
        config.prepare()
        config.command = [*ending_with_this_process(), *config.command]
        config.env = {name: config.env[name] for name in RUNNERS_OWN if name in config.env} | _environment(
            private, seconds
        )
        with log.open("a", encoding="utf-8") as stream:
            log.chmod(0o600)

            def heed(event: dict[str, Any]) -> bool:
                stream.write((event.get("stdout") or "") + "\n" if event.get("stdout") else "")
                listener.heed(event)
                return False  # no event file in the private directory

            def never_cancel() -> bool:
                listener.tell_what_lasts()
                return False

            status, code = Runner(config, cancel_callback=never_cancel, event_handler=heed).run()
    finally:
        own.remove()
    if code != 0 and not any(result.failed for result in results.values()):
        for result in results.values():
            result.failed = f"Ansible ended early ({status}, {code}): {_last_line(log)}"
    return results


def _inventory(targets: Sequence[Target], private: Path) -> dict[str, Any]:
    return {"all": {"hosts": {target.name: _host_variables(target, private) for target in targets}}}


def _literal(value: object) -> str:
    """YAML in which no text is a template: a path or a name may hold braces."""
    if isinstance(value, str):
        return f"!unsafe {json.dumps(value)}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(name))}: {_literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value)


def _host_variables(target: Target, private: Path) -> dict[str, object]:
    local = target.connection.get("ansible_connection") == "local"
    own = {"ansible_remote_tmp": str(private / "remote")} if local else {}
    return own | dict(target.connection) | dict(target.variables)


def _environment(private: Path, seconds: int) -> dict[str, str]:
    return (
        scrubbed_environment(private)
        | engine_address()
        | {
            "ANSIBLE_STDOUT_CALLBACK": "awx_display",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_FORKS": "25",
            "ANSIBLE_TASK_TIMEOUT": str(seconds),
            "ANSIBLE_GATHERING": "explicit",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
        }
    )


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no output"
