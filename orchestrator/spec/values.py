"""The small value types of workshop.yaml: names, hosts, paths, secrets by reference."""

from __future__ import annotations

import ipaddress
import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    SecretStr,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from orchestrator.errors import UserError

DnsLabel = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"),
]
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._:/-]{0,78}[A-Za-z0-9])?$")]
TeamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,38}[A-Za-z0-9])?$")]
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_])?$")]
DomainName = Annotated[
    str,
    StringConstraints(
        to_lower=True,
        max_length=180,  # with a label before it, and a port after it, it is a name still
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
    ),
]
UserName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
ImageReference = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._/:@-]{0,250}$")]
EngineArgument = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


def one_of(names: Callable[[], Iterable[str]]) -> GetPydanticSchema:
    """A text that is one of these, for `Annotated`; they are asked for when a schema is made."""
    return GetPydanticSchema(lambda _source, _handler: core_schema.literal_schema(list(names())))


def printable(text: str) -> str:
    """For one line of text."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise PydanticCustomError("control", "control characters and line breaks are not allowed here")
    return text


Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(printable)]


def _readable(text: str) -> str:
    """For text of several lines."""
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in text):
        raise PydanticCustomError("control", "control characters are not allowed here")
    return text


Words = Annotated[
    str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True), AfterValidator(_readable)
]


def _path(value: Any) -> Any:
    """A `~` is resolved here, so that an unknown user is told with the line."""
    if not isinstance(value, str) or not value:
        return value
    try:
        return Path(printable(value)).expanduser()
    except RuntimeError:
        raise PydanticCustomError("home", "expected a path; whose home folder that is, is not known") from None


RelativePath = Annotated[Path, BeforeValidator(_path, json_schema_input_type=str)]
"""A path, relative to the folder of workshop.yaml unless it is absolute."""


class FilesHere(str):
    """A file, a folder with all below it, or a pattern, relative to the folder of workshop.yaml.

    A type of its own, so that `state export` finds every one in a spec: orchestrator/handover/named.py.
    """

    __slots__ = ()


FilesEntry = Annotated[Line, AfterValidator(FilesHere)]

SMALLEST_SUBNET = 29  # bits of its prefix: eight addresses


def _subnets(text: str) -> str:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        network = None
    if network is None or not network.is_private or network.prefixlen > SMALLEST_SUBNET:
        raise PydanticCustomError("subnets", "expected private addresses like 10.200.0.0/20")
    return str(network)


Subnets = Annotated[str, AfterValidator(_subnets)]

_REFERENCE = re.compile(r"^\$\{(env|file):([^{}\x00-\x1f\x7f]+)\}$")


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is to be read from: `${env:NAME}` or `${file:PATH}`. Holds no secret itself."""

    kind: str
    name: str

    def reveal(self, folder: Path) -> SecretStr:
        """The secret; relative paths are taken from `folder`.

        Raises UserError (`secret_missing`) when the variable is not set, or the file cannot be read or is empty.
        """
        if self.kind == "env":
            value = os.environ.get(self.name, "")
            if not value:
                raise UserError(
                    "secret_missing", f"the environment variable {self.name} is not set", hint=f"export {self.name}=..."
                )
            return SecretStr(value)
        path = folder / self.name
        try:
            path = folder / Path(self.name).expanduser()
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError, RuntimeError) as problem:
            reason = getattr(problem, "strerror", None) or ("not text" if path.exists() else "no such file")
            raise UserError(
                "secret_missing", f"cannot read the secret file {path}: {reason}", hint="create it, mode 0600"
            ) from None
        if not value:
            raise UserError("secret_missing", f"the secret file {path} is empty", hint="put the secret into it")
        return SecretStr(value)

    @classmethod
    def parse(cls, text: str) -> SecretReference | None:
        found = _REFERENCE.match(text)
        return cls(found[1], found[2]) if found else None

    @classmethod
    def _validate(cls, value: object) -> SecretReference:
        if isinstance(value, cls):
            return value
        reference = cls.parse(value) if isinstance(value, str) else None
        if reference is None:
            raise PydanticCustomError("secret", "a secret must be a reference: ${env:NAME} or ${file:PATH}")
        return reference

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._validate)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": _REFERENCE.pattern}


def require_one_line(secret: SecretStr) -> None:
    """For a secret that becomes an HTTP header. Raises UserError `secret_invalid`, which does not repeat it."""
    text = secret.get_secret_value()
    if not (text.isprintable() and text.isascii()):
        message = "the key has line breaks, control characters or letters beyond ASCII in it"
        raise UserError("secret_invalid", message, hint="Put the key alone there")


def _environment_value(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return value
    return stands_alone(value) or printable(value)


def stands_alone(text: str) -> SecretReference | None:
    """The reference that this is, None for other text; one inside other text is refused."""
    reference = SecretReference.parse(text)
    if reference is None and ("${env:" in text or "${file:" in text):
        raise PydanticCustomError("secret", "a reference must stand alone: ${env:NAME} or ${file:PATH}")
    return reference


EnvironmentValue = Annotated[
    str | SecretReference,
    BeforeValidator(_environment_value, json_schema_input_type=str | int | float | bool),
]
