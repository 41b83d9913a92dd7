"""Images on a real engine: pulled and pinned, found again without a network, built from packages, looked into."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import docker
import pytest

import orchestrator.engines.image as image_module
from orchestrator.fleet.images import BuildSettings, check_gateway, resolve
from orchestrator.fleet.images.recipes import RECIPES
from orchestrator.pins import IMAGES
from orchestrator.plan.images import Image, ImageChoice
from orchestrator.spec.components import Component

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
NOWHERE = "registry.invalid"


@pytest.fixture
def client() -> Iterator[Any]:
    engine = docker.from_env()
    yield engine
    engine.close()


@pytest.fixture
def settings(tmp_path: Path) -> BuildSettings:
    return BuildSettings.from_environment(tmp_path / "logs", tmp_path / "cache")


@dataclass
class Registry:
    """As much of a registry as a pull asks for (github.com/opencontainers/distribution-spec)."""

    address: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)  # by "repository/manifests/tag"
    asked: list[str] = field(default_factory=list)

    def publish(self, repository: str, tag: str, content: bytes) -> str:
        """An image with one file; its digest."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            entry = tarfile.TarInfo("content")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        plain, packed = layer.getvalue(), gzip.compress(layer.getvalue(), mtime=0)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Cmd": ["/content"]},
                "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self._blob(config, "application/vnd.docker.container.image.v1+json"),
                "layers": [self._blob(packed, "application/vnd.docker.image.rootfs.diff.tar.gzip")],
            }
        ).encode()
        for name in (tag, _digest(manifest)):
            self.manifests[f"/v2/{repository}/manifests/{name}"] = manifest
        return _digest(manifest)

    def _blob(self, content: bytes, kind: str) -> dict[str, object]:
        self.blobs[_digest(content)] = content
        return {"mediaType": kind, "size": len(content), "digest": _digest(content)}


@pytest.fixture
def registry(client: Any) -> Iterator[Registry]:
    made = Registry()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            body = made.manifests.get(self.path, made.blobs.get(self.path.rpartition("/")[2]))
            found = self.path == "/v2/" or body is not None
            self.send_response(200 if found else 404)
            self.send_header("content-type", MANIFEST if "/manifests/" in self.path else "application/octet-stream")
            self.send_header("content-length", str(len(body or b"")))
            if body is not None:
                self.send_header("docker-content-digest", _digest(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made.address = f"127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
    for image in client.images.list():
        names = (*image.tags, *image.attrs["RepoDigests"])
        if any(name.startswith(made.address) for name in names):
            client.images.remove(image.id, force=True)


def test_an_image_is_pulled_once_and_then_found_by_its_digest(
    client: Any, registry: Registry, settings: BuildSettings
) -> None:
    digest = registry.publish("library/ollama", "1.0", b"first")
    choice = ImageChoice(override={Component("ollama"): f"{registry.address}/library/ollama:1.0"})
    first = resolve([Component("ollama")], choice, {}, client, settings=settings, report=print)
    image = first.images[Component("ollama")]
    assert image == Image(f"{registry.address}/library/ollama:1.0", digest, "registry")
    assert client.images.get(image.pinned)

    registry.asked.clear()
    start = time.monotonic()
    again = resolve([Component("ollama")], choice, first.images, client, settings=settings, report=print)
    assert time.monotonic() - start < 0.1
    assert again == first
    assert registry.asked == []


def test_a_tag_that_moved_does_not_move_the_workshop(client: Any, registry: Registry, settings: BuildSettings) -> None:
    registry.publish("library/ollama", "1.0", b"first")
    choice = ImageChoice(override={Component("ollama"): f"{registry.address}/library/ollama:1.0"})
    first = resolve([Component("ollama")], choice, {}, client, settings=settings, report=print)
    client.images.remove(client.images.get(first.images[Component("ollama")].pinned).id, force=True)

    registry.publish("library/ollama", "1.0", b"second")
    again = resolve([Component("ollama")], choice, first.images, client, settings=settings, report=print)
    assert again == first


def test_a_registry_of_ones_own_stands_in_for_all(client: Any, registry: Registry, settings: BuildSettings) -> None:
    tag = IMAGES["ollama"].rpartition(":")[2]
    registry.publish("mirror/ollama/ollama", tag, b"mirrored")
    choice = ImageChoice(source="registry", registry=f"{registry.address}/mirror")
    found = resolve([Component("ollama"), Component("tgi")], choice, {}, client, settings=settings, report=print)
    assert found.images[Component("ollama")].reference == f"{registry.address}/mirror/ollama/ollama:{tag}"
    assert "text-generation-inference:3" in found.missing[Component("tgi")]


def test_what_cannot_be_had_is_named_within_seconds(client: Any, settings: BuildSettings) -> None:
    start = time.monotonic()
    said: list[str] = []
    wanted = [Component("ollama"), Component("tgi")]
    found = resolve(wanted, ImageChoice(registry=NOWHERE), {}, client, settings=settings, report=said.append)
    assert time.monotonic() - start < 6
    assert set(found.missing) == set(wanted)
    assert "in no Debian, PyPI or npm package" in found.missing[Component("ollama")]
    assert f"the registry {NOWHERE} can't be reached from here" in said


def test_without_a_registry_the_image_is_built_and_then_kept(client: Any, settings: BuildSettings) -> None:
    choice, wanted = ImageChoice(registry=NOWHERE), [Component("llamacpp"), Component("gateway")]
    first = resolve(wanted, choice, {}, client, settings=settings, report=print)
    assert first.images == {c: Image(RECIPES[c].tag, None, "packages") for c in wanted}
    start = time.monotonic()
    again = resolve(wanted, choice, first.images, client, settings=settings, report=print)
    assert time.monotonic() - start < 0.1
    assert again == first


def test_a_build_that_fails_names_its_log(
    client: Any, settings: BuildSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "llamacpp"
    folder.mkdir()
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo the reason; exit 7\n")
    monkeypatch.setattr(image_module, "IMAGES", tmp_path)
    choice = ImageChoice(source="packages")
    found = resolve([Component("llamacpp")], choice, {}, client, settings=settings, report=print)
    reason = found.missing[Component("llamacpp")]
    assert "exit code: 7" in reason
    assert "\n" not in reason
    log = settings.logs / "build-llamacpp.log"
    assert str(log) in reason
    assert "the reason" in log.read_text()


def test_the_cpu_build_of_vllm_is_not_tried_without_its_wheel(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(RECIPES[Component("vllm_cpu")].folder, tmp_path / "vllm")
    (tmp_path / "vllm" / "new").touch()  # so that no earlier image will do
    monkeypatch.setattr(image_module, "IMAGES", tmp_path)
    bare = BuildSettings(tmp_path / "logs", tmp_path / "cache")
    found = resolve([Component("vllm_cpu")], ImageChoice(source="packages"), {}, client, settings=bare, report=print)
    assert "PIP_FIND_LINKS" in found.missing[Component("vllm_cpu")]
    assert not bare.logs.exists()


def test_an_archives_image_is_used_and_no_registry_asked(
    client: Any, registry: Registry, settings: BuildSettings
) -> None:
    digest = registry.publish("library/ollama", "1.0", b"loaded")
    choice = ImageChoice(override={Component("ollama"): f"{registry.address}/library/ollama:1.0"})
    pulled = resolve([Component("ollama")], choice, {}, client, settings=settings, report=print).images[
        Component("ollama")
    ]
    client.images.remove(pulled.origin)  # what is loaded has no digest of a registry
    registry.asked.clear()
    recorded = {Component("ollama"): Image(pulled.reference, digest, "archive")}
    only = replace(choice, source="archive")
    found = resolve([Component("ollama")], only, recorded, client, settings=settings, report=print)
    assert found.images == recorded
    assert client.images.get(recorded[Component("ollama")].pinned)
    client.images.remove(pulled.pinned, force=True)
    client.images.remove(pulled.reference, force=True)
    gone = resolve([Component("ollama")], only, recorded, client, settings=settings, report=print)
    assert "workshop images load FILE SPEC" in gone.missing[Component("ollama")]
    assert registry.asked == []


def test_without_a_record_an_archives_image_is_known_by_its_name(client: Any, settings: BuildSettings) -> None:
    recipe = RECIPES[Component("llamacpp")]
    resolve([Component("llamacpp")], ImageChoice(source="packages"), {}, client, settings=settings, report=print)
    choice = ImageChoice(source="archive")
    found = resolve([Component("llamacpp"), Component("tgi")], choice, {}, client, settings=settings, report=print)
    assert found.images == {Component("llamacpp"): Image(recipe.tag, None, "archive")}
    assert "it was in no archive that was loaded" in found.missing[Component("tgi")]


def test_the_gateways_image_is_looked_into_once(client: Any, settings: BuildSettings) -> None:
    made = resolve([Component("gateway")], ImageChoice(source="packages"), {}, client, settings=settings, report=print)
    reference = made.images[Component("gateway")].pinned
    start = time.monotonic()
    check_gateway(client, reference, settings.cache)
    assert time.monotonic() - start < 0.1


def test_an_image_without_nginx_is_no_gateway(client: Any, settings: BuildSettings) -> None:
    made = resolve([Component("llamacpp")], ImageChoice(source="packages"), {}, client, settings=settings, report=print)
    reference = made.images[Component("llamacpp")].reference
    choice = ImageChoice(override={Component("gateway"): reference})
    found = resolve([Component("gateway")], choice, {}, client, settings=settings, report=print)
    assert f"{reference} has no nginx, no njs" in found.missing[Component("gateway")]


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
