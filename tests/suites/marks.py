"""The tests as they stand in the source: how many a module has, and which of them are not for every day, and why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.suites.suites import Suite


@dataclass(frozen=True)
class Module:
    """`daily` of `tests` run every day; a parametrized test counts once, and as daily if only some of its cases wait."""

    path: str
    about: str
    tests: int
    daily: int
    reasons: tuple[str, ...]


def modules(root: Path, suite: Suite) -> list[Module]:
    files = [file for file in suite.files(root) if file.name.startswith("test_")]
    return [read(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix()) for file in files]


def read(source: str, path: str) -> Module:
    """Raises ValueError for a marker `full` that does not say why."""
    tree = ast.parse(source, path)
    of_all = tuple(_reasons(path, *_pytestmark(tree.body)))
    tests = list(_tests(tree.body, ()))
    of_tests = [tuple(_reasons(path, *own)) for own in tests]
    waiting = [bool(of_all) or any(isinstance(mark, ast.Call) and _is_full(mark.func) for mark in own) for own in tests]
    reasons = tuple(dict.fromkeys((*of_all, *(reason for found in of_tests for reason in found))))
    about = (ast.get_docstring(tree) or "").partition("\n\n")[0].replace("\n", " ")
    return Module(path, about, len(tests), waiting.count(False), reasons)


def _tests(body: list[ast.stmt], outer: tuple[ast.expr, ...]) -> Iterator[tuple[ast.expr, ...]]:
    """The decorators of each test, with those of its class. `TestIt = Machine.TestCase` is one too."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                yield (*outer, *node.decorator_list)
            case ast.ClassDef(name=name) if name.startswith("Test"):
                yield from _tests(node.body, (*outer, *node.decorator_list))
            case ast.Assign() if any(name.startswith("Test") for name in _names(node)):
                yield outer


def _pytestmark(body: list[ast.stmt]) -> Iterator[ast.expr]:
    return (node.value for node in body if isinstance(node, ast.Assign) and _names(node) == ["pytestmark"])


def _names(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _reasons(path: str, *expressions: ast.expr) -> Iterator[str]:
    nodes = [node for expression in expressions for node in ast.walk(expression)]
    calls = {node.func: node for node in nodes if isinstance(node, ast.Call)}
    for mark in (node for node in nodes if isinstance(node, ast.expr) and _is_full(node)):
        match calls.get(mark):
            case ast.Call(args=[ast.Constant(value=str(reason))], keywords=[]) if reason.strip():
                yield reason
            case _:
                raise ValueError(f"{path}:{mark.lineno}: pytest.mark.full(...) says why, in one text")


def _is_full(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr="full", value=ast.Attribute(attr="mark")):
            return True
    return False
