"""`public.tls`: auto, or two files; anything else is told with its line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from orchestrator.cli.app import workshop
from orchestrator.spec.sections import Tls
from tests.unit.spec_samples import VALID, spec_of, told


def test_auto_and_files_are_both_understood(tmp_path: Path) -> None:
    assert spec_of(tmp_path, VALID + "public: {tls: auto}\n").workshop.public.tls == "auto"
    files = spec_of(tmp_path, VALID + "public: {tls: {cert: a, key: b}}\n").workshop.public.tls
    assert files == Tls(cert=Path("a"), key=Path("b"))
    assert spec_of(tmp_path, VALID + "public: {tls: null}\n").workshop.public.tls is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ato", "public.tls: expected auto, or a mapping with cert and key, got 'ato'"),
        ("true", "public.tls: expected auto, or a mapping with cert and key, got true"),
        ("[a, b]", "public.tls: expected auto, or a mapping with cert and key, got a list"),
        ("{cert: a}", "public.tls.key is missing"),
        ("{cert: 3, key: b}", "public.tls.cert: expected a path, got 3"),
        ("{crt: a, cert: a, key: b}", "unknown key public.tls.crt. Did you mean 'cert'?"),
    ],
)
def test_anything_else_is_one_line(tmp_path: Path, value: str, expected: str) -> None:
    (line,) = told(tmp_path, VALID + f"public: {{tls: {value}}}\n")

    assert line.startswith("workshop.yaml:8:")
    assert expected in line


def test_a_class_that_no_certificate_outlasts_is_told_by_validate(tmp_path: Path) -> None:
    file = tmp_path / "workshop.yaml"
    window = "opens: 2099-01-01T08:00:00+01:00\ncloses: 2099-01-01T18:00:00+01:00\n"
    file.write_text(VALID + window + "public: {tls: auto}\npractice: true\n", encoding="utf-8")

    result = CliRunner().invoke(workshop, ["validate", str(file)], standalone_mode=False)

    assert result.return_value == 1
    assert "workshop.yaml:10:" in result.stderr
    assert "no certificate lasts until closes" in result.stderr


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_with_a_passphrase_is_told_and_nobody_is_asked_for_it(tmp_path: Path, form: PrivateFormat) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret")))
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    file = tmp_path / "workshop.yaml"
    file.write_text(VALID + "public: {tls: {cert: cert.pem, key: key.pem}}\npractice: true\n", encoding="utf-8")

    result = CliRunner().invoke(workshop, ["validate", str(file)], standalone_mode=False)

    assert result.return_value == 1
    assert "workshop.yaml:8:" in result.stderr
    assert "key.pem is locked with a passphrase. openssl pkey -in key.pem" in result.stderr


def test_a_certificate_that_no_client_takes_is_not_said_to_be_anothers(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    now, name = datetime.now(UTC), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    (tmp_path / "cert.pem").write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file = tmp_path / "workshop.yaml"
    file.write_text(VALID + "public: {tls: {cert: cert.pem, key: key.pem}}\npractice: true\n", encoding="utf-8")

    result = CliRunner().invoke(workshop, ["validate", str(file)], standalone_mode=False)

    assert result.return_value == 1
    assert "cert.pem and key.pem cannot be used: ee key too small" in result.stderr
