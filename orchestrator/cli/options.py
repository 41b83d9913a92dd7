"""Arguments and options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

spec_argument = click.argument("spec", type=click.Path(path_type=Path), default=Path("workshop.yaml"))
spec_with_others = click.argument("spec", type=click.Path(path_type=Path))  # named, as other arguments follow it
practice_option = click.option("--practice", is_flag=True, help="CPU engines and synthetic weights on this machine.")


def common_options(command: Command) -> Command:
    """--output, --state-dir and -v."""
    for option in reversed(
        [
            click.option(
                "--output",
                type=click.Choice(["text", "json"]),
                default="text",
                show_default=True,
                help="What goes to stdout.",
            ),
            click.option(
                "--state-dir",
                type=click.Path(path_type=Path, file_okay=False),
                help="Where workshops keep their state [default: .workshop].",
            ),
            click.option("-v", "--verbose", is_flag=True, help="Show every step, and where an error arose."),
        ]
    ):
        command = option(command)
    return command
