"""Arguments and variables of an engine that say what a field of the spec says. Pure.

The plan goes by the field: where an argument said otherwise, a model would be placed where it does not fit, or be asked
where it does not listen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem

SET = ""  # what the program sets, and nobody else
SHORTEST = 3  # letters of an option that argparse takes for a longer one

Fields = Mapping[str, str]  # an argument with underscores, or a variable, to the field that says it

GPUS: Fields = dict.fromkeys(("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"), "hosts[].gpus")


def said_elsewhere(model: Model, arguments: Fields, variables: Fields, *, abbreviated: bool) -> Iterable[Problem]:
    """`abbreviated`: the engine takes the first letters of an option for all of it."""
    for name, value in model.args.items():
        option = _option(name.replace("-", "_"), arguments, abbreviated=abbreviated)
        if option is not None:
            yield _problem("args", name, arguments[option], value)
    for name in model.environment:
        if name in variables:
            yield _problem("environment", name, variables[name], model.environment[name])


def _option(name: str, arguments: Fields, *, abbreviated: bool) -> str | None:
    if name in arguments:
        return name
    longer = (option for option in arguments if abbreviated and len(name) >= SHORTEST and option.startswith(name))
    return next(longer, None)


def _problem(section: str, name: str, field: str, value: object) -> Problem:
    if field == SET:
        return Problem((section, name), f"{name} is set by this program", "Leave it out")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str) and section == "environment":
        number = value.isdigit()
    hint = f"Write {field}: {value}" if number and field.isidentifier() else f"Use {field}"
    return Problem((section, name), f"{name} says what {field} says, and the plan goes by that", hint)
