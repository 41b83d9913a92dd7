"""The group of all commands. A command's module is imported when it is called, so that --help is fast."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "init": "Write a commented workshop.yaml.",
    "validate": "Check a workshop.yaml: all problems at once.",
    "schema": "Print the JSON Schema of workshop.yaml.",
    "plan": "Say what provision would do; touch nothing.",
    "preflight": "Look at every host: what would fail there, and what to do.",
    "provision": "Make it so; the second run changes nothing.",
    "status": "What is up, what is not, and what to do.",
    "verify": "Ask as a participant, the negative cases too.",
    "rehearse": "The whole class at once, before it comes.",
    "participants": "List, add, remove, revoke, restore, rotate.",
    "connections": "Open WebUI's own: add, verify, rotate, disable.",
    "images": "Build, save into one file, load from it.",
    "backends": "List what serves the models; drain, resume.",
    "handouts": "Write cards.pdf, cards.csv and the guide.",
    "usage": "Requests and tokens by participant, team, model, hour.",
    "archive": "Chats, knowledge, accounts, usage and the spec, in one file.",
    "logs": "Show the logs of a service or a model.",
    "doctor": "Write a bundle to send to somebody, without secrets.",
    "state": "Hand a running workshop to another instructor.",
    "teardown": "Remove all of it, and prove it.",
}


class Commands(click.Group):
    """Commands by name; the one-line help of each is known without importing it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"orchestrator.cli.commands.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from orchestrator.spelling import did_you_mean, nearest

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(nearest(args[0], COMMANDS))
            ctx.fail(" ".join(filter(None, (f"No such command {args[0]!r}.", hint))))
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="workshop-orchestrator", prog_name="workshop", message="%(prog)s %(version)s")
def workshop() -> None:
    """One YAML file in, a whole LLM class out."""
