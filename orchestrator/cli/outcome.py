"""From what a command raised to an exit code and one line, or one JSON document."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

import click

from orchestrator.errors import SpecError, UserError

USAGE, BUG, INTERRUPTED, TERMINATED = 2, 70, 130, 143
GOES_ON = "the same command goes on where it stopped"
_VERBOSE = {"-v", "--verbose"}


class Terminated(BaseException):
    """SIGTERM: ends the command like Ctrl-C does, so that everything is cleaned up on the way out."""


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; its exit code. 0 done, 1 the user's to fix, 2 usage, 3 hosts, 4 verification, 70 a bug."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        status = command.main(args=list(arguments), standalone_mode=False)
    except BaseException as problem:  # noqa: BLE001 - the one place where everything becomes an exit code
        ending = _ending(problem)
        if ending.bug or (ending.traceback_if_verbose and _VERBOSE & set(arguments)):
            traceback.print_exc()
        return _told(ending, as_json=wants_json(arguments))
    return status if isinstance(status, int) else 0


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a command that raised ends: its exit code, the error for programs and the line for people."""

    status: int
    error: dict[str, object]
    line: str
    bug: bool = False
    traceback_if_verbose: bool = False


def _ending(problem: BaseException) -> _Ending:  # noqa: PLR0911 - one for each way to end
    match problem:
        case UserError():
            return _Ending(problem.exit_code, problem.as_dict(), _line(problem), traceback_if_verbose=True)
        case click.UsageError():
            whole = isinstance(problem, click.exceptions.NoArgsIsHelpError)  # its message is the help, usage and all
            usage = f"{problem.ctx.get_usage()}\n" if problem.ctx and not whole else ""
            return _simple(USAGE, "usage", problem.format_message(), before=usage)
        case click.ClickException():
            return _simple(1, "usage", problem.format_message())
        case KeyboardInterrupt() | click.Abort():
            return _simple(INTERRUPTED, "interrupted", f"interrupted; {GOES_ON}")
        case Terminated():
            return _simple(TERMINATED, "terminated", f"terminated; {GOES_ON}")
        case BrokenPipeError():
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - nobody reads any more, not even at exit
            return _Ending(1, {}, "")
        case SystemExit():
            return _Ending(problem.code if isinstance(problem.code, int) else 1, {}, "")
    message = f"this is a bug: {type(problem).__name__}: {problem}"
    line = f"{message}. Please report it with the lines above"
    return _Ending(BUG, {"code": "bug", "message": message}, line, bug=True)


def _simple(status: int, code: str, message: str, before: str = "") -> _Ending:
    return _Ending(status, {"code": code, "message": message}, before + message)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether --output json stands anywhere: asked before Click has read the line, which may be wrong."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=False)
    return any(argument == "--output=json" or (argument == "--output" and value == "json") for argument, value in pairs)


def error_document(error: dict[str, object]) -> dict[str, object]:
    """`{"error": {...}}` with every key."""
    return {"error": dict.fromkeys(("code", "message", "file", "line", "column", "host", "service", "hint")) | error}


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _told(ending: _Ending, *, as_json: bool) -> int:
    if as_json and ending.error:
        click.echo(json.dumps(error_document(ending.error), ensure_ascii=False))
    elif ending.line:
        click.secho(ending.line, fg="red", err=True)
    return ending.status


def _line(problem: UserError) -> str:
    if isinstance(problem, SpecError):
        return "\n".join(str(one) for one in problem.problems)
    return str(problem)
