"""Part of the look: hosts that may be changed (`bootstrap: true`) are given what they lack, as root."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator import resources
from orchestrator.errors import HostError, UserError, Where
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.playbook import Target, run_playbook
from orchestrator.fleet.scripts.runtime import lacks_runtime
from orchestrator.workflow.context.hosts import hosts_of
from orchestrator.workflow.context.run import Run

CURABLE = frozenset({"python_missing", "docker_unreachable", "compose_missing"})
SCRIPT = ("engine.sh", "toolkit.sh", "host.sh")  # in this order; the first two only define


def to_bootstrap(run: Run, seen: Iterable[str], failed: Mapping[str, UserError]) -> tuple[str, ...]:
    """Of the hosts that may be changed, those that failed for what can be installed, and those with idle GPUs."""
    allowed = {host.name for host in hosts_of(run.spec) if host.bootstrap}
    if not allowed:
        return ()
    idle, _ = run.fleet.each(lambda machine: machine.channel.call(lacks_runtime, {}), [n for n in seen if n in allowed])
    curable = {name for name, why in failed.items() if name in allowed and why.code in CURABLE}
    return tuple(name for name in run.fleet if name in curable or idle.get(name))


def bootstrap(run: Run, names: Iterable[str], log: str) -> tuple[Run, dict[str, UserError]]:
    """Install on these hosts what is missing, all at once; the run with what was changed, and the hosts that failed."""
    script = "".join((resources.BOOTSTRAP / name).read_text(encoding="utf-8") for name in SCRIPT)

    def prepare(machine: Machine) -> Target:
        sudo = _needs_sudo(machine)
        variables = {
            "script": script,
            "admit": "admit" if sudo else "",
            "repository": run.settings.nvidia_repository.rstrip("/"),
            "fingerprint": run.settings.nvidia_key,
            "workshop": run.spec.workshop.name,
        }
        return machine.target({**variables, **({"ansible_become": True} if sudo else {})})

    targets, failed = run.fleet.each(prepare, names)
    if not targets:
        return run, failed
    path = run.state.folder.logs / log
    results = run_playbook("bootstrap.yml", list(targets.values()), run.report.say, path)
    for name, result in results.items():
        run = run.changed(*(f"{name}: {line}" for line in result.did))
        if result.did:
            run.state.events.add("bootstrap", f"{name}: {'; '.join(result.did)}")
        if result.failed:
            hint = f"Details: {path}; then run the same command again"
            failed[name] = HostError("bootstrap_failed", result.failed, where=Where(host=name), hint=hint)
    return run, failed


def _needs_sudo(machine: Machine) -> bool:
    """Beyond what `become` says already. Raises HostError `bootstrap_needs_root`."""
    if machine.channel.run(["id", "-u"]).output.strip() == b"0":
        return False
    if machine.channel.run(["sudo", "-n", "true"]).code == 0:
        return True
    message = "bootstrap: true installs as root, and the SSH user has no sudo without a password"
    hint = "Sign in there as root, or let the user use sudo without a password"
    raise HostError("bootstrap_needs_root", message, where=Where(host=machine.name), hint=hint)
