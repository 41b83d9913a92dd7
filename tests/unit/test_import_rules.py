"""Imports go one way: a part of the program knows those below it, and none above or beside it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import orchestrator

ROOT = Path(orchestrator.__file__).parent

# From the top. What stands in one line knows nothing of the others in it.
LAYERS = (
    {"cli"},
    {"workflow"},
    {"checks"},  # asks hosts through fleet
    {"fleet", "handover", "tls"},  # plan says which hosts and containers, render which files
    {"render", "doctor", "webui", "usage"},
    {"handouts", "plan", "state"},
    {"identity", "archive", "engines"},
    {"spec"},
    {"inventory", "practice"},
    {"redaction", "settings", "private_folder", "ansible_process", "templating", "durable"},
    {"errors", "spelling", "labels", "resources", "spreadsheet", "aside", "local_time", "pins", "faults"},
)
# Names of the module that imports and of the one that is imported, each with its reason.
EXCEPTIONS: dict[tuple[str, str], str] = {}

IDENTITY_KNOWS = {"identity", "spec", "labels", "errors", "spelling"}
DERIVING = {"api_key", "password", "token"}  # of identity/keys.py


@cache
def imports() -> tuple[tuple[str, str], ...]:
    """Which module of the program imports which, wherever in it."""
    return tuple((_name(file), found) for file in sorted(ROOT.rglob("*.py")) for found in _imported(_tree(file)))


def _name(file: Path) -> str:
    return ".".join(("orchestrator", *file.relative_to(ROOT).with_suffix("").parts))


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "orchestrator":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "orchestrator")


def part(module: str) -> str:
    return module.split(".")[1]


def height(module: str) -> int:
    return next(len(LAYERS) - number for number, layer in enumerate(LAYERS) if part(module) in layer)


def test_every_part_of_the_program_has_its_layer() -> None:
    parts = {
        entry.stem
        for entry in ROOT.iterdir()
        if entry.name[0] not in "_." and (entry.is_dir() or entry.suffix == ".py")
    }
    placed = [name for layer in LAYERS for name in layer]
    assert parts - {"_data"} == set(placed)
    assert len(placed) == len(set(placed))


def test_no_module_imports_from_its_own_height_or_above() -> None:
    wrong = {
        (module, found)
        for module, found in imports()
        if part(module) not in {"__init__", part(found)} and height(found) >= height(module)
    }
    assert sorted(wrong - EXCEPTIONS.keys()) == []
    assert EXCEPTIONS.keys() <= wrong, "an exception that none needs any more"


def test_nothing_goes_around_the_rule_by_a_relative_import() -> None:
    relative = [
        str(file)
        for file in ROOT.rglob("*.py")
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_who_is_who_is_told_from_the_secret_the_spec_and_the_people_alone() -> None:
    assert {part(found) for module, found in imports() if part(module) == "identity"} <= IDENTITY_KNOWS


def test_keys_and_passwords_are_derived_in_identity_alone() -> None:
    assert [
        found for file in sorted(ROOT.rglob("*.py")) if file.parent.name != "identity" for found in derivations(file)
    ] == []


def derivations(file: Path) -> Iterator[str]:
    """Where a module takes a function that derives: by importing it, or from the module of keys, however it is called."""
    tree, modules = _tree(file), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "orchestrator.identity.keys":
            yield from (f"{file}:{node.lineno} {alias.name}" for alias in node.names if alias.name in {*DERIVING, "*"})
        elif isinstance(node, ast.ImportFrom) and node.module == "orchestrator.identity":
            modules |= {alias.asname or alias.name for alias in node.names if alias.name == "keys"}
        elif isinstance(node, ast.Import):
            modules |= {
                alias.asname or alias.name for alias in node.names if alias.name == "orchestrator.identity.keys"
            }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in DERIVING and ast.unparse(node.value) in modules:
            yield f"{file}:{node.lineno} {ast.unparse(node)}"


@pytest.mark.parametrize(
    "text",
    [
        "from orchestrator.identity import keys\nkeys.token(b'', 'x')",
        "from orchestrator.identity import keys as k\nf = k.password",
        "def f():\n    from orchestrator.identity.keys import api_key",
        "import orchestrator.identity.keys\norchestrator.identity.keys.api_key(b'', '', 1)",
    ],
)
def test_a_derivation_is_seen_in_each_form(tmp_path: Path, text: str) -> None:
    file = tmp_path / "module.py"
    file.write_text(text)
    assert len(list(derivations(file))) == 1


SLOW_TO_COME_UP = {"jinja2", "tenacity", "typst", "cryptography", "aiohttp", "ansible_runner", "numpy", "docker"}


def test_a_change_of_people_brings_up_nothing_that_it_may_do_without() -> None:
    """A revocation is a matter of a second, most of it for imports."""
    code = "import sys, orchestrator.workflow.people.change, orchestrator.cli.running; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert SLOW_TO_COME_UP & {*loaded} == set()
