"""What ssh and sudo say when they fail, as one line with its remedy."""

from __future__ import annotations

from orchestrator.errors import HostError, Where
from orchestrator.fleet.ssh_certificate import why_invalid
from orchestrator.fleet.ssh_config import SshAddress

FAILED = 255  # ssh's own exit status: the command was not run, or the connection ended
NO_PASSWORD = ("a password is required", "a terminal is required", "no tty present")


def ssh_failure(name: str, address: SshAddress, said: str) -> HostError:
    """`said` is ssh's stderr."""
    code, message, hint = _reading(address, said)
    return HostError(code, message, where=Where(host=name), hint=hint)


def sudo_failure(name: str, address: SshAddress, said: str) -> HostError | None:
    """None where it was not sudo that refused."""
    if not address.become or not any(sign in said for sign in NO_PASSWORD):
        return None
    who = address.user or "the SSH user"
    hint = f"Let {who} use sudo there without a password, or put {who} into the group docker and drop become"
    return HostError("sudo_password", f"sudo asks {who} for a password", where=Where(host=name), hint=hint)


def _reading(address: SshAddress, said: str) -> tuple[str, str, str]:
    target = f"{address.user}@{address.host}" if address.user else address.host
    port = f"-p {address.port} " if address.port not in {None, 22} else ""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1].removeprefix("ssh: ") if lines else "ssh ended without a word"
    if "Host key verification failed" in said or "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        return _host_key(address, said, port)
    if "Permission denied" in said:
        if address.key and (why := why_invalid(address.key)):
            return "ssh_certificate", f"{target} refuses the sign-in: {why}", "Get a new one where yours came from"
        key = f"the key {address.key}" if address.key else "none of your SSH keys"
        verb = "is not accepted" if address.key else "is accepted"
        hint = f"Try it: ssh {port}{target}; put the public key into ~/.ssh/authorized_keys there (ssh-copy-id)"
        return "ssh_refused", f"{key} {verb} for {target}", hint
    if "Could not resolve hostname" in said:
        return "ssh_unknown_name", f"there is no host named {address.host}", "Check hosts[].address and your DNS"
    if "no such identity" in said or "bad permissions" in said:
        return "ssh_key_file", last, "Check hosts[].key: the file must be there, mode 0600"
    hint = f"Is it on, is the address right, does a firewall stand between? Try it: ssh {port}{target}"
    return "ssh_unreachable", f"not reached over SSH: {last}", hint


def _host_key(address: SshAddress, said: str, port: str) -> tuple[str, str, str]:
    look = f"ssh-keyscan {port}{address.host} | ssh-keygen -lf -"
    if address.fingerprint:
        message = f"the host's key is not the one in host_key ({address.fingerprint})"
        return "host_key_wrong", message, f"Another machine answers, or host_key names another key of it. See: {look}"
    if "Certificate invalid" in said:
        why = said.partition("Certificate invalid:")[2].strip().splitlines()[0].rstrip(".")
        hint = f"Have it renewed there (HostCertificate in its sshd_config); see: ssh-keyscan -c {port}{address.host}"
        return "host_certificate", f"the host's SSH certificate is not valid: {why}", hint
    if "IDENTIFICATION HAS CHANGED" in said:
        message = "the host shows another key than known_hosts has: it was set up anew, or another machine answers"
        return (
            "host_key_changed",
            message,
            f"If you know why: ssh-keygen -R {address.host}, then ssh {port}{address.host} once",
        )
    hint = f"Connect once by hand and compare: ssh {port}{address.host}; or give host_key: SHA256:... (see {look})"
    return "host_key_unknown", "known_hosts does not know this host", hint
