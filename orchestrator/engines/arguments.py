"""What the containers of engines have in common: options, environments, questions about health."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from orchestrator.spec.gguf import parts_of
from orchestrator.spec.models import Model
from orchestrator.spec.section import Problem
from orchestrator.spec.values import SecretReference

SNAPSHOT = re.compile(r"(/.*/models--[^/]+)/snapshots/[^/]+(/|$)")  # in a cache of huggingface_hub
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DO_NOT_TRACK": "1"}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - inside its network


def flags(arguments: Mapping[str, object], *, negated: bool = True) -> Iterator[str]:
    """`{"max_num_seqs": 64, "enable_x": True}` as `--max-num-seqs 64 --enable-x`, in the order given.

    What is false becomes `--no-...`; it is left out for programs that know no such options (`negated` false).
    """
    for name, value in arguments.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            yield option
        elif value is False:
            if negated:
                yield option.replace("--", "--no-", 1)
        elif isinstance(value, list):
            yield from (option, *map(str, value))
        else:
            yield from (option, str(value))


def argument(model: Model, name: str) -> object:
    """What the spec gives for `max_num_seqs`, with hyphens or underscores; None: nothing."""
    return model.args.get(name, model.args.get(name.replace("_", "-")))


def number(model: Model, name: str) -> float | None:
    """The same where it is a number."""
    given = argument(model, name)
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else None


def not_whole(
    model: Model, name: str, least: int, most: int | None = None, what: str = "a whole number"
) -> Iterator[Problem]:
    """What is wrong with an argument that must be one within these bounds, where it is given."""
    given = argument(model, name)
    if given is None:
        return
    if isinstance(given, bool) or not isinstance(given, int) or given < least or (most is not None and given > most):
        bounds = f"{what} from {least}" if most is None else f"{what}, {least} to {most}"
        yield Problem(("args",), f"{name}: expected {bounds}, not {given!r}")


def curl_health(port: int, path: str = "/health") -> tuple[str, ...]:
    return ("curl", "-fsS", "-o", "/dev/null", "-m", "3", f"http://127.0.0.1:{port}{path}")


def split_environment(model: Model) -> tuple[dict[str, str], dict[str, SecretReference]]:
    """The model's own environment: what may be seen, and what may not."""
    plain = {name: value for name, value in model.environment.items() if isinstance(value, str)}
    secret = {name: value for name, value in model.environment.items() if isinstance(value, SecretReference)}
    return plain, secret


def on_the_host(model: Model) -> tuple[tuple[str, str], ...]:
    """What is mounted where the source is a path; of a snapshot of the hub's all of its repository: it is links."""
    if not model.source.startswith("/"):
        return ()
    snapshot = SNAPSHOT.match(model.source)
    return tuple((place, place) for place in ([snapshot[1]] if snapshot else parts_of(model.source)))


def words(text: str) -> frozenset[str]:
    """Of a list over several lines."""
    return frozenset(text.split())
