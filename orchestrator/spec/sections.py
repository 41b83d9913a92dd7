"""The sections of workshop.yaml except its models and participants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from orchestrator.spec.components import ComponentName
from orchestrator.spec.section import Problem, Section, refuse
from orchestrator.spec.values import HostName, ImageReference, Line, Port, RelativePath, SecretReference
from orchestrator.spec.webui import WebUI

AUTO: Literal["auto"] = "auto"


class Tls(Section):
    """The certificate (with its chain) and private key that participants' programs will see, as PEM files."""

    cert: RelativePath
    key: RelativePath


def _kind_of_tls(value: object) -> str | None:
    if value == AUTO:
        return "auto"
    return "files" if isinstance(value, Mapping | Tls) else None


TlsChoice = Annotated[
    Annotated[Literal["auto"], Tag("auto")] | Annotated[Tls, Tag("files")],
    Discriminator(
        _kind_of_tls,
        custom_error_type="tls",
        custom_error_message="expected auto, or a mapping with cert and key",
    ),
]


class Public(Section):
    """How participants reach the workshop."""

    host: HostName | None = None
    """Name or address on the cards; absent: this machine's own address."""
    tls: TlsChoice | None = None
    """`auto` makes a certificate authority for this workshop, whose certificate is on the guide; absent: plain HTTP."""


class Gateway(Section):
    """The one address in front of all models."""

    port: Port = 8080
    metrics: Port | None = None
    """Prometheus reads /metrics there, on the gateway's host itself (127.0.0.1); absent: nowhere."""


class Grace(Section):
    """Minutes in which keys work already, and still, around opens and closes."""

    before: Annotated[int, Field(ge=0, le=1440)] = 0
    after: Annotated[int, Field(ge=0, le=1440)] = 0


class Handouts(Section):
    """The printed cards."""

    paper: Literal["a4", "letter"] = "a4"
    per_page: Literal[1, 2, 4, 6, 8, 10, 12] = 8
    fonts: RelativePath | None = None
    """A folder with more fonts, for names in scripts that the built-in ones lack."""
    contact: Line | None = None
    """Whom to ask; printed on the guide."""


class Archive(Section):
    """What is kept of the class when it ends."""

    required: bool = False
    """`teardown` archives first, and removes nothing where that fails; `--without-archive` overrules it."""


class RegistryLogin(Section):
    """Who asks a registry for images. Given with each pull; no host keeps it."""

    registry: ImageReference | None = None
    """The registry that it is for; absent: `images.registry`, else Docker Hub."""
    user: Line
    password: SecretReference
    """Or an access token."""


class Images(Section):
    """Where container images come from."""

    source: Literal["auto", "registry", "archive", "packages"] = "auto"
    registry: ImageReference | None = None
    """A registry (and path) that mirrors all images; replaces the registry of each."""
    override: dict[ComponentName, ImageReference] = {}
    """A reference for single components."""
    login: RegistryLogin | None = None
    """For a registry that wants one, or gives more to who has an account."""


def window_problems(opens: object, closes: object) -> list[Problem]:
    """Both or neither, and in this order."""
    if (opens is None) != (closes is None):
        given, absent = ("opens", "closes") if closes is None else ("closes", "opens")
        return [
            Problem(
                (given,), f"{given} stands without {absent}: give both, or neither for a workshop that is always open"
            )
        ]
    if opens is not None and closes is not None and opens >= closes:  # type: ignore[operator]
        return [Problem(("closes",), "closes must be later than opens")]
    return []


class Ports(Section):
    """A mix-in check: two services cannot share a port of the host."""

    gateway: Gateway = Gateway()
    webui: WebUI = WebUI()

    @property
    def published(self) -> dict[str, int]:
        """Each field that names one port of the gateway's host, and the port."""
        ports = {"gateway.port": self.gateway.port}
        if self.webui.has_one_port:
            ports["webui.port"] = self.webui.port
        if self.gateway.metrics is not None:
            ports["gateway.metrics"] = self.gateway.metrics
        return ports

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        refuse(self._same_ports())
        return self

    def _same_ports(self) -> Iterable[Problem]:
        fields = sorted(self.published, key=lambda field: self._stands_in_the_file(*field.split(".")))
        for number, field in enumerate(fields):
            for other in fields[:number]:
                if self.published[other] == self.published[field]:
                    names = " and ".join(sorted((_short(field), _short(other))))
                    message = f"{names} cannot both have port {self.published[field]}"
                    yield Problem(tuple(field.split(".")), message)

    def _stands_in_the_file(self, section: str, field: str) -> bool:
        return section in self.model_fields_set and field in getattr(self, section).model_fields_set


def _short(field: str) -> str:
    return field.removesuffix(".port")
