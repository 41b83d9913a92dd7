"""Gateways from PyPI for the bench: kept in a cache folder of their own, apart from the project's environment.

They run in a container whose Python may be another than this one, so wheels for that one are put into a plain folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LITELLM = "litellm[proxy]==1.106.2"
SGLANG_ROUTER = "sglang-router==0.3.2"
SECONDS = 900  # LiteLLM's are 700 MB


class NotInstalledError(Exception):
    """Says why in one line."""


def installed(requirement: str, python: str) -> Path:
    """The folder with the packages for that version of Python ("3.11"); installs them the first time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workshop-bench"
    folder = cache / f"{re.sub('[^A-Za-z0-9.]+', '-', requirement)}-python{python}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="part-") as part:
        target = Path(part) / "packages"
        wheels = ["--only-binary=:all:", "--python-version", python, "--target", str(target)]
        command = [sys.executable, "-m", "pip", "install", "--quiet", *wheels, requirement]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.CalledProcessError as error:
            raise NotInstalledError(f"pip can't install {requirement}: {_last_line(error.stderr)}") from error
        except subprocess.TimeoutExpired as error:
            raise NotInstalledError(f"pip did not install {requirement} within {SECONDS} s") from error
        target.rename(folder)  # whole or not at all
    return folder


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it did not say why"])[-1]
