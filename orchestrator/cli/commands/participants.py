"""`workshop participants list SPEC`: the contract that other tools build on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import emit, table
from orchestrator.cli.options import common_options, practice_option, spec_argument

if TYPE_CHECKING:
    from pydantic import SecretStr

    from orchestrator.participants import Credentials


@click.group()
def participants() -> None:
    """Participants and their credentials."""


@participants.command("list")
@spec_argument
@practice_option
@click.option("--all", "everybody", is_flag=True, help="Removed participants too, without credentials.")
@common_options
def list_(spec: Path, *, practice: bool, everybody: bool, output: str, state_dir: Path | None, verbose: bool) -> None:
    """List participants with keys, passwords and models, ordered by id."""
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load
    from orchestrator.workflow.people import listed

    found = listed(load(spec, practice=practice or None), read_settings(), state_dir, everybody=everybody)
    emit([document(one) for one in found], text=_text(found), output=output)


def document(one: Credentials) -> dict[str, object]:
    person = one.participant
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email or one.webui_email,  # never null where there is a WebUI
        "team": person.team,
        "state": person.state,
        "api_base": one.api_base,
        "api_key": _shown(one.api_key),
        "webui_url": one.webui_url,
        "webui_email": one.webui_email,
        "webui_password": _shown(one.webui_password),
        "webui_api_key": _shown(one.webui_api_key),
        "models": list(one.models),
    }


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _text(found: tuple[Credentials, ...]) -> str:
    header = ("id", "name", "team", "state", "API key", "WebUI sign-in", "WebUI password")
    rows = [
        (
            one.participant.id,
            one.participant.name or "",
            one.participant.team or "",
            one.participant.state,
            _shown(one.api_key) or "-",
            one.webui_email or "-",
            _shown(one.webui_password) or "-",
        )
        for one in found
    ]
    return table(header, rows)
