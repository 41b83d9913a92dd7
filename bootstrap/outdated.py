"""What is newer than the pins, and which of them have published holes. A report: it changes nothing and ends with 0.

make outdated            WITHIN=60 make outdated     asks for a minute at most, instead of five
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory

from orchestrator.faults import Kind, faults_of, project_of
from orchestrator.pins import BUILT, IMAGES, LOCKS

ROOT = Path(__file__).parents[1]
WITHIN = 300  # seconds
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
NEWEST = re.compile(r"\((\S+)\)")
NO_NEWS = "nothing newer"


class NotReachedError(Exception):
    """In one line, why something could not be looked up."""


@dataclass(frozen=True)
class Asking:
    """Runs what asks others, until the time is over."""

    until: float

    def told(self, *command: str, may_fail: bool = False) -> str:
        """Raises NotReachedError."""
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_RETRIES": "1", "LC_ALL": "C.UTF-8"}
        try:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE, text=True, process_group=0
            )
        except OSError as error:
            raise NotReachedError(f"{command[0]}: {error.strerror}") from error
        with process:
            try:
                said, errors = process.communicate(timeout=max(1, self.until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # with its children, which would go on writing
                raise NotReachedError(f"no answer in time: {Path(command[0]).name}") from None
        if process.returncode and not may_fail:
            raise NotReachedError(_last(errors) or f"{Path(command[0]).name} ended with {process.returncode}")
        return said


def python_packages(asking: Asking) -> Iterator[str]:
    """Of .venv, which has what bootstrap's locks pin."""
    asking.told(
        sys.executable, "-m", "pip", "index", "versions", "pip"
    )  # an index that is away is no error to the list
    found = json.loads(asking.told(sys.executable, "-m", "pip", "list", "--outdated", "--format", "json"))
    pinned = {_normal(name) for lock in LOCKS for name, _ in locked(ROOT / lock)}
    for one in found:
        if _normal(one["name"]) in pinned:
            yield f"{one['name']} {one['version']}: there is {one['latest_version']}"


def releases(asking: Asking) -> Iterator[str]:
    """What compose/images takes from Python's index; an index may lack some."""
    wanted = dict(sorted((name, version) for built in BUILT.values() for name, version in built.python.items()))
    for name, version in wanted.items():
        try:
            newest = NEWEST.search(asking.told(sys.executable, "-m", "pip", "index", "versions", name))
        except NotReachedError as why:
            yield f"{name} {version}: not looked up ({why})"
            continue
        if newest and newest[1].partition("+")[0] != version:
            yield f"{name} {version}: there is {newest[1]}"


def debian_packages(asking: Asking) -> Iterator[str]:
    """In lists of their own, beside those of this machine."""
    suites: dict[str, dict[str, str]] = {}
    for built in BUILT.values():
        suites.setdefault(built.suite, {}).update(built.debian)
    mirror = _mirror(asking)
    for suite, tried in suites.items():
        if tried:
            yield from _newer_in(suite, tried, mirror, asking)


def _newer_in(suite: str, tried: Mapping[str, str], mirror: str, asking: Asking) -> Iterator[str]:
    with TemporaryDirectory(prefix="workshop-outdated-") as folder:
        sources = Path(folder) / "sources.list"
        sources.write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n", encoding="utf-8")
        settings = {
            "Dir::Etc::SourceList": str(sources),
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": f"{folder}/lists",
            "Dir::State::Status": "/dev/null",
            "Dir::Cache": f"{folder}/cache",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "",
        }
        options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
        (Path(folder) / "lists" / "partial").mkdir(parents=True)
        (Path(folder) / "cache" / "archives" / "partial").mkdir(parents=True)
        asking.told("apt-get", *options, "-qq", "--error-on=any", "update")
        told = asking.told("apt-cache", *options, "policy", *tried)
    candidates = dict(re.findall(r"^(\S+):\n(?:  .*\n)*?  Candidate: (\S+)", told, re.MULTILINE))
    for package, version in tried.items():
        if candidates.get(package) != version:
            yield f"{package} {version} was tried: {suite} has {candidates.get(package, 'none')}"


def _mirror(asking: Asking) -> str:
    """That of this machine's apt, as compose/images/base/make-base.sh takes it."""
    system = Path("/etc/os-release").read_text(encoding="utf-8") if Path("/etc/os-release").exists() else ""
    own = re.search(r"^VERSION_CODENAME=(\S+)$", system, re.MULTILINE)
    if own is None or not re.search(r"^ID=debian$", system, re.MULTILINE) or not shutil.which("apt-get"):
        raise NotReachedError("this machine is not Debian, whose mirror would be asked")
    said = asking.told("apt-get", "indextargets", "--no-release-info", "--format", "$(SITE) $(RELEASE)")
    sites = [line.split() for line in said.splitlines()]
    found = next((site for site, release in filter(lambda pair: len(pair) == 2, sites) if release == own[1]), None)  # noqa: PLR2004
    if found is None:
        raise NotReachedError("this machine's apt names no mirror of its own release")
    return found


def holes(_: Asking) -> Iterator[str]:
    """By the committed table, which asks nobody."""
    for where, kind, name, version in _pinned():
        for fault in faults_of(name, version, kind):
            note = f"; {fault.kept_out}" if fault.kept_out else ""
            note += "; the package's changelog says whether it was mended there" if kind == "debian" else ""
            yield f"{name} {version} ({where}): {fault}{note} [{fault.date}, {fault.source}]"


def _pinned() -> Iterator[tuple[str, Kind, str, str]]:
    for component, image in IMAGES.items():
        yield f"images.{component}", "image", project_of(component), image.rpartition(":")[2]
    for folder, built in BUILT.items():
        for package, version in built.debian.items():
            yield f"compose/images/{folder}", "debian", package, version
    for lock in LOCKS:
        for name, version in locked(ROOT / lock):
            yield lock, "python", name, version


def locked(lock: Path) -> list[tuple[str, str]]:
    return re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)


def audited(asking: Asking) -> Iterator[str]:
    """Each lock at pip-audit's service, with a pip-audit that is here, or one for the moment."""
    with TemporaryDirectory(prefix="workshop-audit-") as folder:
        program = shutil.which("pip-audit") or _installed(Path(folder), asking)
        for lock in LOCKS:
            yield from _audit(program, lock, asking)


def _installed(folder: Path, asking: Asking) -> str:
    asking.told(sys.executable, "-m", "venv", str(folder))
    asking.told(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "pip-audit")
    return str(folder / "bin" / "pip-audit")


def _audit(program: str, lock: str, asking: Asking) -> Iterator[str]:
    options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "5", "--format", "json")
    said = asking.told(program, *options, "--requirement", lock, may_fail=True)  # 1: it found something
    try:
        packages = json.loads(said)["dependencies"]
    except ValueError:
        yield f"{lock}: its service is not reached"
        return
    if unknown := [one for one in packages if "skip_reason" in one]:
        yield f"{lock}: its service tells nothing of {len(unknown)} of {len(packages)} packages"
    for one in packages:
        for hole in one.get("vulns", ()):
            fixed = ", ".join(hole["fix_versions"]) or "no release"
            yield f"{lock}: {one['name']} {one['version']}: {hole['id']}, fixed in {fixed}"


PARTS: Mapping[str, tuple[Callable[[Asking], Iterator[str]], str]] = {
    "Python packages of bootstrap's locks": (python_packages, NO_NEWS),
    "Releases that compose/images takes from Python's index": (releases, NO_NEWS),
    "Debian packages of compose/images": (debian_packages, NO_NEWS),
    "Images": (lambda _: iter(["nobody tells what a tag's successor is: look at their projects"]), ""),
    "Known holes (orchestrator/known_faults.toml)": (holes, "none of the pins has one"),
    "pip-audit": (audited, "no hole is published"),
}


def report(part: Callable[[Asking], Iterator[str]], asking: Asking, otherwise: str) -> Sequence[str]:
    """Its lines, as far as it came."""
    lines: list[str] = []
    try:
        lines.extend(part(asking))
    except (NotReachedError, ValueError, KeyError) as why:
        lines.append(f"not looked up: {why}")
    return lines or [otherwise]


def main() -> None:
    asking = Asking(time.monotonic() + float(os.environ.get("WITHIN") or WITHIN))
    with ThreadPoolExecutor(len(PARTS)) as pool:
        running = {title: pool.submit(report, part, asking, otherwise) for title, (part, otherwise) in PARTS.items()}
        for title, lines in running.items():
            print(f"{title}:", *(f"  {line}" for line in lines.result()), sep="\n", flush=True)


def _normal(name: str) -> str:
    """As packaging.python.org/specifications/name-normalization has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


if __name__ == "__main__":
    main()
