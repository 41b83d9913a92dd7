"""`workshop participants`: who takes part, and changes to that. What `list` gives is a contract for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import Progress, emit, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument, spec_with_others
from orchestrator.cli.running import running_spec

if TYPE_CHECKING:
    from pydantic import SecretStr

    from orchestrator.identity.credentials import Credentials
    from orchestrator.workflow.people.change import Changed
    from orchestrator.workflow.people.commands import Command

STEPS = 4
ids_argument = click.argument("ids", metavar="ID...", nargs=-1, required=True)


@click.group()
def participants() -> None:
    """Participants: their credentials, and who comes and goes while the class runs."""


@participants.command("list")
@spec_argument
@practice_option
@click.option("--all", "everybody", is_flag=True, help="Removed participants too, without credentials.")
@common_options
def list_(spec: Path, *, practice: bool, everybody: bool, output: str, state_dir: Path | None, verbose: bool) -> None:
    """List participants with keys, passwords and models, ordered by id."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.people.listed import listed

    found = listed(running_spec(spec, state_dir, practice=practice), read_settings(), state_dir, everybody=everybody)
    emit([document(one) for one in found], text=_text(found), output=output)


@participants.command()
@spec_argument
@practice_option
@click.option("--name", required=True, help="As it stands on the card.")
@click.option("--email", required=True, help="By which this person is known, in a later roster too.")
@click.option("--team", help="Absent: no team.")
@common_options
def add(
    spec: Path,
    *,
    practice: bool,
    name: str,
    email: str,
    team: str | None,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> None:
    """Let somebody in: on the lowest spare seat, whose card stays good, else with a new key."""
    from orchestrator.spec.roster import newcomer
    from orchestrator.workflow.people import commands

    _change(spec, commands.add(newcomer(name, email, team)), practice, output, state_dir, verbose)


@participants.command()
@spec_with_others
@ids_argument
@click.option("--without-archive", is_flag=True, help="Do not write their chats into files first.")
@practice_option
@common_options
def remove(
    spec: Path,
    ids: tuple[str, ...],
    *,
    without_archive: bool,
    practice: bool,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> None:
    """Take people out, though SPEC names them: keys end at once, accounts are closed, chats stay and are archived."""
    from orchestrator.workflow.people import commands

    _change(spec, commands.remove(ids, archived=not without_archive), practice, output, state_dir, verbose)


@participants.command()
@spec_with_others
@ids_argument
@practice_option
@common_options
def revoke(
    spec: Path, ids: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Take keys away, and close accounts, until they are restored."""
    from orchestrator.workflow.people import commands

    _change(spec, commands.revoke(ids), practice, output, state_dir, verbose)


@participants.command()
@spec_with_others
@ids_argument
@practice_option
@common_options
def restore(
    spec: Path, ids: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Give revoked people the same key and account back."""
    from orchestrator.workflow.people import commands

    _change(spec, commands.restore(ids), practice, output, state_dir, verbose)


@participants.command()
@spec_with_others
@ids_argument
@practice_option
@common_options
def rotate(
    spec: Path, ids: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Give people another API key, and a card with it; the old one ends at once."""
    from orchestrator.workflow.people import commands

    _change(spec, commands.rotate(ids), practice, output, state_dir, verbose)


@participants.command("reset-password")
@spec_with_others
@ids_argument
@practice_option
@common_options
def reset_password(
    spec: Path, ids: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Give people another password for Open WebUI, whatever theirs was, and a card with it."""
    from orchestrator.workflow.people import commands

    _change(spec, commands.reset_password(ids), practice, output, state_dir, verbose)


def _change(
    spec: Path,
    command: Command,
    practice: bool,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> None:
    """Do it; stdout has what `list` says of these people."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.people.change import change

    with Progress(verbose=verbose, steps=STEPS) as progress:
        done = change(running_spec(spec, state_dir, practice=practice), read_settings(), state_dir, progress, command)
    lines = _lines(done)
    if output == "json":
        click.echo("\n".join(lines), err=True)
    emit([document(one) for one in done.people], text="\n".join([_text(done.people), "", *lines]), output=output)


def _lines(done: Changed) -> list[str]:
    lines = [f"{one.person.id} ({one.person.label}): {one.what}" for one in done.told]
    lines += [f"Archive: {file}" for file in done.archives]
    lines += [f"Cards: {done.cards}"] if done.cards else []
    return lines + section("Note:", done.notes)


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
    pages = {one.webui_url for one in found if one.webui_url}
    each = len(pages) > 1  # else it is the same for all, and stands on every card
    header = ("id", "name", "team", "state", "API key", *(["WebUI"] if each else []), "WebUI sign-in", "WebUI password")
    rows = [
        (
            one.participant.id,
            one.participant.name or "",
            one.participant.team or "",
            one.participant.state,
            _shown(one.api_key) or "-",
            *([one.webui_url or "-"] if each else []),
            one.webui_email or "-",
            _shown(one.webui_password) or "-",
        )
        for one in found
    ]
    return table(header, rows)
