"""What makes an image a certain host: its key, who may come in, and what its engine is told."""

from __future__ import annotations

import io
import tarfile
from ipaddress import IPv4Network
from pathlib import Path

from tests.fleet.bed.keys import SshKey
from tests.fleet.bed.ssh_host import HostSetup

ACCOUNTS = {
    "root": (0, "root"),
    "ubuntu": (1000, "home/ubuntu"),
    "dock": (1001, "home/dock"),
    "plain": (1002, "home/plain"),
}
CERTIFICATE = "etc/ssh/ssh_host_ed25519_key-cert.pub"


def environment(setup: HostSetup, subnet: IPv4Network, mirror: str) -> list[str]:
    """Of the container. The resolver is this machine's: Docker's own, on the network, is out of a nested one's reach."""
    arguments = [f"--insecure-registry {subnet}", *(f"--dns {server}" for server in _resolvers())]
    if setup.mirror:
        arguments.append(f"--registry-mirror http://{mirror}")
    variables = [f"DOCKERD_ARGS={' '.join(arguments)}", f"FAKE_TOOLKIT={int(setup.toolkit)}"]
    if setup.gpus:
        variables.append(f"FAKE_GPUS={';'.join(map(str, setup.gpus))}")
    return variables


def files(setup: HostSetup, address: str, default: SshKey) -> bytes:
    """A tar archive for the container's root."""
    settings = f"{setup.sshd}\n" if setup.sshd else ""  # sshd takes the first of two
    settings += "PasswordAuthentication no\nKbdInteractiveAuthentication no\nHostKey /etc/ssh/ssh_host_ed25519_key\n"
    if setup.kind == "docker":  # OpenSSH 9.8 and later; tests that are refused on purpose would shut the next ones out
        settings += "PerSourcePenalties no\n"
    archive = _Archive()
    archive.file("etc/ssh/ssh_host_ed25519_key", setup.key.private, mode=0o600)
    if setup.certified_by:
        archive.file(CERTIFICATE, setup.certified_by.host(setup.key, [address, setup.name]).encode())
        archive.file("etc/ssh/sshd_config.d/certificate.conf", f"HostCertificate /{CERTIFICATE}\n".encode())
    if setup.user_authority:
        archive.file("etc/ssh/user_authority.pub", setup.user_authority.key.public.encode())
        settings += "TrustedUserCAKeys /etc/ssh/user_authority.pub\n"
    archive.file("etc/ssh/sshd_config.d/fleet.conf", settings.encode())
    trusted = [default] if setup.trusts is None else setup.trusts
    keys = "".join(f"{key.public}\n" for key in trusted).encode()
    for user, (uid, home) in ACCOUNTS.items():
        if user != "dock" or setup.kind == "docker":
            archive.folder(f"{home}/.ssh", uid)
            archive.file(f"{home}/.ssh/authorized_keys", keys, mode=0o600, uid=uid)
    return archive.done()


class _Archive:
    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w")  # noqa: SIM115 - closed by done()

    def file(self, path: str, content: bytes, *, mode: int = 0o644, uid: int = 0) -> None:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode, entry.uid, entry.gid = len(content), mode, uid, uid
        self._tar.addfile(entry, io.BytesIO(content))

    def folder(self, path: str, uid: int) -> None:
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o700, uid, uid
        self._tar.addfile(entry)

    def done(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


def _resolvers() -> list[str]:
    lines = Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines()
    servers = [line.split()[1] for line in lines if line.startswith("nameserver ")]
    return [server for server in servers if not server.startswith("127.") and ":" not in server]
