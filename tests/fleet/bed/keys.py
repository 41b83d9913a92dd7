"""SSH keys and certificates, made without ssh-keygen: of users, of hosts, and of an authority for both."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)

HOUR = 3600.0


@dataclass(frozen=True)
class SshKey:
    """An ed25519 key. Two of them are never the same."""

    secret: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate, repr=False)

    @property
    def private(self) -> bytes:
        """As in a file `id_ed25519`."""
        return self.secret.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())

    @property
    def public(self) -> str:
        """As in authorized_keys: `ssh-ed25519 AAAA...`."""
        return self.secret.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it: `SHA256:...`."""
        digest = hashlib.sha256(base64.b64decode(self.public.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def write(self, path: Path, certificate: str | None = None) -> Path:
        """The private key's file, of mode 0600, with the certificate beside it where ssh(1) looks for one."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(self.private)
        if certificate:
            path.with_name(f"{path.name}-cert.pub").write_text(f"{certificate}\n", encoding="utf-8")
        return path


@dataclass(frozen=True)
class SshAuthority:
    """Signs users' keys and hosts' keys. Times count from now, in seconds; a negative `ends` has expired already."""

    key: SshKey = field(default_factory=SshKey)

    def user(self, key: SshKey, names: Sequence[str], *, begins: float = -24 * HOUR, ends: float = HOUR) -> str:
        """A certificate for logging in as one of these users."""
        return self._sign(SSHCertificateType.USER, key, names, begins, ends)

    def host(self, key: SshKey, names: Sequence[str], *, begins: float = -24 * HOUR, ends: float = HOUR) -> str:
        """A certificate for being one of these addresses."""
        return self._sign(SSHCertificateType.HOST, key, names, begins, ends)

    def known_hosts_line(self, pattern: str = "*") -> str:
        return f"@cert-authority {pattern} {self.key.public}"

    def _sign(self, kind: SSHCertificateType, key: SshKey, names: Sequence[str], begins: float, ends: float) -> str:
        builder = (
            SSHCertificateBuilder()
            .public_key(key.secret.public_key())
            .serial(1)
            .type(kind)
            .key_id(b"fleet test")
            .valid_principals([name.encode() for name in names])
            .valid_after(int(time.time() + begins))
            .valid_before(int(time.time() + ends))
        )
        if kind is SSHCertificateType.USER:
            for permission in (b"permit-port-forwarding", b"permit-pty"):
                builder = builder.add_extension(permission, b"")
        return builder.sign(self.key.secret).public_bytes().decode()
