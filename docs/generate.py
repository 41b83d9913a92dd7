"""Writes the pages of docs/ that are made from the program and its tests: workshop-yaml.md, cli.md and testing.md.

python docs/generate.py            writes what is out of step
python docs/generate.py --check    says what is, and exits with 1
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from orchestrator.cli.app import COMMANDS, workshop
from orchestrator.cli.commands.provision import provision
from orchestrator.spec import connections, endpoints, hosts, limits, values
from orchestrator.spec.descriptions import descriptions
from orchestrator.spec.schema import spec_schema
from orchestrator.spec.workshop import Workshop
from tests.suites.page import testing_page

DOCS = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py: edits are overwritten. -->"
WIDTH = 80  # of a help page

PATTERNS = {  # what a pattern means, for people
    values.DnsLabel: "lower-case letters, digits and hyphens, a letter first, at most 40",
    values.ModelName: "letters, digits and `. _ : / -`, at most 80",
    values.TeamName: "letters, digits, blanks and `. _ -`, at most 40",
    hosts.Label: "letters, digits and `. _ -`, at most 40",
    values.EnvironmentName: "the name of a variable",
    values.HostName: "a name or an address",
    values.UserName: "a user's name",
    values.ImageReference: "an image or a registry",
    values.EngineArgument: "the name of an argument",
    connections.ProviderModel: "a model's name, as the provider calls it",
    connections.Prefix: "letters, digits, `_` and `-`, at most 40",
    endpoints.BaseUrl: "a URL",
    endpoints.HeaderName: "the name of a header",
    endpoints.QueryName: "a name",
    endpoints.QueryValue: "text",
    limits.Who: "an id or a mail",
}


MEANINGS = {  # where a field's name and section say enough for the program, and not for a reader
    "Workshop.title": "What people read: on cards, on the guide, in Open WebUI.",
    "Workshop.public": "How participants reach it; absent: this machine's own address, plain HTTP.",
    "Workshop.participants": "Who takes part.",
    "Workshop.hosts": "Where it runs; absent: this machine, for everything, unless there is an `inventory`.",
    "Workshop.inventory": "More hosts, from an Ansible inventory ([hosts.md](hosts.md#from-an-ansible-inventory)).",
    "Workshop.models": "What participants choose from.",
    "Workshop.capacity": "What the plan assumes when it says how many people a model can serve.",
    "Workshop.limits": "For each participant.",
    "Workshop.handouts": "Cards and guide.",
    "Workshop.archive": "What is kept of the class.",
    "Workshop.images": "Container images.",
    "Workshop.gateway": "The one address in front of all models.",
    "Workshop.webui": "The chat.",
    "Gateway.port": "The port on the gateway's host that programs use.",
    "WebUI.mode": "`none` leaves Open WebUI out.",
    "WebUI.port": "The port on the gateway's host that browsers use.",
    "WebUI.banners": "Below the welcome, in this order.",
    "WebUI.presets": "More entries of the model menu, behind the models.",
    "WebUI.tool_servers": "What models may call.",
    "ToolServer.name": "A DNS label; what its tools are called together.",
    "ToolServer.kind": "How it speaks.",
    "ToolServer.description": "Shown with the title.",
    "Connection.name": "A DNS label; the tag `workshop:NAME` marks the connection in Open WebUI.",
    "WebUI.functions": "Python that runs inside Open WebUI.",
    "Function.description": "For the administrator's list.",
    "Banner.title": "In bold, before the text.",
    "Banner.kind": "Its colour.",
    "Suggestion.title": "What the button says.",
    "Suggestion.subtitle": "Smaller, below it.",
    "Suggestion.prompt": "What is sent.",
    "Preset.name": "What programs send as `model` to Open WebUI's API.",
    "Preset.description": "Open WebUI shows it beside the title.",
    "Participants.count": "A number of seats without names.",
    "Participants.spare": "Seats beyond them.",
    "Tls.cert": "The certificate with its chain.",
    "Tls.key": "Its private key.",
    "Host.name": "What plans, messages and `models[].host` call it.",
    "Host.address": "`localhost` is this machine.",
    "Host.roles": "What runs there; one host is the gateway, one has Open WebUI, any number serve models.",
    "Host.gpus": "Absent: what is found there; where none was looked for yet, none.",
    "Gpus.count": "How many.",
    "Model.name": "What clients send as `model`, and what the menu of Open WebUI shows.",
    "Model.engine": "`external` is somebody else's endpoint.",
    "Model.replicas": "Copies that the gateway balances between.",
    "Model.environment": "Variables of the engine's container. A value may be a reference to a secret.",
    "Limits.requests_per_minute": "Beyond it the answer is 429.",
    "Limits.concurrent_requests": "Requests under way at once.",
    "Limits.tokens_per_minute": "Prompts and answers together; counted when an answer ends.",
    "Bounds.requests_per_minute": "As in [`limits`](#limits).",
    "Bounds.concurrent_requests": "As in [`limits`](#limits).",
    "Bounds.tokens_per_minute": "As in [`limits`](#limits).",
    "Grace.before": "Before `opens`.",
    "Grace.after": "After `closes`.",
    "Handouts.paper": "Of the cards.",
    "Handouts.per_page": "Cards on a sheet.",
    "RegistryLogin.user": "The account's name.",
    "Images.source": "`auto` takes what is there, then tries registries, then builds from Debian and PyPI packages; "
    "`archive` takes what `workshop images load` brought, and asks no network.",
}


def main(arguments: list[str]) -> int:
    tests = "\n\n".join(("# Tests", NOTE, testing_page(DOCS.parent))) + "\n"
    pages = {"workshop-yaml.md": spec_page(), "cli.md": cli_page(), "testing.md": tests}
    stale = [name for name, text in pages.items() if not _is(DOCS / name, text)]
    if arguments == ["--check"]:
        for name in stale:
            print(f"docs/{name} is out of step: python docs/generate.py", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(pages[name], encoding="utf-8")
        print(f"docs/{name}")
    return 0


def _is(page: Path, text: str) -> bool:
    return page.is_file() and page.read_text(encoding="utf-8") == text


# workshop.yaml


def spec_page() -> str:
    schema = spec_schema()
    parts = ["# workshop.yaml", NOTE, INTRODUCTION]
    parts += [_section(title, section, schema) for title, section in _sections("", Workshop)]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """\
One file says all about a class. `workshop init` writes a commented one, `workshop validate` checks it and names every
problem with its line and column, and an editor that reads JSON Schema completes it (`workshop schema`).

- A key that is not on this page is an error, at every level: a typing mistake never passes in silence.
- Values keep their type: `port: "8080"` is text, not a number.
- YAML anchors (`&name`, `*name`, `<<: *name`) work. A key that stands twice is an error.
- Paths are relative to the file's folder.
- A secret is never written here. It is a reference, `${env:NAME}` or `${file:PATH}`, read when `provision` runs."""


def _sections(title: str, section: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section under the path by which it is reached, the inner ones after the one that holds them."""
    yield title, section
    for name in _fields(section):
        field = section.model_fields[name]
        inner = _model_in(field.annotation)
        if inner is not None:
            yield from _sections(f"{title}.{name}{_several(field)}".lstrip("."), inner)


def _fields(section: type[BaseModel]) -> list[str]:
    """In the order of the class, those that it inherits last."""
    return sorted(section.model_fields, key=lambda name: name not in section.__annotations__)


def _several(field: FieldInfo) -> str:
    if get_origin(field.annotation) is dict:
        return ".NAME"
    return "[]" if "list[" in str(field.annotation) else ""


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _words_in(annotation: Any) -> Iterator[str]:
    """What may stand in a section's place."""
    for part in get_args(annotation):
        if get_origin(annotation) is Literal:
            yield str(part)
        else:
            yield from _words_in(part)


def _section(title: str, section: type[BaseModel], schema: Mapping[str, Any]) -> str:
    place = f"## `{title}`" if title else "## The file"
    own = schema if section is Workshop else schema["$defs"][section.__name__]
    lines = [place, "", section.__doc__ or "", "", "| key | value | default | |", "|---|---|---|---|"]
    described = descriptions(section)
    for name in _fields(section):
        field = section.model_fields[name]
        default = "**required**" if field.is_required() else _default(field.get_default(call_default_factory=True))
        meaning = (described.get(name) or MEANINGS[f"{section.__name__}.{name}"]).replace("\n", " ")
        kind = _kind_of(field, f"{title}.{name}".lstrip("."), own["properties"][name], schema)
        lines.append(f"| `{name}` | {kind} | {default} | {_cell(meaning)} |")
    return "\n".join(lines)


def _kind_of(field: FieldInfo, path: str, described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if _model_in(field.annotation) is not None:
        place = path + _several(field)
        anchor = "".join(letter for letter in place.lower() if letter.isalnum() or letter in "-_")
        words = "".join(f"`{word}`, or " for word in _words_in(field.annotation))
        several = {"[]": "list of ", ".NAME": "mapping from names to "}.get(_several(field), "")
        return f"{words}{several}[`{place}`](#{anchor})"
    if "datetime" in str(field.annotation):
        return "time, like `2026-12-01T08:30:00+01:00`"
    if "Path" in str(field.annotation):
        return "path"
    return _kind(described, schema)


def _default(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_unset=True)
    elif isinstance(value, list):
        value = [
            item.model_dump(mode="json", exclude_unset=True) if isinstance(item, BaseModel) else item for item in value
        ]
    if value in ({}, []):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _kind(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What may stand there, in words."""
    if "$ref" in described:
        name = described["$ref"].rpartition("/")[2]
        target = schema["$defs"][name]
        return _choices(target["enum"]) if "enum" in target else "mapping"
    if "allOf" in described:
        return _kind(described["allOf"][0], schema)
    choices = described.get("anyOf") or described.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_kind(part, schema) for part in choices if part.get("type") != "null"))
    if "enum" in described:
        return _choices(described["enum"])
    return _simple(described, schema)


def _simple(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    match described.get("type"):
        case "array":
            return f"list of: {_kind(described['items'], schema)}"
        case "object":
            return _mapping(described, schema)
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return f"whole number{_range(described)}"
        case "number":
            return f"number{_range(described)}"
    return _text(described)


def _mapping(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "patternProperties" in described:
        pattern, value = next(iter(described["patternProperties"].items()))
        return f"mapping from {_pattern(pattern)} to {_kind(value, schema)}"
    names = _kind(described["propertyNames"], schema)
    return f"mapping from {names} to {_kind(described['additionalProperties'], schema)}"


def _text(described: Mapping[str, Any]) -> str:
    pattern = described.get("pattern", "")
    if pattern == SECRET:
        return "`${env:NAME}` or `${file:PATH}`"
    return _pattern(pattern) or ("text" + (f", at most {described['maxLength']}" if "maxLength" in described else ""))


SECRET = values.SecretReference.__get_pydantic_json_schema__(None, None)["pattern"]  # type: ignore[arg-type]


def _range(described: Mapping[str, Any]) -> str:
    least, most = described.get("minimum"), described.get("maximum")
    if "exclusiveMinimum" in described:
        return f" above {described['exclusiveMinimum']:g}"
    if least is not None and most is not None:
        return f", {least} to {most}"
    return f", {least} or more" if least is not None else ""


def _pattern(pattern: str) -> str | None:
    for alias, words in PATTERNS.items():
        constraints = (part for part in get_args(alias) if isinstance(part, StringConstraints))
        if pattern and any(constraint.pattern == pattern for constraint in constraints):
            return words
    return None


def _choices(options: list[object]) -> str:
    return ", ".join(f"`{option}`" for option in options)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# the command line


def cli_page() -> str:
    parts = ["# Commands", NOTE, CLI_INTRODUCTION, _help("workshop", workshop)]
    for name in COMMANDS:
        command = workshop.get_command(click.Context(workshop), name)
        if command is None:
            raise KeyError(name)
        parts.append(_help(f"workshop {name}", command))
        if isinstance(command, click.Group):
            parts += [_help(f"workshop {name} {inner}", command.commands[inner]) for inner in sorted(command.commands)]
    parts.append(_help("provision", provision))
    return "\n\n".join(parts) + "\n"


CLI_INTRODUCTION = """\
`workshop COMMAND SPEC`; without SPEC it is `workshop.yaml` in this folder. `provision SPEC` is short for
`workshop provision SPEC`.

Results go to stdout, all else to stderr. With `--output json` stdout holds exactly one JSON document, on failure too:
`{"error": {"code", "message", "file", "line", "column", "host", "service", "hint"}}`; what does not apply is `null`.

| exit code | |
|---|---|
| 0 | done |
| 1 | something that you can put right; the message says how |
| 2 | the command line itself is wrong, or it would have to ask and there is no terminal |
| 3 | some hosts failed, the rest stands |
| 4 | something does not work as participants need it |
| 10 | `plan --exit-code`: something would change |
| 70 | a mistake in this program |
| 130, 143 | interrupted, terminated; the same command goes on where it stopped |

Variables that belong to your machine rather than to the class:

| variable | |
|---|---|
| `WORKSHOP_STATE_DIR` | where workshops keep their state, as `--state-dir` |
| `WORKSHOP_STACK_DIR` | where the containers' files lie; `~/.local/share/workshop` |
| `WORKSHOP_WEBUI_CONCURRENCY` | accounts made at once; 4 |
| `WORKSHOP_NVIDIA_REPOSITORY`, `WORKSHOP_NVIDIA_KEY` | a mirror of NVIDIA's packages, and its key's fingerprint |
| `PIP_FIND_LINKS`, `WORKSHOP_TORCH_INDEX` | where PyTorch's CPU wheel can be had, for vLLM in practice mode |"""


def _help(name: str, command: click.Command) -> str:
    context = click.Context(
        command, info_name=name, max_content_width=WIDTH, terminal_width=WIDTH, help_option_names=["-h", "--help"]
    )
    return f"## {name}\n\n```text\n{command.get_help(context).rstrip()}\n```"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
