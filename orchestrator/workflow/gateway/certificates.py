"""Step: the certificate that participants' programs see, from the user's files or from the workshop's own authority."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from orchestrator.plan.instances import instances
from orchestrator.spec.loader import Spec
from orchestrator.spec.sections import AUTO, Tls
from orchestrator.state.folder import StateFolder
from orchestrator.workflow.context.open import newcomers
from orchestrator.workflow.gateway.edges import certify_edges, edges_shown
from orchestrator.workflow.wanted.address import addresses

if TYPE_CHECKING:
    from orchestrator.render.edge import EdgeCredentials
    from orchestrator.tls.issue import Issued, Wanted
    from orchestrator.workflow.context.run import Run

AUTHORITY = "certificate authority"
CERTIFICATE = "certificate"
_ENCRYPTED = (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED")  # RFC 5958, RFC 1421


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """Of the authority or of the server, and why it is made."""

    what: str
    name: str  # what it is for
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: new, for {self.name} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Served:
    """What the gateway shows. `repr` shows no key."""

    files: dict[str, bytes] = field(default_factory=dict, repr=False)  # cert.pem and key.pem; none without TLS
    edges: EdgeCredentials | None = field(default=None, repr=False)  # None: no host is behind an edge
    new: tuple[NewCertificate, ...] = ()


def certify(run: Run) -> Run:
    """Make what is missing, or would not serve until the end; refuse files that don't fit."""
    run = run.changed(*(str(_of_edge(*new)) for new in certify_edges(run.spec, run.state.folder)))
    if run.spec.workshop.public.tls != AUTO:
        served(run.spec, run.state.folder)
        return run
    from orchestrator.tls.store import is_whole, save

    issued = _issued(run.spec, run.state.folder)
    if issued.is_new or not is_whole(run.state.folder, issued):
        save(run.state.folder, issued)
    return run.changed(*map(str, _new(run.spec, issued)))


def served(spec: Spec, folder: StateFolder) -> Served:
    """What should be shown; writes nothing. Raises UserError for files that cannot be used."""
    tls, edges = spec.workshop.public.tls, edges_shown(spec, folder)
    new = tuple(_of_edge(*made) for made in edges.new)
    if tls is None:
        return Served(edges=edges.credentials, new=new)
    if isinstance(tls, Tls):
        return Served(given(spec, tls), edges.credentials, new)
    issued = _issued(spec, folder)
    files = {"cert.pem": issued.server.certificate_pem, "key.pem": issued.server.key_pem}
    return Served(files, edges.credentials, (*new, *_new(spec, issued)))


def require_usable(spec: Spec) -> None:
    """What can be said of `public.tls` without the state. Raises UserError with its line."""
    tls = spec.workshop.public.tls
    if isinstance(tls, Tls):
        given(spec, tls)
    elif tls == AUTO:
        _wanted(spec)


def trusted(spec: Spec, folder: StateFolder) -> Path | None:
    """What clients must be told to trust beside the system's authorities."""
    tls = spec.workshop.public.tls
    if isinstance(tls, Tls):
        return spec.path(tls.cert)
    return folder.ca_certificate if tls else None


def trusted_nearby(spec: Spec, folder: StateFolder) -> str | Literal[False]:
    """The same for a request over the loopback, for which a certificate from files is not made: False looks at none."""
    own = spec.workshop.public.tls == AUTO and folder.ca_certificate.exists()
    return str(folder.ca_certificate) if own else False


def given(spec: Spec, tls: Tls) -> dict[str, bytes]:
    """The user's own files."""
    found = {}
    for name, path in (("cert", tls.cert), ("key", tls.key)):
        at = ("public", "tls", name)
        try:
            content = spec.path(path).read_bytes()
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            raise spec.problem(
                at, "tls_unreadable", f"cannot read {path}: {reason}", "Give the path of a PEM file"
            ) from None
        if b"-----BEGIN" not in content:
            raise spec.problem(at, "tls_unreadable", f"{path} is not a PEM file", "It must begin with -----BEGIN")
        if any(mark in content for mark in _ENCRYPTED):  # OpenSSL would ask at the terminal, nginx cannot
            hint = f"openssl pkey -in {path} -out NEW asks for it once and writes a key without one"
            raise spec.problem(at, "tls_unreadable", f"{path} is locked with a passphrase", hint)
        found[f"{name}.pem"] = content
    _require_pair(spec, tls)
    _require_names(spec, tls, found["cert.pem"])
    return found


def _require_pair(spec: Spec, tls: Tls) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(spec.path(tls.cert), spec.path(tls.key))
    except ssl.SSLError as problem:
        reason = (problem.reason or "unreadable").replace("_", " ").lower()
        apart = problem.reason == "KEY_VALUES_MISMATCH"
        what = "do not belong together" if apart else "cannot be used"
        hint = "Use the key that the certificate was made for" if apart else "nginx would refuse them too: give others"
        message = f"{tls.cert} and {tls.key} {what}: {reason}"
        raise spec.problem(("public", "tls"), "tls_unreadable", message, hint) from None


def _require_names(spec: Spec, tls: Tls, pem: bytes) -> None:
    """A browser that is shown the certificate of another name lets nobody in."""
    workshop = spec.workshop
    if workshop.webui.domain is None:
        return
    from cryptography import x509

    from orchestrator.tls.names import stands_for

    certificate = x509.load_pem_x509_certificate(pem)
    hosts = [name for one in instances(workshop, newcomers(spec)) for name in one.page.names[:1]]
    if without := [host for host in hosts if not stands_for(certificate, host)]:
        more = f" and {len(without) - 1} others" if len(without) > 1 else ""
        message = f"{tls.cert} is no certificate for {without[0]}{more}"
        hint = f"Have one made for *.{workshop.webui.domain}, or write tls: auto"
        raise spec.problem(("public", "tls", "cert"), "tls_names", message, hint)


def _issued(spec: Spec, folder: StateFolder) -> Issued:
    from orchestrator.tls.issue import issue
    from orchestrator.tls.store import load

    return issue(_wanted(spec), *load(folder))


def _wanted(spec: Spec) -> Wanted:
    from orchestrator.tls.issue import Wanted
    from orchestrator.tls.lifetime import LONGEST
    from orchestrator.tls.names import EACH, Names

    workshop, where = spec.workshop, addresses(spec.workshop)
    hosts = [urlsplit(url).hostname or "" for url in (where.api, where.local_api)]
    names = Names.of(
        *hosts, *(["localhost"] if "127.0.0.1" in hosts else []), *(f"{EACH}{domain}" for domain in where.domains)
    )
    closes = workshop.window[1] if workshop.window else None
    wanted = Wanted(workshop.name, names, closes, datetime.now(UTC).replace(microsecond=0))
    if not wanted.is_possible:
        message = f"no certificate lasts until closes: clients take them for {LONGEST.days} days at most"
        raise spec.problem(("public", "tls"), "tls_too_long", message, "Provision nearer to the class, or give files")
    return wanted


def _of_edge(who: str, reason: str) -> NewCertificate:
    return NewCertificate("certificate between hosts", who, reason)


def _new(spec: Spec, issued: Issued) -> list[NewCertificate]:
    host = urlsplit(addresses(spec.workshop).api).hostname or ""
    reasons = ((AUTHORITY, issued.new_authority), (CERTIFICATE, issued.new_server))
    return [NewCertificate(what, host, reason) for what, reason in reasons if reason]
