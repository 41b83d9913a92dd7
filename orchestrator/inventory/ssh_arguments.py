"""Arguments for ssh as inventories give them, put into what a host of the spec has: jump host, key, user, port. Pure.

What would switch off the check of host keys is refused, and so is what can't be carried over. Options: ssh_config(5).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

OWN_FILE = "Put it into ~/.ssh/config, which is read too, or take it out"
NEVER = "Host keys are always checked; take it out, and give known_hosts or workshop_host_key"
FIELDS = {"jump": "jump", "proxyjump": "jump", "identityfile": "key", "user": "user", "port": "port"}
LETTERS = {"J": "proxyjump", "i": "identityfile", "l": "user", "p": "port"}
ALONE = frozenset("46CTaknqtvxy")  # letters without a value that change nothing here
CHECKS = frozenset({"stricthostkeychecking", "userknownhostsfile", "globalknownhostsfile", "knownhostscommand"})
NO_MATTER = frozenset(  # this program sets them itself, or they change nothing for it
    {
        "addkeystoagent", "batchmode", "checkhostip", "compression", "connectionattempts", "connecttimeout",
        "controlmaster", "controlpath", "controlpersist", "gssapiauthentication", "identitiesonly", "ipqos",
        "kbdinteractiveauthentication", "challengeresponseauthentication", "loglevel", "passwordauthentication",
        "preferredauthentications", "pubkeyauthentication", "requesttty", "serveralivecountmax",
        "serveraliveinterval", "tcpkeepalive", "updatehostkeys", "visualhostkey",
    }
)  # fmt: skip
HARMLESS = {"stricthostkeychecking": {"yes", "true", "ask"}, "forwardagent": {"no"}, "forwardx11": {"no"}}


@dataclass(frozen=True, slots=True)
class SshArguments:
    """What they say of a host; None: nothing."""

    jump: str | None = None  # USER@ADDRESS:PORT
    key: str | None = None
    user: str | None = None
    port: str | None = None


class RefusedArgumentError(ValueError):
    """One argument that can't be taken; `hint` says what to do."""

    def __init__(self, message: str, hint: str = OWN_FILE) -> None:
        super().__init__(message)
        self.hint = hint


def read_ssh_arguments(text: str) -> SshArguments:
    """Raises RefusedArgumentError with the argument's name, never its value."""
    found = SshArguments()
    for name, value in _options(_words(text)):
        found = _with(found, name, value)
    return found


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise RefusedArgumentError("it has a quote without an end", "Write it as for a shell") from None


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Long name in lower case, and value."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        letters = word[1:]
        if not word.startswith("-") or not letters:
            raise RefusedArgumentError("it holds a word that is no option")
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in ALONE:
                continue
            if letter not in LETTERS and letter not in "oFAWKX":
                raise RefusedArgumentError(f"it has -{letter}, which can't be carried over")
            if letter in "FAKX":
                raise RefusedArgumentError(f"it has -{letter}, which can't be carried over")
            value = letters or (rest.pop(0) if rest else "")
            letters = ""
            yield _long(value) if letter == "o" else (LETTERS.get(letter, letter), value)


def _long(option: str) -> tuple[str, str]:
    name, _, value = option.replace("=", " ", 1).strip().partition(" ")
    return name.lower(), value.strip().strip('"')


def _with(found: SshArguments, name: str, value: str) -> SshArguments:
    if name == "proxycommand":
        return _through(found, value)
    if name in FIELDS:
        if FIELDS[name] == "jump" and "," in value:
            raise RefusedArgumentError("it has several jump hosts; one can be carried over")
        return found if value == "none" else replace(found, **{FIELDS[name]: getattr(found, FIELDS[name]) or value})
    if value.lower() in HARMLESS.get(name, ()) or name in NO_MATTER:
        return found
    if name in CHECKS:
        raise RefusedArgumentError(f"it has {name}, which weakens the check of host keys", NEVER)
    raise RefusedArgumentError(f"it has {name}, which can't be carried over")


def _through(found: SshArguments, command: str) -> SshArguments:
    """`ssh -W %h:%p USER@JUMP` is a jump host, written the long way."""
    words = _words(command)
    if not words or words[0].rpartition("/")[2] != "ssh" or words[-1].startswith("-"):
        raise RefusedArgumentError("it has a ProxyCommand that is not ssh -W %h:%p JUMP", "Write it as ProxyJump")
    where = [word for word in words[1:] if "@" in word or word == words[-1]]
    target = where[-1]
    options = list(_options([word for word in words[1:] if word != target]))
    forwards = [value for name, value in options if name == "W"]
    if forwards not in (["%h:%p"], ["[%h]:%p"]):
        raise RefusedArgumentError("it has a ProxyCommand that is not ssh -W %h:%p JUMP", "Write it as ProxyJump")
    way = SshArguments()
    for name, value in options:
        way = way if name == "W" else _with(way, name, value)
    if way.jump:
        raise RefusedArgumentError("it has several jump hosts; one can be carried over")
    user = f"{way.user}@" if way.user and "@" not in target else ""
    port = f":{way.port}" if way.port else ""
    return replace(found, jump=found.jump or f"{user}{target}{port}", key=found.key or way.key)
