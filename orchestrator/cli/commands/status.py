"""`workshop status SPEC`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import emit, pairs, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument
from orchestrator.cli.running import running_spec

if TYPE_CHECKING:
    from orchestrator.workflow.status import Status


@click.command()
@spec_argument
@practice_option
@common_options
def status(spec: Path, *, practice: bool, output: str, state_dir: Path | None, verbose: bool) -> int:
    """What is up, what is not, and what to do."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.status import status as look

    seen = look(running_spec(spec, state_dir, practice=practice), read_settings(), state_dir)
    emit(document(seen), text=_text(seen), output=output)
    return 0


def document(seen: Status) -> dict[str, object]:
    return {
        "workshop": seen.workshop,
        "ok": seen.ok,
        "provisioned": seen.provisioned,
        "api_base": seen.addresses.api_base,
        "webui_url": seen.addresses.webui,
        "hosts": [{"name": name, "docker": trouble or "ok"} for name, trouble in seen.hosts.items()],
        "services": [asdict(service) for service in seen.services],
        "participants": {"active": seen.active, "revoked": seen.revoked, "removed": seen.removed},
        "accounts": seen.accounts,
        "window": seen.window,
        "busy": seen.busy,
        "serving": [asdict(one) for one in seen.serving],
        "advice": list(seen.advice),
    }


def _text(seen: Status) -> str:
    facts = {
        "Workshop": seen.workshop,
        "Provisioned": seen.provisioned or "not yet, or not to the end",
        "API": seen.addresses.api_base,
        "Open WebUI": seen.addresses.webui or ("one each" if seen.addresses.own_pages else "none"),
        "Keys": f"{seen.active} active, {seen.revoked} revoked, {seen.removed} removed",
        "Accounts": str(seen.accounts),
        "Window": seen.window,
    }
    rows = [(s.service, s.host, s.role, s.model or "-", s.state, str(s.restarts)) for s in seen.services]
    lines = pairs(facts)
    lines += ["", table(("service", "host", "role", "model", "state", "restarts"), rows)] if rows else []
    able = [(s.service, *map(_figure, (s.estimated, s.reported)), str(s.request_tokens)) for s in seen.serving]
    header = ("at once", "estimated", "reported", "tokens per request")
    lines += ["", table(header, able)] if able else []
    lines += section("At work now:", [seen.busy] if seen.busy else [])
    return "\n".join([*lines, *section("What to do:", seen.advice)])


def _figure(number: int | None) -> str:
    return "-" if number is None else str(number)
