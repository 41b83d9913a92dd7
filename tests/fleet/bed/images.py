"""The images that stand in for machines: a folder of tests/fleet/image/ each, built once for what is in it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from orchestrator.engines.image import Suite
from orchestrator.fleet.images.build import make_base
from tests.fleet.bed.engine import docker

FOLDER = Path(__file__).parents[1] / "image"


@dataclass(frozen=True)
class TestImage:
    """`name` is the folder, `suite` the Debian release that it stands on."""

    __test__ = False  # not a class of tests

    name: str
    suite: Suite

    @property
    def tag(self) -> str:
        """Changes when a file of the folder changes."""
        digest = hashlib.sha256(self.suite.encode())
        for path in sorted(item for item in (FOLDER / self.name).rglob("*") if item.is_file()):
            digest.update(f"\0{path.relative_to(FOLDER).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return f"workshop-test-{self.name}:{digest.hexdigest()[:12]}"


HOST = TestImage("host", "forky")
BARE = TestImage("bare", "bookworm")
REGISTRY = TestImage("registry", "forky")
SMALL = TestImage("small", "forky")
OLLAMA = TestImage("ollama", "forky")


def is_here(tag: str) -> bool:
    return docker("image", "inspect", tag, check=False).returncode == 0


def build(images: Iterable[TestImage], logs: Path) -> None:
    """Those that are missing, once for all runs at the same time.

    Takes half a minute for a base image that is not here, then 15 s. Raises RuntimeError.
    """
    with FileLock(Path(tempfile.gettempdir()) / "workshop-test-images.lock"):
        missing = [image for image in images if not is_here(image.tag)]
        suites = sorted({image.suite for image in missing})
        with ThreadPoolExecutor(2) as pool:
            bases = dict(zip(suites, pool.map(lambda suite: base_image(suite, logs), suites), strict=True))
            list(pool.map(lambda image: _build(image, bases[image.suite]), missing))


def _build(image: TestImage, base: str) -> None:
    options = ("--quiet", "--tag", image.tag, "--build-arg", f"BASE={base}")
    docker("build", *options, str(FOLDER / image.name), seconds=600)


def base_image(suite: Suite, logs: Path) -> str:
    """As the program itself comes by one: here, pulled, or made out of Debian's packages."""
    made, official = f"workshop-base:{suite}", f"debian:{suite}-slim"
    for tag in (made, official):
        if is_here(tag):
            return tag
    if docker("pull", "--quiet", official, check=False, seconds=300).returncode == 0:
        return official
    make_base(suite, made, logs / f"base-{suite}.log")
    return made
