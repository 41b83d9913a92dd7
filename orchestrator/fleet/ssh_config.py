"""What ssh is told about one host: a configuration file of its own, which Ansible uses too.

Checking host keys is never switched off: known_hosts decides, or the fingerprint in the spec. Keywords: ssh_config(5);
KnownHostsCommand needs OpenSSH 8.5 or newer on this machine.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

CONNECT_SECONDS = 10
PERSIST_SECONDS = 60  # a connection that nothing uses: all that a killed run leaves behind
ALIVE_SECONDS, ALIVE_TIMES = 5, 3  # a host that vanished is given up after 15 s

# Prints the key that the host shows if its fingerprint is the expected one: only then ssh knows the host.
KNOWN_IF_EXPECTED = """#!/bin/sh
if [ "$1" = {expected} ]; then echo "$2 $3 $4"; fi
"""


@dataclass(frozen=True, slots=True)
class SshAddress:
    """How one host is reached; what is None is left to ssh and the user's own configuration."""

    host: str
    user: str | None = None
    port: int | None = None
    key: Path | None = None
    jump: str | None = None  # USER@HOST:PORT
    fingerprint: str | None = None  # of the host's key, SHA256:...; None: known_hosts decides
    become: bool = False  # sudo without a password


def ssh_config(address: SshAddress, folder: Path, known_hosts: Path | None = None) -> str:
    """The file's text; its first value of a keyword counts: the user's own file, read last, only adds.

    `folder` is private and holds the sockets of open connections. `known_hosts` is read beside the user's own.
    """
    host = [f"Host {address.host}"]
    host += [f"  User {address.user}"] if address.user else []
    host += [f"  Port {address.port}"] if address.port else []
    host += [f"  ProxyJump {address.jump}"] if address.jump else []
    host += ["  IdentitiesOnly yes"] if address.key else []
    if address.fingerprint:
        command = f"/bin/sh {_quoted(fingerprint_script(folder))} %f %H %t %K"
        host += [f"  KnownHostsCommand {command}", "  UserKnownHostsFile none", "  GlobalKnownHostsFile none"]
    files = [_quoted(path) for path in (known_hosts, Path("~/.ssh/known_hosts")) if path]
    everywhere = [
        "Host *",  # the jump host too
        *([f"  IdentityFile {_quoted(address.key)}"] if address.key else []),
        f"  UserKnownHostsFile {' '.join(files)}",
        "  StrictHostKeyChecking yes",
        "  BatchMode yes",
        f"  ConnectTimeout {CONNECT_SECONDS}",
        f"  ServerAliveInterval {ALIVE_SECONDS}",
        f"  ServerAliveCountMax {ALIVE_TIMES}",
        "  ControlMaster auto",
        f"  ControlPath {_quoted(folder)}/%C",
        f"  ControlPersist {PERSIST_SECONDS}",
        "  LogLevel ERROR",
        "  RequestTTY no",
        "  RemoteCommand none",
        "  ForwardAgent no",
        "  ForwardX11 no",
        "  PermitLocalCommand no",
        "  VisualHostKey no",
    ]
    return "\n".join([*host, *everywhere, "Host *", "  Include ~/.ssh/config", "  Include /etc/ssh/ssh_config", ""])


def fingerprint_script(folder: Path) -> Path:
    return folder / "known-if-expected.sh"


def write_ssh_config(address: SshAddress, folder: Path, known_hosts: Path | None = None) -> Path:
    """Write what ssh needs for this host into `folder`, which is private; the path for `ssh -F`."""
    if address.fingerprint:
        text = KNOWN_IF_EXPECTED.format(expected=shlex.quote(address.fingerprint))
        fingerprint_script(folder).write_text(text, encoding="utf-8")
    path = folder / "config"
    path.write_text(ssh_config(address, folder, known_hosts), encoding="utf-8")
    path.chmod(0o600)
    return path


def _quoted(path: Path) -> str:
    """The path as a word: ssh takes `%` for its own tokens, and spaces for ends."""
    text = str(path).replace("%", "%%")
    return f'"{text}"' if " " in text else text
