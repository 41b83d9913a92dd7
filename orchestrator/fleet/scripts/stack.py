"""What lies in a stack's folder on its host."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import Any

SECONDS = 30


def files(question: Any) -> Any:
    """Of `folder`: path to mode and SHA-256."""
    folder = Path(question["folder"])
    paths = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return {path.relative_to(folder).as_posix(): _print_of(path) for path in paths}


def present(question: Any) -> Any:
    """`folder`, `project`, and `compose` (the text of a compose.yaml, which need not lie there yet).

    Answers `files`, and `hashes`: by service, what its container carries when it was made from exactly this text; empty
    where Compose refuses it.
    """
    return {"files": files(question), "hashes": _hashes(question["folder"], question["project"], question["compose"])}


def read(question: Any) -> Any:
    """The file `path` in Base64; None where it is not there."""
    try:
        return base64.b64encode(Path(question["path"]).read_bytes()).decode()
    except OSError:
        return None


def lying(question: Any) -> Any:
    """Those of `paths` that are there."""
    return [path for path in question["paths"] if os.path.lexists(path)]


def running(question: Any) -> Any:
    """Processes whose command line names `folder`, but for this one and for those that hold its lock: id and name."""
    found = []
    named = re.compile(
        re.escape(question["folder"].encode()) + rb"(?![\w.-])"
    )  # not another class whose name is longer
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
            name = (entry / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:  # it has ended
            continue
        if named.search(words) and b"def hold(" not in words and int(entry.name) not in {os.getpid(), os.getppid()}:
            found.append(f"{entry.name} {name}")
    return found


def _print_of(path: Path) -> list[Any]:
    try:
        return [path.stat().st_mode & 0o777, hashlib.sha256(path.read_bytes()).hexdigest()]
    except OSError:  # a dangling link
        return [0, ""]


def _hashes(folder: str, project: str, compose: str) -> dict[str, str]:
    command = ["docker", "compose", "--project-name", project, "--project-directory", folder]
    command += ["--file", "-", "config", "--hash", "*"]
    done = subprocess.run(command, input=compose, capture_output=True, text=True, check=False, timeout=SECONDS)
    pairs = [line.split() for line in done.stdout.splitlines()]
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - name and hash
