"""The tests of the gateway's rules, which are written in the rules' own language: tests/unit/njs/*.test.js.

They are run by Node.js, and by the njs of a gateway's nginx (tests/stack/gateway). A name at the beginning of a member is
the name of a test.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RULES = ROOT / "templates" / "gateway"
TESTS = Path(__file__).parent / "njs"
NAME = re.compile(r"^    '((?:[^'\\\n]|\\.)+)': (?:async )?\(", re.MULTILINE)
ZONE = re.compile(r"^ *(js_shared_dict_zone\s+zone=(\w+):.*?)(?:\s+state=[^;]*)?;", re.MULTILINE)


def cases() -> list[tuple[str, str]]:
    """Every file and the names of the tests in it."""
    return [(file.name, name) for file in sorted(TESTS.glob("*.test.js")) for name in names(file)]


def names(file: Path) -> list[str]:
    return [name.replace("\\'", "'") for name in NAME.findall(file.read_text(encoding="utf-8"))]


def zones() -> dict[str, str]:
    """The gateway's shared dictionaries: name -> directive, without the file that one is kept in."""
    conf = (RULES / "nginx.conf.j2").read_text(encoding="utf-8")
    return {name: f"{directive};" for directive, name in ZONE.findall(conf)}


def write_data(folder: Path) -> None:
    """What the tests read besides: the keys that the program's own tests read, and the dictionaries' names."""
    vectors = (ROOT / "tests" / "vectors" / "keys.json").read_text(encoding="utf-8")
    (folder / "vectors.js").write_text(f"export default {vectors.strip()};\n", encoding="utf-8")
    (folder / "zones.js").write_text(f"export default {list(zones())};\n", encoding="utf-8")
