"""Build an image out of packages, by BuildKit, with everything it said in a log."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from orchestrator.engines.image import Recipe, Suite
from orchestrator.fleet.images.torch import TorchSource
from orchestrator.private_folder import WHEEL, PrivateFolder
from orchestrator.resources import IMAGES


class BuildError(Exception):
    """One line: what failed, the log's last line, and where the log is."""


def make_base(suite: Suite, tag: str, log: Path) -> None:
    """A Debian base image by mmdebstrap, as root or by sudo. Raises BuildError. Takes 15 to 30 s."""
    _run(["bash", str(IMAGES / "base" / "make-base.sh"), suite, tag], log, {})


def build(recipe: Recipe, base: str, torch: TorchSource | None, log: Path) -> None:
    """Raises BuildError. Takes 10 s (llama.cpp) to 70 s (vLLM), packages' mirrors being near."""
    command = ["docker", "build", "--progress", "plain", "--tag", recipe.tag]
    command += ["--build-arg", f"BASE={base}", "--label", f"workshop.image={recipe.name}"]
    with _torch_arguments(torch or TorchSource()) as (arguments, environment):
        _run([*command, *arguments, str(recipe.folder)], log, environment)


@contextmanager
def _torch_arguments(torch: TorchSource) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The wheel alone in a folder of its own: the whole folder travels to the engine. Addresses go as secrets."""
    arguments: list[str] = []
    environment: dict[str, str] = {}
    secrets: Mapping[str, SecretStr | None] = {"find_links": torch.find_links, "torch_index": torch.index}
    for name, secret in secrets.items():
        if secret:
            variable = f"WORKSHOP_BUILD_{name.upper()}"
            arguments += ["--secret", f"id={name},env={variable}"]
            environment[variable] = secret.get_secret_value()
    if torch.wheel is None:
        yield arguments, environment
        return
    with PrivateFolder(WHEEL) as folder:
        copy = folder / torch.wheel.name
        try:
            os.link(torch.wheel, copy)
        except OSError:  # another file system
            shutil.copyfile(torch.wheel, copy)
        yield [*arguments, "--build-context", f"wheels={folder}"], environment


def _run(command: list[str], log: Path, environment: Mapping[str, str]) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            code = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # the engine's own builder: another one would not see the base images that are here
                env={**os.environ, "DOCKER_BUILDKIT": "1", "BUILDX_BUILDER": "default", **environment},
                check=False,
            ).returncode
        except OSError as error:
            raise BuildError(f"{command[0]} could not be started: {error.strerror}") from error
    if code:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise BuildError(f"{lines[-1] if lines else f'exit code {code}'} (log: {log})")
