"""A workshop on hosts of the bed: its spec, and the program's commands as an instructor types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.practice.gguf import write_gguf
from tests.fleet.bed.bed import Bed
from tests.fleet.bed.ssh_host import SshHost

PATIENCE = 300  # s for a command
GGUF = "/srv/tiny.gguf"


@dataclass(frozen=True)
class Ran:
    """A command that came to its end."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass
class FleetWorkshop:
    """Runs the program in `folder`, which nobody else uses."""

    bed: Bed
    folder: Path
    spec: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    patience: float = PATIENCE

    @property
    def file(self) -> Path:
        return self.folder / "workshop.yaml"

    def write(self, **changes: Any) -> None:
        """The spec with these sections in place of its own. JSON is YAML."""
        self.spec |= changes
        self.file.write_text(json.dumps(self.spec), encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "orchestrator.cli", *words]

    @property
    def variables(self) -> dict[str, str]:
        own = {"WORKSHOP_KNOWN_HOSTS": str(self.bed.known_hosts), "WORKSHOP_STACK_DIR": str(self.folder / "stacks")}
        return {**os.environ, **own, **self.environment}

    def run(self, command: str, *words: str, code: int | None = 0) -> Ran:
        """`workshop COMMAND workshop.yaml WORDS`; `code` is what it must end with."""
        return self.run_words(*command.split(), str(self.file), *words, code=code)

    def run_words(self, *words: str, code: int | None = 0) -> Ran:
        """`workshop WORDS`."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=self.patience,
        )
        assert code is None or done.returncode == code, (
            f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def provision(self, code: int | None = 0) -> Any:
        return self.run("provision", "--output", "json", code=code).json

    def people(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run("participants list", "--output", "json").json
        return found

    def ask(self, key: str, model: str = "tiny", seconds: float = 30) -> str:
        """One answer of a model, through the gateway as a participant reaches it."""
        question = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
        request = urllib.request.Request(
            f"{self.people()[0]['api_base']}/chat/completions",
            json.dumps(question).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return str(json.load(answer)["choices"][0]["message"]["content"])


def host_section(host: SshHost, bed: Bed, *roles: str, **more: Any) -> dict[str, Any]:
    """How the spec names a host of the bed."""
    reached = {"name": host.name, "address": host.address, "port": host.port, "user": "root", "key": str(bed.identity)}
    return {**reached, "roles": list(roles), **more}


def model(name: str, **more: Any) -> dict[str, Any]:
    """Served by llama.cpp on CPU from a file that `give_weights` put on the hosts."""
    return {"name": name, "engine": "llamacpp", "source": GGUF, "context": 256, **more}


def give_weights(folder: Path, *hosts: SshHost) -> None:
    weights = folder / "tiny.gguf"
    write_gguf(weights, name="tiny", end_bias=-30.0)
    for host in hosts:
        host.write(GGUF, weights.read_bytes())


@contextmanager
def fleet_workshop(bed: Bed, folder: Path, **sections: Any) -> Iterator[FleetWorkshop]:
    """Torn down at the end, as far as its hosts are there."""
    spec: dict[str, Any] = {
        "name": "fleet",
        "title": "Fleet test",
        "participants": {"count": 2},
        "webui": {"mode": "none"},
        "images": {"source": "packages"},
    }
    workshop = FleetWorkshop(bed, folder, spec)
    workshop.write(**sections)
    try:
        yield workshop
    finally:
        workshop.run("teardown", "--yes", code=None)
