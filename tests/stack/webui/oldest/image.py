"""The oldest Open WebUI that the program speaks to, as an image: built as the packaged one is, with a lock of its own."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from orchestrator.resources import IMAGES
from tests.fleet.bed.engine import docker
from tests.fleet.bed.images import base_image, is_here

LOCK = Path(__file__).parent / "requirements.lock"
SHARED = tuple(IMAGES / "webui" / name for name in ("Dockerfile", "start.sh"))


def oldest_image(folder: Path) -> str:
    """Its name; made in `folder` if it is not here yet, which takes a minute."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in (*SHARED, LOCK))).hexdigest()
    tag = f"workshop-test-webui-oldest:{digest[:12]}"
    if not is_here(tag):
        for path in (*SHARED, LOCK):
            shutil.copy(path, folder / path.name)
        base = base_image("bookworm", folder)
        docker("build", "--quiet", "--tag", tag, "--build-arg", f"BASE={base}", str(folder), seconds=900)
    return tag
