"""A certificate with its private key: made, signed, written down and read again. Pure, but for randomness."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from orchestrator.tls.names import Names

SERVERS_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
CLIENTS_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
BOTH = x509.ExtendedKeyUsage([*SERVERS_ONLY, *CLIENTS_ONLY])


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """P-256, which every client of the last ten years can check."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def signed(self, other: x509.Certificate) -> bool:
        """Whether the other certificate was made with this key."""
        try:
            other.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def read_pair(pem: bytes) -> Pair:
    """From a file with both. Raises ValueError where one is missing, or they do not belong together."""
    certificate, key = x509.load_pem_x509_certificate(pem), load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("key and certificate do not belong together")
    return Pair(certificate, key)


def make_authority(workshop: str, names: Names, begins: datetime, ends: datetime) -> Pair:
    """An authority that can sign for these names only, for servers only, and no further authorities."""
    return make_bound_authority(f"{workshop} workshop CA", names.constraints, SERVERS_ONLY, begins, ends)


def make_bound_authority(
    title: str, constraints: x509.NameConstraints, usage: x509.ExtendedKeyUsage, begins: datetime, ends: datetime
) -> Pair:
    """An authority for these names and purposes, which can make no further authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # With a piece of its key in its name, so that people who meet two of one workshop can tell them apart.
    name = _name(f"{title} {identifier.digest[:3].hex()}")
    certificate = (
        _builder(name, name, key, begins, ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(constraints, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate, key)


def make_server(workshop: str, names: Names, authority: Pair, begins: datetime, ends: datetime) -> Pair:
    """A server's certificate for these names."""
    return make_leaf(f"{workshop} workshop", SERVERS_ONLY, names.alternatives, authority, begins, ends)


def make_leaf(
    title: str,
    usage: x509.ExtendedKeyUsage,
    alternatives: x509.SubjectAlternativeName,
    authority: Pair,
    begins: datetime,
    ends: datetime,
) -> Pair:
    """A certificate that can sign nothing. `title` has a blank: without, OpenSSL takes a common name for a host's."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    signer = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(_name(title), issuer.subject, key, begins, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Pair(certificate, key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
