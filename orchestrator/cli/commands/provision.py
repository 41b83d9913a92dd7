"""`workshop provision SPEC`, and `provision SPEC`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import Progress, emit, pairs, section
from orchestrator.cli.options import common_options, practice_option, spec_argument

if TYPE_CHECKING:
    from orchestrator.workflow.provision import Provisioned

HOSTS_FAILED, NOT_VERIFIED = 3, 4

EACH = "one each: the address is on the card, and in workshop participants list"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@spec_argument
@practice_option
@click.option(
    "--take-over", is_flag=True, help="Replace a workshop of this name that somebody else deployed: all keys change."
)
@click.option(
    "--older-state", is_flag=True, help="Go on though the gateway follows a newer copy of this state: that is undone."
)
@common_options
def provision(
    spec: Path,
    *,
    practice: bool,
    take_over: bool,
    older_state: bool,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> int:
    """Turn SPEC into a class that works: servers, keys, accounts, proof, cards."""
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load
    from orchestrator.workflow.context.run import Options
    from orchestrator.workflow.provision import STEPS
    from orchestrator.workflow.provision import provision as make_it_so

    loaded = load(spec, practice=practice or None)
    hosts = [host.name for host in loaded.workshop.hosts]
    with Progress(verbose=verbose, steps=len(STEPS), hosts=hosts) as progress:
        done = make_it_so(loaded, Options(state_dir, take_over, older_state), read_settings(), progress)
    emit(document(done), text=summary(done, spec), output=output)
    if done.failed_hosts:
        return HOSTS_FAILED
    return 0 if done.ok else NOT_VERIFIED


def document(done: Provisioned) -> dict[str, object]:
    return {
        "workshop": done.workshop,
        "ok": done.ok,
        "changed": len(done.changes),
        "changes": list(done.changes),
        "hosts": [
            {"name": name, "ok": name not in done.failed_hosts, "problem": done.failed_hosts.get(name)}
            for name in done.hosts
        ],
        "api_base": done.addresses.api_base,
        "webui_url": done.addresses.webui,
        "keys": done.keys,
        "accounts": done.accounts,
        "handouts": str(done.handouts),
        "ca_certificate": str(done.ca_certificate) if done.ca_certificate else None,
        "notes": list(done.notes),
        "broken": list(done.broken),
        "checks": [check.as_dict() for check in done.checks],
        "seconds": round(done.seconds, 2),
    }


def summary(done: Provisioned, spec: Path) -> str:
    """What an instructor can act on, five minutes before class."""
    failed = [check for check in done.checks if not check.ok]
    page = done.addresses.webui or (EACH if done.addresses.own_pages else None)
    where = {"Open WebUI": page} if page else {}
    authority = {"Certificate": f"{done.ca_certificate}, for everybody's devices"} if done.ca_certificate else {}
    facts = {
        **where,
        "API": done.addresses.api_base,
        "Keys": str(done.keys) + (f", and {done.accounts} accounts" if done.accounts else ""),
        "Cards": str(done.handouts / "cards.pdf"),
        **authority,
        "Proof": _proof(done),
        "Changed": _changed(len(done.changes)),
        "Time": f"{done.seconds:.1f} s",
    }
    head = f"{done.workshop} is ready." if done.ok else f"{done.workshop} is up, but not all of it works."
    lines = [head, "", *pairs(facts)]
    lines += section("Hosts that failed:", done.failed_hosts.values())
    lines += section("Not as it should be:", done.broken)
    lines += section("Failed checks:", (f"{c.name}, {c.target}: expected {c.expected}, got {c.got}" for c in failed))
    lines += section("Note:", done.notes)
    if done.addresses.guessed:
        lines += section("Address:", ["The gateway's own machine; set public.host where people should type another."])
    return "\n".join([*lines, *section("Next:", _next(done, spec))])


def _changed(count: int) -> str:
    return {0: "nothing", 1: "1 thing"}.get(count, f"{count} things")


def _proof(done: Provisioned) -> str:
    if not done.checks:
        return "everything was answered at the last change; ask again with workshop verify"
    return f"{sum(check.ok for check in done.checks)} of {len(done.checks)} checks passed"


def _next(done: Provisioned, spec: Path) -> list[str]:
    if not done.ok:
        return [f"workshop status {spec}", f"workshop logs {spec}"]
    return [
        f"print {done.handouts / 'cards.pdf'} and cut it",
        f"workshop status {spec}",
        f"workshop teardown {spec}   (after class)",
    ]
