"""`workshop connections`: endpoints that Open WebUI asks past the gateway, and changes to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.cli.display import Progress, emit, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument, spec_with_others
from orchestrator.cli.provider_key import key_option, provider_key
from orchestrator.cli.running import running_spec

if TYPE_CHECKING:
    from orchestrator.checks.check import Check
    from orchestrator.workflow.connections.commands import Command
    from orchestrator.workflow.connections.look import Connections, Shown

STEPS = 2
NOT_VERIFIED = 4
Wrapped = TypeVar("Wrapped", bound=Callable[..., Any])
name_argument = click.argument("name")
names_argument = click.argument("names", metavar="NAME...", nargs=-1, required=True)
FIELDS = (
    click.option("--prefix", help="Before the names of its models, with a dot; '' for none."),
    click.option("--model", "models", multiple=True, help="One that participants see; may stand several times."),
    click.option("--tag", "tags", multiple=True, help="By which the menu filters; may stand several times."),
    click.option("--team", "teams", multiple=True, help="That sees its models; absent: everybody."),
)


def field_options(command: Wrapped) -> Wrapped:
    return reduce(lambda wrapped, option: option(wrapped), reversed(FIELDS), command)


@click.group()
def connections() -> None:
    """Open WebUI's own connections: past the gateway, its limits and its log."""


@connections.command("list")
@spec_argument
@practice_option
@common_options
def list_(spec: Path, *, practice: bool, output: str, state_dir: Path | None, verbose: bool) -> None:
    """List connections, where each comes from, and how it stands in Open WebUI."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.connections.look import listed

    _emit(listed(running_spec(spec, state_dir, practice=practice), read_settings(), state_dir), output)


@connections.command()
@spec_with_others
@practice_option
@click.option("--name", required=True, help="A DNS label.")
@click.option("--url", required=True, help="As Open WebUI's container reaches it.")
@click.option("--kind", type=click.Choice(["openai", "ollama"]), default="openai", show_default=True)
@field_options
@key_option
@click.option("--no-key", is_flag=True, help="It needs none.")
@common_options
def add(
    spec: Path,
    *,
    practice: bool,
    name: str,
    source: str | None,
    no_key: bool,
    output: str,
    state_dir: Path | None,
    verbose: bool,
    **fields: Any,
) -> None:
    """Add a connection, though SPEC does not name it; every provision keeps it."""
    from orchestrator.workflow.connections import commands

    key = None if no_key else provider_key(source, may_be_empty=True)
    _change(spec, commands.add(name, _given(fields), key), practice, output, state_dir, verbose)


@connections.command()
@spec_with_others
@name_argument
@practice_option
@click.option("--url", help="As Open WebUI's container reaches it.")
@field_options
@click.option("--all-models", is_flag=True, help="All that it lists, not those named before.")
@click.option("--everybody", is_flag=True, help="No longer for teams alone.")
@click.option("--from-spec", is_flag=True, help="Forget what commands said of it, its key too.")
@common_options
def update(
    spec: Path,
    name: str,
    *,
    practice: bool,
    all_models: bool,
    everybody: bool,
    from_spec: bool,
    output: str,
    state_dir: Path | None,
    verbose: bool,
    **fields: Any,
) -> None:
    """Change a connection, in place of what SPEC says; the key is `rotate`'s."""
    from orchestrator.workflow.connections import commands

    given = _given(fields)
    for asked, field, option in ((all_models, "models", "--model"), (everybody, "teams", "--team")):
        if asked and field in given:
            raise click.UsageError(f"{option} and its opposite do not go together.")
        given |= {field: None} if asked else {}
    if not given and not from_spec:
        raise click.UsageError("Nothing to change: give --url, --prefix, --model, --tag, --team or --from-spec.")
    _change(spec, commands.update(name, given, from_spec=from_spec), practice, output, state_dir, verbose)


@connections.command()
@spec_with_others
@name_argument
@practice_option
@key_option
@common_options
def rotate(
    spec: Path,
    name: str,
    *,
    practice: bool,
    source: str | None,
    output: str,
    state_dir: Path | None,
    verbose: bool,
) -> None:
    """Give a connection another key of its provider, in place of SPEC's."""
    from orchestrator.workflow.connections import commands

    key = provider_key(source, may_be_empty=False)
    assert key is not None  # noqa: S101 - an empty one was refused
    _change(spec, commands.rotate(name, key), practice, output, state_dir, verbose)


@connections.command()
@spec_with_others
@names_argument
@practice_option
@common_options
def disable(
    spec: Path, names: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Switch connections off; they and their keys stay where they are."""
    from orchestrator.workflow.connections import commands

    _change(spec, commands.set_enabled(names, enabled=False), practice, output, state_dir, verbose)


@connections.command()
@spec_with_others
@names_argument
@practice_option
@common_options
def enable(
    spec: Path, names: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Switch connections on."""
    from orchestrator.workflow.connections import commands

    _change(spec, commands.set_enabled(names, enabled=True), practice, output, state_dir, verbose)


@connections.command()
@spec_with_others
@names_argument
@practice_option
@common_options
def delete(
    spec: Path, names: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Take connections out, though SPEC names them, and forget keys that commands brought."""
    from orchestrator.workflow.connections import commands

    _change(spec, commands.delete(names), practice, output, state_dir, verbose)


@connections.command()
@spec_with_others
@click.argument("names", metavar="[NAME]...", nargs=-1)
@practice_option
@common_options
def verify(
    spec: Path, names: tuple[str, ...], *, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> int:
    """Ask each for its models, through Open WebUI. Exit code 4 if one can't be used."""
    from orchestrator.settings import read_settings
    from orchestrator.workflow.connections.verify import verify as ask

    loaded = running_spec(spec, state_dir, practice=practice)
    checks = ask(loaded, read_settings(), state_dir, names)
    emit(verified(loaded.workshop.name, checks), text=_verified_text(checks), output=output)
    return 0 if all(check.ok for check in checks) else NOT_VERIFIED


def document(found: Connections) -> dict[str, object]:
    return {
        "workshop": found.workshop,
        "ok": found.ok,
        "connections": [asdict(one) for one in found.connections],
        "told": [asdict(one) for one in found.told],
        "notes": list(found.notes),
    }


def verified(workshop: str, checks: tuple[Check, ...]) -> dict[str, object]:
    ok = all(check.ok for check in checks)
    return {"workshop": workshop, "ok": ok, "checks": [check.as_dict() for check in checks]}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What stood on the command line, as the spec has it."""
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    return {name: value or None for name, value in found.items() if value not in (None, [])}


def _change(spec: Path, command: Command, practice: bool, output: str, state_dir: Path | None, verbose: bool) -> None:
    from orchestrator.settings import read_settings
    from orchestrator.workflow.connections.change import change

    with Progress(verbose=verbose, steps=STEPS) as progress:
        done = change(running_spec(spec, state_dir, practice=practice), read_settings(), state_dir, progress, command)
    _emit(done, output)


def _emit(found: Connections, output: str) -> None:
    lines = [f"{one.name}: {one.what}" for one in found.told]
    text = "\n".join([_text(found), *(["", *lines] if lines else []), *section("Note:", found.notes)])
    emit(document(found), text=text, output=output)


def _text(found: Connections) -> str:
    if not found.connections:
        return "No connection but the gateway's."
    header = ("connection", "kind", "URL", "from", "key", "there", "models")
    return table(header, [_row(one) for one in found.connections])


def _row(one: Shown) -> tuple[str, ...]:
    origin = f"{one.origin}, changed: {', '.join(one.changed)}" if one.changed else one.origin
    standing = one.state if one.enabled or one.state != "off" else "off, as it should be"
    return (one.name, one.kind, one.url, origin, one.key or "-", standing, ", ".join(one.offers) or "-")


def _verified_text(checks: tuple[Check, ...]) -> str:
    if not checks:
        return "No connection is switched on but the gateway's."
    rows = [
        ("ok" if c.ok else "FAILED", c.name, c.target, c.got if c.ok else f"{c.got} (expected {c.expected})")
        for c in checks
    ]
    return table(("", "asked", "where", "came"), rows)
