"""Gathers what somebody needs who is asked for help from afar, without secrets and without people's names."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

from pydantic import BaseModel

from orchestrator.doctor.bundle import write_bundle
from orchestrator.doctor.known import known_secrets, people_by_id
from orchestrator.errors import UserError
from orchestrator.fleet.machine import Machine
from orchestrator.redaction.redactor import Redactor
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.state.clock import utc_now
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import open_fleet
from orchestrator.workflow.context.open import state_folder
from orchestrator.workflow.context.run import Report
from orchestrator.workflow.logs import logs
from orchestrator.workflow.plan import make_plan
from orchestrator.workflow.preflight import preflight
from orchestrator.workflow.status import status

TAIL = 300  # lines of each service
LOG_TAIL = 200_000  # characters of each log file here
SHORTEST = 5  # characters of a secret that is taken out by value
TEXTS = {".yaml", ".conf", ".json", ".js"}  # of a stack's files; what holds a secret alone has none of these endings
ASIDE = {"secrets", "tls"}  # folders of a stack that hold nothing else
PACKAGES = ("workshop-orchestrator", "ansible-core", "ansible-runner", "docker", "pydantic", "click", "cryptography")
DOCKER_INFO = ("docker", "info", "--format", "{{json .}}")
COLUMNS = "table {{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Ports}}"  # not the commands: other projects' may hold secrets
DOCKER_PS = ("docker", "ps", "--all", "--format", COLUMNS)
README = """This bundle was written by `workshop doctor` on {at}.

Taken out, by value wherever they were known, and by their look elsewhere: keys, passwords, tokens, private keys, the
workshop's secret. Each is [secret] here. {people}
"""
WITHOUT_NAMES = "Names and mails of people are their ids here, and other mails [mail]."
WITH_NAMES = "Names and mails of people are in it, as --with-names asked."

Part = Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Bundle:
    workshop: str
    file: Path
    contents: Mapping[str, int]  # bytes by name
    problems: tuple[str, ...]  # what could not be gathered, and why

    @property
    def size(self) -> int:
        return self.file.stat().st_size


def doctor(
    spec: Spec, settings: Settings, state_dir: Path | None, report: Report, file: Path, *, with_names: bool = False
) -> Bundle:
    """Looks only; writes `file`, for its owner alone. What can't be gathered is named in it."""
    folder = state_folder(spec, state_dir, settings)
    texts: dict[str, str] = {}
    problems: list[str] = []
    for name, part in _parts(spec, settings, state_dir, report).items():
        report.step(name)
        try:
            texts |= part()
        except (UserError, OSError) as problem:
            problems.append(f"{name}: {problem}")
    with State.read(folder) as state:
        secrets = list(known_secrets(spec, state, os.environ, Path.home()))
        people = None if with_names else people_by_id(spec, state)
        texts["events.txt"] = "\n".join(f"{e.at}  {e.kind}  {e.text}" for e in state.events.all())
    texts["problems.txt"] = "\n".join(problems) or "none"
    texts["README.txt"] = README.format(at=utc_now(), people=WITH_NAMES if with_names else WITHOUT_NAMES)
    home = str(Path.home())
    if not with_names and len(home) > len("/root"):  # an instructor's own name, mostly
        texts = {name: text.replace(home, "~") for name, text in texts.items()}
    kept = (f"{spec.workshop.name}.workshop.local",)
    redactor = Redactor(secrets, shortest=SHORTEST, by_look=True, people=people, kept=kept)
    contents = write_bundle(file, f"{spec.workshop.name}-doctor", texts, redactor)
    return Bundle(spec.workshop.name, file, contents, tuple(redactor.text(problem) for problem in problems))


def _parts(spec: Spec, settings: Settings, state_dir: Path | None, report: Report) -> dict[str, Part]:
    folder = state_folder(spec, state_dir, settings)
    return {
        "The spec": lambda: {"workshop.yaml": spec.file.read_text(encoding="utf-8")},
        "Versions": lambda: {"versions.json": _json(_versions())},
        "Preflight": lambda: {"preflight.json": _json(preflight(spec, settings, state_dir, report))},
        "Plan": lambda: {"plan.json": _json(make_plan(spec, settings, state_dir))},
        "Status": lambda: {"status.json": _json(status(spec, settings, state_dir))},
        "Logs of services": lambda: _service_logs(spec, settings),
        "Logs of commands": lambda: {
            f"logs/{file.name}": file.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]
            for file in sorted(folder.logs.glob("*.log"))
        },
        "Hosts": lambda: _hosts(spec, settings, state_dir),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def _service_logs(spec: Spec, settings: Settings) -> dict[str, str]:
    """An edge is named `edge@HOST`, which would pass for a mail and be taken out."""
    found = logs(spec, settings, (), TAIL)
    return {f"services/{name.replace('@', '-on-')}.log": text for name, text in found.texts.items()}


def _hosts(spec: Spec, settings: Settings, state_dir: Path | None) -> dict[str, str]:
    """What Docker says there, and the stack's files as they lie there."""
    with State.read(state_folder(spec, state_dir, settings)) as state:
        deployed = state.deployed.hosts()
    with open_fleet(spec, settings, deployed) as fleet:
        found, failed = fleet.each(_host)
    texts = {f"hosts/{host}/{name}": text for host, parts in found.items() for name, text in parts.items()}
    return texts | {f"hosts/{host}/problem.txt": str(problem) for host, problem in failed.items()}


def _host(machine: Machine) -> dict[str, str]:
    texts = {}
    for name, command in (("docker-info.json", DOCKER_INFO), ("docker-ps.txt", DOCKER_PS)):
        done = machine.channel.run(command)
        texts[name] = done.output.decode(errors="replace") or done.error
    machine.owner()  # tells where the stack lies
    files = machine.files()
    texts["files.txt"] = "\n".join(f"{print_.mode:o} {print_.sha256} {path}" for path, print_ in sorted(files.items()))
    for path in sorted(files):
        at = PurePosixPath(path)
        if at.suffix in TEXTS and not ASIDE & set(at.parts):
            content = machine.read(path)
            texts[f"stack/{path}"] = (content or b"").decode(errors="replace")
    return texts


def _json(value: object) -> str:
    return json.dumps(value, default=_plain, indent=1, ensure_ascii=False)


def _plain(value: object) -> object:
    """Results of workflows as JSON. Secrets print as asterisks, everything else as what it says of itself."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
