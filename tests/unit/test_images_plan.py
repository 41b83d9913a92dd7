"""Which image a component runs: pinned versions, the workshop's own registry, overrides."""

from __future__ import annotations

import re

import pytest

from orchestrator.fleet.images.recipes import NOT_PACKAGED, RECIPES
from orchestrator.fleet.images.torch import VERSION as TORCH
from orchestrator.plan.images import REFERENCES, Image, ImageChoice, Reference, reference_for
from orchestrator.spec.components import COMPONENTS, Component

VLLM_CPU = Component("vllm_cpu")


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_has_a_pinned_version(component: Component) -> None:
    suffix = Reference.parse(REFERENCES[component]).suffix
    assert re.search(r"\d", suffix)
    assert "latest" not in suffix


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_is_built_or_says_why_not(component: Component) -> None:
    assert (component in RECIPES) != (component in NOT_PACKAGED)


@pytest.mark.parametrize(
    ("text", "host", "repository", "suffix"),
    [
        ("nginx", "docker.io", "library/nginx", ""),
        ("nginx:1.30", "docker.io", "library/nginx", ":1.30"),
        ("docker.io/nginx:1.30", "docker.io", "library/nginx", ":1.30"),
        ("vllm/vllm-openai:v1", "docker.io", "vllm/vllm-openai", ":v1"),
        ("ghcr.io/a/b:c", "ghcr.io", "a/b", ":c"),
        ("localhost/a", "localhost", "a", ""),
        ("127.0.0.1:5000/a/b:c@sha256:00", "127.0.0.1:5000", "a/b", ":c@sha256:00"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", ""),
        ("ghcr.io/a@sha256:00", "ghcr.io", "a", "@sha256:00"),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text: str, host: str, repository: str, suffix: str) -> None:
    parts = Reference.parse(text)
    assert (parts.host, parts.repository, parts.suffix) == (host, repository, suffix)
    assert parts.name + parts.suffix == text


def test_a_registry_of_ones_own_replaces_every_host() -> None:
    choice = ImageChoice(registry="registry.example.org/mirror/")
    assert reference_for(Component("gateway"), choice).startswith("registry.example.org/mirror/library/nginx:1.30")
    assert reference_for(Component("webui"), choice).startswith("registry.example.org/mirror/open-webui/open-webui:v")


def test_an_override_stands_as_it_is_written() -> None:
    choice = ImageChoice(registry="registry.example.org", override={Component("ollama"): "ollama/ollama:0.1"})
    assert reference_for(Component("ollama"), choice) == "ollama/ollama:0.1"


@pytest.mark.parametrize(
    ("reference", "digest", "origin", "pinned"),
    [
        ("ghcr.io/a/b:c", "sha256:00", "ghcr.io/a/b@sha256:00", "workshop-b:c-00"),
        ("127.0.0.1:5000/b", "sha256:00", "127.0.0.1:5000/b@sha256:00", "workshop-b:00"),
        ("nginx:1.30@sha256:00", "sha256:00", "nginx@sha256:00", "workshop-nginx:1.30-00"),
        ("workshop-webui:abc", None, "workshop-webui:abc", "workshop-webui:abc"),
    ],
)
def test_a_registry_is_asked_by_digest_and_stacks_have_a_name_that_no_pull_moves(
    reference: str, digest: str | None, origin: str, pinned: str
) -> None:
    image = Image(reference, digest, "registry")
    assert (image.origin, image.pinned) == (origin, pinned)
    assert Image(reference, digest, "archive").pinned == pinned


def test_the_name_of_a_stack_is_one_that_docker_takes() -> None:
    pinned = Image(f"ghcr.io/a/b:{'t' * 128}", f"sha256:{'0' * 64}", "registry").pinned
    assert len(pinned.partition(":")[2]) == 128


def test_registry_and_packages_give_the_same_version_of_open_webui_and_vllm() -> None:
    def locked(component: Component, package: str) -> str:
        lock = (RECIPES[component].folder / "requirements.lock").read_text()
        found = re.search(rf"^{package}==(\S+)", lock, re.MULTILINE)
        assert found
        return found[1]

    assert REFERENCES[Component("webui")].endswith(f":v{locked(Component('webui'), 'open-webui')}")
    assert REFERENCES[Component("vllm")].endswith(f":v{locked(Component('vllm_cpu'), 'vllm-cpu')}")
    assert f"VLLM_VERSION={locked(Component('vllm_cpu'), 'vllm-cpu')}" in _dockerfile(Component("vllm_cpu"))


def test_the_dockerfile_asks_for_the_torch_that_is_looked_for() -> None:
    assert f"TORCH_VERSION={TORCH.removesuffix('+cpu')}\n" in _dockerfile(Component("vllm_cpu"))


@pytest.mark.parametrize("component", [Component("webui"), Component("vllm_cpu")])
def test_locks_hold_hashes_no_address_and_nothing_of_cuda(component: Component) -> None:
    lock = (RECIPES[component].folder / "requirements.lock").read_text()
    packages = re.findall(r"^([a-z0-9.-]+)==\S+ \\\n    --hash=sha256:", lock, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^\S", lock, re.MULTILINE))
    assert not [name for name in packages if name.startswith(("nvidia", "torch", "triton"))]
    assert "://" not in lock


@pytest.mark.parametrize("component", RECIPES)
def test_dockerfiles_build_without_a_registry_for_the_frontend(component: Component) -> None:
    text = _dockerfile(component)
    assert "# syntax" not in text
    assert "<<" not in text
    assert "ARG BASE=debian:" in text


def _dockerfile(component: Component) -> str:
    return (RECIPES[component].folder / "Dockerfile").read_text()
