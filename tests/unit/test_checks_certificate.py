"""TLS: whom verify believes, and that a bad certificate is one red line, not the end."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from orchestrator.checks.asking import Patience
from orchestrator.checks.check import Check
from orchestrator.checks.subject import Subject
from orchestrator.checks.verification import verify
from orchestrator.errors import UserError
from orchestrator.plan.gateway import Window
from tests.unit.checks_stub import StubGateway, StubServer, serving, subject

QUICK = Patience(connect=1, look=2, answer=2)
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.cert.public_bytes(Encoding.PEM)


Make = Callable[..., Pair]


def make(
    address: str = "127.0.0.1",
    ends: dt.datetime = NOW + DAY,
    issuer: Pair | None = None,
    *,
    authority: bool = False,
) -> Pair:
    """A certificate for an address; self-signed without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"of {issuer.cert.serial_number}" if issuer else "first")]
    )
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.cert.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 3 * DAY)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    return Pair(cert, key)


@contextmanager
def gateway_with(pair: Pair, folder: Path, *chain: Pair) -> Iterator[StubServer]:
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(key + pair.pem + b"".join(link.pem for link in chain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with serving(StubGateway(), tls=context) as server:
        yield server


def given(url: str, folder: Path, *certificates: Pair) -> Subject:
    (folder / "given.pem").write_bytes(b"".join(certificate.pem for certificate in certificates))
    return replace(subject(url), tls_certificate=folder / "given.pem")


def ask(asked: Subject) -> tuple[Check, ...]:
    return verify(asked, report=lambda _: None, patience=QUICK)


def only_the_certificate_is_wrong(checks: tuple[Check, ...]) -> str:
    assert [check.name for check in checks if not check.ok] == ["Certificate"]
    assert len(checks) > 15, "the rest was asked all the same"
    return checks[0].got


def test_a_self_signed_certificate_that_was_given_is_believed(tmp_path: Path) -> None:
    own = make()
    with gateway_with(own, tmp_path) as server:
        checks = ask(given(server.url, tmp_path, own))

    assert [check for check in checks if not check.ok] == []
    assert checks[0].got.startswith("valid until")


def test_an_own_authority_and_a_part_of_a_chain_are_believed(tmp_path: Path) -> None:
    root = make(authority=True)
    middle = make(issuer=root, authority=True)
    leaf = make(issuer=middle)
    for trusted in (root, middle, leaf):
        with gateway_with(leaf, tmp_path, middle) as server:
            assert ask(given(server.url, tmp_path, trusted))[0].ok


def test_a_certificate_of_somebody_else_is_seen(tmp_path: Path) -> None:
    with gateway_with(make(), tmp_path) as server:
        assert only_the_certificate_is_wrong(ask(subject(server.url))) == "not valid: self-signed certificate"
        assert "self-signed" in only_the_certificate_is_wrong(ask(given(server.url, tmp_path, make())))


def test_a_certificate_for_another_address_is_seen(tmp_path: Path) -> None:
    other = make("192.0.2.7")
    with gateway_with(other, tmp_path) as server:
        said = only_the_certificate_is_wrong(ask(given(server.url, tmp_path, other)))

    assert "IP address mismatch" in said


def test_a_certificate_that_has_expired_is_seen(tmp_path: Path) -> None:
    old = make(ends=NOW - DAY)
    with gateway_with(old, tmp_path) as server:
        assert (
            only_the_certificate_is_wrong(ask(given(server.url, tmp_path, old))) == "not valid: certificate has expired"
        )


def test_a_certificate_that_ends_before_the_workshop_is_seen(tmp_path: Path) -> None:
    short = make()
    with gateway_with(short, tmp_path) as server:
        week = Window(opens=10, closes=int((NOW + 7 * DAY).timestamp()))
        said = only_the_certificate_is_wrong(ask(replace(given(server.url, tmp_path, short), window=week)))

    assert said.endswith("before the workshop ends")


def test_a_gateway_that_does_not_speak_tls_is_said() -> None:
    with serving(StubGateway()) as server:
        checks = ask(subject(server.url.replace("http", "https")))

    assert [check.got for check in checks[:2]] == ["TLS: no secure connection could be agreed on"] * 2


def test_a_certificate_file_that_is_none_is_the_users_to_fix(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    for path in (tmp_path / "cert.pem", tmp_path / "missing.pem"):
        with pytest.raises(UserError, match="no certificate can be read") as caught:
            ask(replace(subject("https://127.0.0.1:1"), tls_certificate=path))
        assert caught.value.code == "tls_certificate_unreadable"
