"""The tests that passed only at their second go: told, and kept to see which of them need it twice in a row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.suites.suites import CACHE

FILE = "tests/second_goes.txt"  # suite and test, of the last `make test-all`


def tell(root: Path, suites: Iterable[str]) -> list[str]:
    """Prints what needed a second go in these suites, and returns what had needed it the last time, too."""
    before, now = _lines(root / FILE), _needed(root, suites)
    for line in now:
        again = ", as in the last `make test-all`: mend it, or remove it and say why" if line in before else ""
        print(f"tests: second go: {line}{again}", flush=True)
    return [line for line in now if line in before]


def write(root: Path, suites: Iterable[str]) -> None:
    """What these suites needed takes the place of what they needed before."""
    suites = list(suites)
    kept = [line for line in _lines(root / FILE) if line.split(" ")[0] not in suites]
    lines = sorted({*kept, *_needed(root, suites)})
    (root / FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _needed(root: Path, suites: Iterable[str]) -> list[str]:
    """As tests/second_go.sh left it."""
    return [f"{suite} {test}" for suite in suites for test in _lines(root / CACHE / "second_goes" / suite)]


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
