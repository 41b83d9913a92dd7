"""How commands reach a host: on this machine directly, on others through ssh. No shell reads what is passed."""

from __future__ import annotations

import inspect
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from orchestrator.errors import HostError, Where
from orchestrator.fleet.docker_host import engine_trouble
from orchestrator.fleet.engine_socket import EngineSocket
from orchestrator.fleet.ssh_config import SshAddress, write_ssh_config
from orchestrator.fleet.ssh_failure import FAILED, ssh_failure, sudo_failure

SECONDS = 60.0  # for a command that only looks
Script = Callable[[Mapping[str, Any]], Any]  # of orchestrator.fleet.scripts: JSON in, JSON out


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended. `repr` shows no output: it may hold a secret."""

    code: int
    output: bytes
    error: str

    def __repr__(self) -> str:
        return f"Completed({self.code})"


class Channel(Protocol):
    """To one host. Every method raises HostError where the host can't be reached."""

    name: str

    def run(self, command: Sequence[str], said: bytes = b"", seconds: float = SECONDS) -> Completed:
        """Run a command there with `said` on its stdin, as the user who may talk to Docker."""

    def call(self, script: Script, question: Mapping[str, Any], seconds: float = SECONDS) -> Any:
        """What a script of orchestrator.fleet.scripts answers there."""

    def start(self, script: Script, question: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        """A script that goes on until its stdin ends, and prints what it has to say. `question` holds no secret."""

    def require_engine(self) -> None:
        """Raises UserError `docker_unreachable`. The SDK itself would only tell that nobody spoke."""

    def engine(self) -> str | None:
        """The address of its Docker engine for the SDK; None: what the docker command here would take."""

    def for_ansible(self) -> dict[str, object]:
        """The connection variables of Ansible's inventory."""

    def renew(self) -> None:
        """Sign in anew with the next command: the user's groups are those of the sign-in."""

    def close(self) -> None:
        """Let go of what is held open."""


class LocalChannel:
    """The machine that the program runs on."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, command: Sequence[str], said: bytes = b"", seconds: float = SECONDS) -> Completed:
        return _run(self.name, command, said, seconds)

    def call(self, script: Script, question: Mapping[str, Any], seconds: float = SECONDS) -> Any:  # noqa: ARG002 - ours
        return script(question)

    def start(self, script: Script, question: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        return _start([sys.executable, *_conversation(script, question)])

    def require_engine(self) -> None:
        """The SDK tells by itself."""

    def engine(self) -> str | None:
        return None

    def for_ansible(self) -> dict[str, object]:
        return {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

    def renew(self) -> None:
        pass

    def close(self) -> None:
        pass


class SshChannel:
    """A host over SSH. `folder` is private to this host and short: it holds sockets."""

    def __init__(self, name: str, address: SshAddress, folder: Path, known_hosts: Path | None = None) -> None:
        self.name = name
        self.address = address
        self._config = write_ssh_config(address, folder, known_hosts)
        self._socket = EngineSocket(folder / "docker.sock", self._ssh(["docker", "system", "dial-stdio"]))

    def run(self, command: Sequence[str], said: bytes = b"", seconds: float = SECONDS) -> Completed:
        done = _run(self.name, self._ssh(command), said, seconds)
        if done.code == FAILED:
            raise ssh_failure(self.name, self.address, done.error)
        if refused := sudo_failure(self.name, self.address, done.error):
            raise refused
        return done

    def call(self, script: Script, question: Mapping[str, Any], seconds: float = SECONDS) -> Any:
        ask = f"\nimport json\nprint(json.dumps({_asked(script, question)}))\n"
        done = self.run(["python3", "-"], (_source(script) + ask).encode(), seconds)
        if done.code == 127:  # noqa: PLR2004 - the shell's word for a command that is not there
            hint = "Install it there (Debian, Ubuntu: apt install python3), or let bootstrap: true do it"
            raise HostError("python_missing", "python3 is not installed there", where=Where(host=self.name), hint=hint)
        try:
            return json.loads(done.output)
        except ValueError:
            why = (done.error.strip().splitlines() or ["no answer"])[-1]
            raise HostError("script_failed", f"a look at the host failed: {why}", where=Where(host=self.name)) from None

    def start(self, script: Script, question: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        return _start(self._ssh(["python3", *_conversation(script, question)]))

    def require_engine(self) -> None:
        done = self.run(["docker", "version", "--format", "{{.Server.Version}}"])
        if done.code:
            raise engine_trouble(self.name, done.error)

    def engine(self) -> str | None:
        return self._socket.open()

    def for_ansible(self) -> dict[str, object]:
        return {
            "ansible_connection": "ssh",
            "ansible_host": self.address.host,
            "ansible_ssh_args": f"-F {shlex.quote(str(self._config))}",
            "ansible_python_interpreter": "auto_silent",
            "ansible_become": self.address.become,
        }

    def close(self) -> None:
        self._socket.close()
        self.renew()

    def renew(self) -> None:
        command = ["ssh", "-F", str(self._config), "-O", "exit", self.address.host]
        subprocess.run(command, capture_output=True, check=False, timeout=SECONDS)

    def _ssh(self, command: Sequence[str]) -> list[str]:
        words = ["sudo", "-n", "--", *command] if self.address.become else command
        return ["ssh", "-F", str(self._config), "-T", "--", self.address.host, shlex.join(words)]


def _source(script: Script) -> str:
    return inspect.getsource(inspect.getmodule(script) or script)


def _asked(script: Script, question: Mapping[str, Any]) -> str:
    return f"{script.__name__}(json.loads({json.dumps(question)!r}))"


def _conversation(script: Script, question: Mapping[str, Any]) -> list[str]:
    """Arguments for Python, the script among them: its stdin is for the conversation. -IS starts sooner."""
    return ["-IS", "-c", f"{_source(script)}\nimport json\n{_asked(script, question)}\n"]


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # in a session of its own: Ctrl-C is for the program, which ends it when it is done
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _run(host: str, command: Sequence[str], said: bytes, seconds: float) -> Completed:
    try:
        done = subprocess.run(command, input=said, capture_output=True, check=False, timeout=seconds)
    except FileNotFoundError:
        hint = "Install it" if command[0] != "ssh" else "Install it (Debian, Ubuntu: apt install openssh-client)"
        raise HostError(
            "command_missing", f"{command[0]} is not installed", where=Where(host=host), hint=hint
        ) from None
    except subprocess.TimeoutExpired:
        hint = "It is overloaded, its disk hangs, or the network drops packets. Look at it, then run this again"
        raise HostError("host_slow", f"no answer within {seconds:.0f} s", where=Where(host=host), hint=hint) from None
    return Completed(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
