"""From what a command raised to an exit code and one line, or one JSON document."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from orchestrator.errors import SpecError, UserError

USAGE, BUG, INTERRUPTED, TERMINATED = 2, 70, 130, 143


class Terminated(BaseException):
    """SIGTERM: ends the command like Ctrl-C does, so that everything is cleaned up on the way out."""


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; its exit code. 0 done, 1 the user's to fix, 2 usage, 3 hosts, 4 verification, 70 a bug."""
    signal.signal(signal.SIGTERM, _terminate)
    as_json = wants_json(arguments)
    verbose = any(argument in {"-v", "--verbose"} for argument in arguments)
    try:
        status = command.main(args=list(arguments), standalone_mode=False)
    except click.UsageError as problem:
        return _usage(problem, as_json=as_json)
    except click.ClickException as problem:
        return _told(
            {"code": "usage", "message": problem.format_message()}, problem.format_message(), 1, as_json=as_json
        )
    except UserError as problem:
        if verbose:
            _traceback()
        return _told(problem.as_dict(), _line(problem), problem.exit_code, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        message = "interrupted; the same command goes on where it stopped"
        return _told({"code": "interrupted", "message": message}, message, INTERRUPTED, as_json=as_json)
    except Terminated:
        message = "terminated; the same command goes on where it stopped"
        return _told({"code": "terminated", "message": message}, message, TERMINATED, as_json=as_json)
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads any more
        return 1
    except Exception as problem:
        _traceback()
        message = f"this is a bug: {type(problem).__name__}: {problem}"
        return _told(
            {"code": "bug", "message": message},
            f"{message}. Please report it with the lines above",
            BUG,
            as_json=as_json,
        )
    return status if isinstance(status, int) else 0


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether --output json stands anywhere: asked before Click has read the line, which may be wrong."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(argument == "--output=json" or (argument == "--output" and value == "json") for argument, value in pairs)


def error_document(error: dict[str, object]) -> dict[str, object]:
    """`{"error": {...}}` with every key."""
    return {"error": dict.fromkeys(("code", "message", "file", "line", "column", "host", "service", "hint")) | error}


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _usage(problem: click.UsageError, *, as_json: bool) -> int:
    if as_json:
        return _told({"code": "usage", "message": problem.format_message()}, "", USAGE, as_json=True)
    if problem.ctx:
        click.echo(problem.ctx.get_usage(), err=True)
    return _told({}, problem.format_message(), USAGE, as_json=False)


def _told(error: dict[str, object], line: str, status: int, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(error_document(error), ensure_ascii=False))
    else:
        click.secho(line, fg="red", err=True)
    return status


def _line(problem: UserError) -> str:
    if isinstance(problem, SpecError):
        return "\n".join(str(one) for one in problem.problems)
    return str(problem)


def _traceback() -> None:
    import traceback

    traceback.print_exc()
