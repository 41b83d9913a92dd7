"""Where bits can be had: registries that answer or do not, PyTorch's CPU wheel, content-named recipes."""

from __future__ import annotations

import http.server
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

import orchestrator.engines.image as image_module
from orchestrator.fleet.images import reachable
from orchestrator.fleet.images.reachable import reachable_registries
from orchestrator.fleet.images.recipes import RECIPES
from orchestrator.fleet.images.settings import BuildSettings
from orchestrator.fleet.images.torch import TorchSource, find_torch
from orchestrator.spec.components import Component

WHEEL = "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"


@pytest.fixture(autouse=True)
def x86_64(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests name wheels for this architecture."""
    import platform

    if platform.machine() != "x86_64":
        pytest.skip("vLLM's CPU wheel is looked for on x86_64")
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def site() -> Iterator[tuple[dict[str, tuple[int, bytes]], str]]:
    """A web server on this machine: fill in its pages, and its address without the scheme."""
    pages: dict[str, tuple[int, bytes]] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = pages.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield pages, f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """Somebody who takes connections and says nothing, as some hotel networks do."""
    with socket.create_server(("127.0.0.1", 0), backlog=5) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("status", [200, 401])
def test_a_registry_on_this_machine_counts_without_tls(
    site: tuple[dict[str, tuple[int, bytes]], str], status: int
) -> None:
    pages, address = site
    pages["/v2/"] = (status, b"")
    assert reachable_registries({address}, {}) == {address}


def test_a_server_that_is_no_registry_does_not_count(site: tuple[dict[str, tuple[int, bytes]], str]) -> None:
    _, address = site
    assert reachable_registries({address}, {}) == frozenset()


def test_a_mirror_of_docker_hub_counts_as_docker_hub(site: tuple[dict[str, tuple[int, bytes]], str]) -> None:
    pages, address = site
    pages["/v2/"] = (200, b"")
    engine = {"RegistryConfig": {"Mirrors": [f"http://{address}/"]}}
    assert reachable_registries({"docker.io"}, engine) == {"docker.io"}


def test_an_engine_behind_a_proxy_is_taken_at_its_word() -> None:
    assert reachable_registries({"registry.invalid"}, {"HttpsProxy": "http://proxy.invalid"}) == {"registry.invalid"}


def test_registries_that_cannot_be_reached_are_given_up_within_seconds(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reachable.SECONDS <= 3
    monkeypatch.setattr(reachable, "SECONDS", 0.5)
    start = time.monotonic()
    assert reachable_registries({"registry.invalid", "localhost:1", silent}, {}) == frozenset()
    assert 0.5 <= time.monotonic() - start < 2.5


def test_the_wheel_is_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / WHEEL).touch()
    for address in (str(tmp_path), f"file://{tmp_path}"):
        assert find_torch(_settings(tmp_path, links=address)) == TorchSource(wheel=tmp_path / WHEEL)


@pytest.mark.parametrize(
    "name", ["torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl", WHEEL.replace("cp311", "cp313")]
)
def test_another_wheel_is_not_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    reason = find_torch(_settings(tmp_path, links=str(tmp_path)))
    assert isinstance(reason, str)
    assert "2.13.0+cpu" in reason
    assert str(tmp_path) in reason


def test_the_wheel_is_found_on_a_page_of_links(tmp_path: Path, site: tuple[dict[str, tuple[int, bytes]], str]) -> None:
    pages, address = site
    pages["/wheels/"] = (200, WHEEL.replace("+", "%2B").encode())
    found = find_torch(_settings(tmp_path, links=f"http://{address}/wheels/"))
    assert isinstance(found, TorchSource)
    assert found.find_links


def test_the_wheel_is_found_in_an_index(tmp_path: Path, site: tuple[dict[str, tuple[int, bytes]], str]) -> None:
    pages, address = site
    pages["/whl/cpu/torch/"] = (200, WHEEL.encode())
    found = find_torch(_settings(tmp_path, index=f"http://{address}/whl/cpu"))
    assert isinstance(found, TorchSource)
    assert found.index


def test_an_address_is_named_without_its_password(
    tmp_path: Path, site: tuple[dict[str, tuple[int, bytes]], str]
) -> None:
    _, address = site
    reason = find_torch(_settings(tmp_path, index=f"http://ada:sesame@{address}/whl"))
    assert isinstance(reason, str)
    assert address in reason
    assert "sesame" not in reason


def test_without_a_source_the_reason_says_what_to_set(tmp_path: Path) -> None:
    reason = find_torch(_settings(tmp_path))
    assert isinstance(reason, str)
    assert "PIP_FIND_LINKS" in reason
    assert "WORKSHOP_TORCH_INDEX" in reason
    assert "\n" not in reason


def test_the_environment_comes_before_pips_own_files(tmp_path: Path) -> None:
    config = tmp_path / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text("[global]\nfind-links =\n    /one\n    /two\n")
    home = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": ""}
    from_file = BuildSettings.from_environment(tmp_path, tmp_path, home)
    assert [link.get_secret_value() for link in from_file.find_links] == ["/one", "/two"]
    chosen = {"PIP_FIND_LINKS": "/three", "WORKSHOP_TORCH_INDEX": "https://u:p@example.org/whl"}
    from_environment = BuildSettings.from_environment(tmp_path, tmp_path, home | chosen)
    assert [link.get_secret_value() for link in from_environment.find_links] == ["/three"]
    assert "u:p" not in repr(from_environment)


@pytest.mark.parametrize("change", ["content", "name", "executable"])
def test_a_changed_folder_gives_another_image_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    recipe = RECIPES[Component("webui")]
    original = recipe.tag
    shutil.copytree(recipe.folder, tmp_path / "webui")
    monkeypatch.setattr(image_module, "IMAGES", tmp_path)
    script = recipe.folder / "start.sh"
    assert recipe.tag == original
    match change:
        case "content":
            script.write_text(script.read_text() + "\n")
        case "name":
            script.rename(script.with_name("begin.sh"))
        case "executable":
            script.chmod(0o644)
    assert recipe.tag != original


def _settings(folder: Path, links: str | None = None, index: str | None = None) -> BuildSettings:
    found = (SecretStr(links),) if links else ()
    return BuildSettings(folder, folder, found, SecretStr(index) if index else None)
