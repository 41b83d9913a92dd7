"""What stands below a section's fields: their docstrings, read from the source when somebody asks.

Pydantic can do that too, but at every start of the program, where it took an eighth of a short command.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from textwrap import dedent

from pydantic import BaseModel


@cache
def descriptions(section: type[BaseModel]) -> Mapping[str, str]:
    """Field to text, those that it has of the sections it is made from included; a field without one is not there."""
    found: dict[str, str] = {}
    for made_from in reversed(section.__mro__):
        if issubclass(made_from, BaseModel) and made_from is not BaseModel:
            found |= _below_fields(made_from)
    return {name: text for name, text in found.items() if name in section.model_fields}


def _below_fields(section: type[BaseModel]) -> dict[str, str]:
    (body,) = ast.parse(dedent(inspect.getsource(section))).body
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - it is the source of one
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(written))),
            ):
                found[name] = inspect.cleandoc(written)
    return found
