"""Gathers what somebody needs who is asked for help from afar, without secrets and without people's names."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

from orchestrator.doctor.bundle import last_lines, write_bundle
from orchestrator.doctor.known import known_secrets, people_by_id
from orchestrator.doctor.results import as_json
from orchestrator.errors import SpecError, UserError
from orchestrator.fleet.machine import Machine
from orchestrator.identity.participant import made_up_domain
from orchestrator.redaction.redactor import Redactor
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec, load
from orchestrator.spec.secrets import revealed
from orchestrator.spec.values import SecretReference
from orchestrator.state.clock import utc_now
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.context.hosts import open_fleet
from orchestrator.workflow.context.in_force import spec_in_force
from orchestrator.workflow.context.open import state_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.logs import logs
from orchestrator.workflow.people import elsewhere
from orchestrator.workflow.plan import make_plan
from orchestrator.workflow.preflight import preflight
from orchestrator.workflow.status import status

SPEC, APPLIED = "workshop.yaml", "workshop.applied.yaml"
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


def spec_to_look_at(
    file: Path, settings: Settings, state_dir: Path | None, *, practice: bool | None = None
) -> tuple[Spec, SpecError | None]:
    """What the file says; where it can't be read, what was applied last, and why.

    Raises SpecError where it can't be read and nothing was applied, and UserError `state_ambiguous`.
    """
    try:
        return load(file, practice=practice), None
    except SpecError as unread:
        return spec_in_force(file, settings, state_dir, practice=practice).spec, unread


def doctor(
    spec: Spec,
    settings: Settings,
    state_dir: Path | None,
    report: Report,
    file: Path,
    *,
    with_names: bool = False,
    unread: SpecError | None = None,
) -> Bundle:
    """Looks only; writes `file`, for its owner alone. What can't be gathered is named in it.

    `unread`: why the spec's file can't be read; `spec` is then what was applied last.
    """
    folder = state_folder(spec, state_dir, settings)
    texts: dict[str, str] = {}
    problems = [f"The spec: {problem}" for problem in unread.problems] if unread else []
    for name, part in _parts(spec, settings, state_dir, report).items():
        report.step(name)
        try:
            texts |= part()
        except (UserError, OSError) as problem:
            problems.append(f"{name}: {problem}")
    with State.read(folder) as state:
        written = texts.get(SPEC) if unread else None
        secrets = list(known_secrets(spec, state, os.environ, Path.home(), text=written))
        secrets += _key_elsewhere(state)
        people = None if with_names else people_by_id(spec, state)
        texts["events.txt"] = "\n".join(f"{e.at}  {e.kind}  {e.text}" for e in state.events.all())
    texts["problems.txt"] = "\n".join(problems) or "none"
    texts["README.txt"] = README.format(at=utc_now(), people=WITH_NAMES if with_names else WITHOUT_NAMES)
    home = str(Path.home())
    if not with_names and len(home) > len("/root"):  # an instructor's own name, mostly
        texts = {name: text.replace(home, "~") for name, text in texts.items()}
    kept = (made_up_domain(spec.workshop.name),)
    redactor = Redactor(secrets, shortest=SHORTEST, by_look=True, people=people, kept=kept)
    contents = write_bundle(file, f"{spec.workshop.name}-doctor", texts, redactor)
    return Bundle(spec.workshop.name, file, contents, tuple(redactor.text(problem) for problem in problems))


def _parts(spec: Spec, settings: Settings, state_dir: Path | None, report: Report) -> dict[str, Part]:
    folder = state_folder(spec, state_dir, settings)
    return {
        "The spec": lambda: {SPEC: spec.file.read_text(encoding="utf-8", errors="replace")},
        "The spec as it was applied": lambda: _applied(spec, folder),
        "Versions": lambda: {"versions.json": as_json(_versions())},
        "Preflight": lambda: {"preflight.json": as_json(preflight(spec, settings, state_dir, report))},
        "Plan": lambda: {"plan.json": as_json(make_plan(spec, settings, state_dir))},
        "Status": lambda: {"status.json": as_json(status(spec, settings, state_dir))},
        "Logs of services": lambda: _service_logs(spec, settings),
        "Logs of commands": lambda: {
            f"logs/{file.name}": last_lines(file.read_text(encoding="utf-8", errors="replace"), LOG_TAIL)
            for file in sorted(folder.logs.glob("*.log"))
        },
        "Hosts": lambda: _hosts(spec, settings, state_dir),
    }


def _applied(spec: Spec, folder: StateFolder) -> dict[str, str]:
    """Where the file says something else by now."""
    with State.read(folder) as state:
        kept = state.spec.kept
    try:
        same = kept is None or spec.file.read_text(encoding="utf-8", errors="replace") == kept.text
    except OSError:
        same = False
    return {} if same or kept is None else {APPLIED: kept.text}


def _key_elsewhere(state: State) -> Iterator[str]:
    """An administrator's, at an Open WebUI that the spec may not name any more."""
    there = elsewhere.place(state)
    reference = SecretReference.parse(there.key) if there else None
    if there and reference:
        yield from revealed(reference, there.folder)


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
