"""A registry of images for the bed: Debian's build of the real one."""

from __future__ import annotations

import base64
import json
import re
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import requests

from tests.fleet.bed.engine import docker, remove_containers, says
from tests.fleet.bed.images import REGISTRY

PORT = 5000
SECONDS = 20.0


class Registry:
    """`address`: how hosts name it. `outer`: how this machine's engine does. Plain HTTP, which both were told to take."""

    def __init__(self, container: str, address: str, outer: str, login: tuple[str, str] | None) -> None:
        self.container = container
        self.address = address
        self.outer = outer
        self.login = login

    @classmethod
    @contextmanager
    def opened(
        cls, network: str, address: str, labels: Sequence[str], *, login: tuple[str, str] | None = None
    ) -> Iterator[Self]:
        """`login`: name and password that everything needs. A mirror must not have one: engines don't log in to mirrors."""
        options = [*labels, "--network", network, "--ip", address, "--publish", f"127.0.0.1::{PORT}"]
        options += ["--name", f"{network}-registry-{secrets.token_hex(3)}"]
        if login:
            options += ["--env", f"LOGIN={':'.join(login)}"]
        container = says("run", "--detach", *options, REGISTRY.tag)
        try:
            registry = cls(container, f"{address}:{PORT}", says("port", container, str(PORT)).splitlines()[0], login)
            registry._wait()
            yield registry
        finally:
            remove_containers([container])

    def push(self, image: str, name: str | None = None) -> str:
        """An image of this machine's engine, under its own or another name; returns the digest.

        Hosts find `nginx:1.30` through a mirror under just that name, `library/nginx:1.30` is what the registry calls it.
        """
        tag = f"{self.outer}/{full_name(name or image)}"
        docker("tag", image, tag)
        try:
            with self._logged_in() as options:
                said = docker(*options, "push", tag, seconds=300).stdout.decode()
        finally:
            docker("rmi", "--no-prune", tag, check=False)
        found = re.search(r"digest: (sha256:[0-9a-f]{64})", said)
        assert found, said
        return found[1]

    def pulls(self, name: str) -> int:
        """How often engines got this image's manifest, as Docker Hub counts for its limits.

        One that has it already only asks whether it is still the same, which is no pull there either.
        """
        repository = full_name(name).rpartition(":")[0]
        pattern = rf'"GET /v2/{re.escape(repository)}/manifests/[^"]*" 200 .*docker/'
        return len(re.findall(pattern, self.log()))

    def log(self) -> str:
        done = docker("logs", self.container)
        return (done.stdout + done.stderr).decode(errors="replace")

    def stop(self) -> None:
        docker("stop", "--time", "2", self.container)

    def start(self) -> None:
        docker("start", self.container)
        self.outer = says("port", self.container, str(PORT)).splitlines()[0]
        self._wait()

    @contextmanager
    def _logged_in(self) -> Iterator[list[str]]:
        """Docker's options; the login is in a folder of its own."""
        with tempfile.TemporaryDirectory(prefix="fleet-docker-") as folder:
            entry = base64.b64encode(":".join(self.login).encode()).decode() if self.login else None
            document = {"auths": {self.outer: {"auth": entry}} if entry else {}}
            (Path(folder) / "config.json").write_text(json.dumps(document), encoding="utf-8")
            yield ["--config", folder]

    def _wait(self) -> None:
        until = time.monotonic() + SECONDS
        while True:
            try:
                answer = requests.get(f"http://{self.outer}/v2/", timeout=5)
                if answer.status_code in {200, 401}:
                    return
            except requests.ConnectionError:
                pass
            if time.monotonic() > until:
                raise RuntimeError(f"the registry does not answer: {self.log()[-500:]}")
            time.sleep(0.05)


def full_name(image: str) -> str:
    """As a registry calls an image of docker.io, with its tag: `nginx` is `library/nginx:latest`."""
    repository, _, tag = image.partition("@")[0].rpartition(":")
    if not repository or "/" in tag:
        repository, tag = image, "latest"
    repository = repository.removeprefix("docker.io/")
    return f"{repository if '/' in repository else 'library/' + repository}:{tag}"
