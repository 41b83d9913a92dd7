"""Whether HTTP/2 is on is said by the nginx of the image: its version, or its package's changelog."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from orchestrator.plan.gateway import HTTP2_FILE, HTTP2_HOLE, start_command
from orchestrator.resources import TEMPLATES

SCRIPT = TEMPLATES / "gateway" / "start.sh"
FIXED = "1.30.7"
SILENT = "nginx (1.30.6-2) unstable; urgency=medium\n\n  * Fix another one (CVE-2026-97205).\n"
MENDED = f"nginx (1.30.6-3) unstable; urgency=high\n\n  * d/p/{HTTP2_HOLE}.patch: close connections ({HTTP2_HOLE}).\n"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def started(programs: Path, said: str, changelog: str | None) -> tuple[str, str, str]:
    """What stands in the file, what nginx was called with, and what was told."""
    put(programs, "nginx", f'case $1 in -v) echo "{said}" >&2;; *) echo "$@";; esac')
    text = "exit 1" if changelog is None else f"cat <<'END'\n{changelog}END"
    put(programs, "gzip", text)
    file = programs / "http2.conf"
    done = subprocess.run(
        ["sh", str(SCRIPT), FIXED, HTTP2_HOLE, str(file)],
        env={"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        text=True,
    )
    return file.read_text(encoding="utf-8"), done.stdout.strip(), done.stderr


@pytest.mark.parametrize(
    ("said", "changelog", "on"),
    [
        ("nginx version: nginx/1.30.6", None, False),
        ("nginx version: nginx/1.30.6", SILENT, False),
        ("nginx version: nginx/1.30.6 (Debian)", MENDED, True),
        ("nginx version: nginx/1.30.7", None, True),
        ("nginx version: nginx/1.30.10", None, True),
        ("nginx version: nginx/1.32.0 (Debian)", SILENT, True),
        ("nginx version: nginx/1.28.9", SILENT, False),
        ("nginx version: nginx/2.0.0", None, True),
        ("nginx version: nginx/1.31.4", None, False),  # mainline
        ("nginx version: nginx/1.31.4", MENDED, True),
        ("nginx: not found", None, False),
    ],
)
def test_http_2_is_on_only_without_the_hole(programs: Path, said: str, changelog: str | None, on: bool) -> None:
    file, arguments, told = started(programs, said, changelog)
    assert file.startswith(
        "http2 on;\n" if on else "# off: this nginx is below 1.30.7, and its changelog does not name CVE-"
    )
    assert ("HTTP/2 is off" in told) != on
    assert arguments == f"-c {SCRIPT.parent}/nginx.conf -g daemon off;"


def test_a_later_start_decides_anew(programs: Path) -> None:
    assert started(programs, "nginx/1.30.7", None)[0] == "http2 on;\n"
    assert started(programs, "nginx/1.30.6", None)[0].startswith("#")


def test_the_container_is_started_with_the_tables_version() -> None:
    assert start_command() == ["sh", "/etc/nginx/workshop/start.sh", FIXED, HTTP2_HOLE, HTTP2_FILE]
