"""Jinja2 as all templates are read: a value that is missing is an error, and none comes through as it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def markup(folder: Path) -> Environment:
    """For HTML and SVG: every value is escaped."""
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def configuration(folder: Path, written: Callable[[Any], str], *, own_lines: bool) -> Environment:
    """For what programs read: every value passes through `written`, so that it can't be more than a value.

    `own_lines`: blocks stand on lines of their own, which are left out.
    """
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML
        finalize=written,
        trim_blocks=own_lines,
        lstrip_blocks=own_lines,
        keep_trailing_newline=True,
    )
