"""`make outdated`: what it makes of what pip, apt and pip-audit say, and that it never fails over them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import outdated
from bootstrap.outdated import Asking, NotReachedError, report
from orchestrator.pins import BUILT, IMAGES

TRIED = BUILT["gateway"].debian


def asking(seconds: float = 30) -> Asking:
    return Asking(time.monotonic() + seconds)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that goes before all others on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def put(folder: Path, name: str, script: str) -> Path:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)
    return folder / name


def test_the_table_is_asked_about_images_debians_packages_and_locks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.lock").write_text("cryptography==48.0.1 \\\n    --hash=sha256:00\n", encoding="utf-8")
    monkeypatch.setattr(outdated, "ROOT", tmp_path)
    monkeypatch.setattr(outdated, "LOCKS", ("a.lock",))
    lines = report(outdated.holes, asking(), "none")
    assert any(
        line.startswith(f"nginx {IMAGES['gateway'].partition(':')[2]} (images.gateway): CVE-2026-123007")
        for line in lines
    )
    assert any(f"nginx {TRIED['nginx']} (compose/images/gateway)" in line and "changelog" in line for line in lines)
    assert any(line.startswith("cryptography 48.0.1 (a.lock): CVE-2026-69247") for line in lines)


def test_a_newer_package_of_debian_is_told(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(programs, "apt-get", 'case "$*" in *indextargets*) echo "http://mirror.example.org bookworm";; esac')
    known = f"nginx:\\n  Installed: (none)\\n  Candidate: 9.9.9-1\\nlibnginx-mod-http-js:\\n  Candidate: {TRIED['libnginx-mod-http-js']}"
    put(programs, "apt-cache", f"printf '{known}\\n'")
    monkeypatch.setattr(outdated, "_mirror", lambda _: "http://mirror.example.org")
    told = list(outdated._newer_in("forky", TRIED, "http://mirror.example.org", asking()))
    assert told == [f"nginx {TRIED['nginx']} was tried: forky has 9.9.9-1"]


def test_what_pip_audit_finds_or_cannot_look_up_is_told(programs: Path) -> None:
    found = {
        "dependencies": [
            {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]},
            {"name": "b", "version": "1", "vulns": []},
            {"name": "c", "version": "1", "skip_reason": "not found"},
        ]
    }
    program = put(programs, "pip-audit", f"echo '{json.dumps(found)}'; exit 1")
    told = list(outdated._audit(str(program), "a.lock", asking()))
    assert told == ["a.lock: its service tells nothing of 1 of 3 packages", "a.lock: a 1: CVE-1, fixed in 2"]
    put(programs, "pip-audit", "echo no route to host >&2; exit 1")
    assert list(outdated._audit(str(program), "a.lock", asking())) == ["a.lock: its service is not reached"]


def test_what_hangs_or_is_missing_is_named_and_fails_nothing(programs: Path) -> None:
    slow = put(programs, "slow", "sleep 20")
    assert report(lambda a: iter([a.told(str(slow))]), asking(0), "") == ["not looked up: no answer in time: slow"]
    (missing,) = report(lambda a: iter([a.told("no-such-program")]), asking(), "")
    assert missing.startswith("not looked up: no-such-program: ")
    with pytest.raises(NotReachedError, match="the last line"):
        asking().told(str(put(programs, "fails", "echo first >&2; echo the last line >&2; exit 3")))


def test_what_came_before_a_failure_is_kept() -> None:
    def half(_: Asking) -> Iterator[str]:
        yield "one"
        raise NotReachedError("the line was cut")

    assert report(half, asking(), "nothing") == ["one", "not looked up: the line was cut"]
    assert report(lambda _: iter(()), asking(), "nothing") == ["nothing"]
