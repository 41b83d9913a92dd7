"""The committed table of published holes, and what preflight says by it."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrator import faults
from orchestrator.checks.preflight.faults import host_holes, image_holes, is_older
from orchestrator.faults import Fault, faults_of, known_faults, numbers, project_of
from orchestrator.pins import IMAGES, LEAST
from orchestrator.spec.components import Component
from orchestrator.webui.versions import WITHOUT_KNOWN_HOLES


def cves(component: str, reference: str) -> set[str]:
    return {
        finding.what.split("CVE-")[1].partition(":")[0] for finding in image_holes({Component(component): reference})
    }


@pytest.mark.parametrize(
    ("component", "reference", "has"),
    [
        ("gateway", "nginx:1.30.6", {"2026-123007"}),
        ("gateway", "nginx:1.30.7", set()),
        ("gateway", "mirror.example.org:5000/library/nginx:1.28.0-alpine", {"2026-123007"}),
        ("gateway", f"nginx:1.30.6@sha256:{'0' * 64}", {"2026-123007"}),
        ("gateway", "nginx:latest", set()),
        ("gateway", "nginx", set()),
        ("gateway", "workshop-gateway:1e540ff5144c", set()),
        ("ollama", "ollama/ollama:0.33.1", {"2026-103663", "2026-85180"}),
        ("ollama", "ollama/ollama:0.34.2-rocm", {"2026-103663"}),
        ("ollama", "ollama/ollama:0.35.0", set()),
        ("llamacpp_cuda", "ghcr.io/ggml-org/llama.cpp:server-cuda-b11000", {"2026-107183"}),
        ("llamacpp", "ghcr.io/ggml-org/llama.cpp:server-b11393", set()),
        ("vllm", "vllm/vllm-openai:v0.17.1", {"2026-27893"}),
        ("vllm_cpu", "vllm/vllm-openai:v0.10.0", set()),
        ("webui", "ghcr.io/open-webui/open-webui:v0.11.3", {"2026-109288"}),
    ],
)
def test_an_image_is_known_by_its_tag(component: str, reference: str, has: set[str]) -> None:
    assert cves(component, reference) == has


def test_what_is_said_names_version_remedy_and_what_is_done_meanwhile() -> None:
    (finding,) = image_holes({Component("gateway"): "nginx:1.30.6"})
    assert (finding.level, finding.host, finding.check) == ("warn", None, "holes")
    assert "nginx 1.30.6 (gateway) has CVE-2026-123007" in finding.what
    assert "fixed in nginx 1.30.7; until then the gateway keeps HTTP/2 off" in finding.what
    assert "images.override.gateway" in (finding.remedy or "")


def test_of_the_pinned_images_only_nginx_has_a_hole_that_is_known_here() -> None:
    """Whoever writes an entry that says otherwise raises the pin, or lists it here with what keeps the hole shut."""
    every = {Component(name): reference for name, reference in IMAGES.items()}
    assert {finding.what.partition(":")[0] for finding in image_holes(every)} == {
        "nginx 1.30.6 (gateway) has CVE-2026-123007"
    }


def test_cryptography_is_in_the_table_for_locks() -> None:
    assert [fault.cve for fault in faults_of("cryptography", "48.0.1", "python")] == ["CVE-2026-69247"]
    assert not list(faults_of("cryptography", "50.0.0", "python"))
    assert not list(faults_of("cryptography", "48.0.1", "debian"))


def test_hosts_are_known_by_what_their_engine_says(monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = Fault(
        component="docker",
        found_in=("engine",),
        below="28.0.2",
        cve="CVE-0",
        what="x",
        date=date(2026, 12, 1),
        source="y",
    )
    monkeypatch.setattr(faults, "known_faults", lambda: (made_up,))
    (finding,) = host_holes("gpu-1", "engine", "docker", "28.0.1")
    assert (finding.host, finding.level) == ("gpu-1", "warn")
    assert finding.what == "docker 28.0.1 has CVE-0: x; fixed in docker 28.0.2"
    assert finding.remedy == "Take docker 28.0.2 or newer there"
    assert not list(host_holes("gpu-1", "engine", "docker", "29.0.1"))
    assert not list(host_holes("gpu-1", "compose", "compose", "5.0.1"))


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("1:1.30.6-2", (1, 30, 6)),
        ("5.0.1", (5, 0, 1)),
        ("v5.0.1-desktop.1", (5, 0, 1)),
        ("26.1.5+dfsg1-9", (26, 1, 5)),
        ("20.10.24+dfsg1-1+deb12u1", (20, 10, 24)),
        ("0.35.0", (0, 35)),
        ("server-b11669", (11669,)),
        ("dev", ()),
        ("1e540ff5144c", ()),
        ("b12345678901a", ()),
    ],
)
def test_versions_are_read_as_they_are_told(version: str, told: tuple[int, ...]) -> None:
    assert numbers(version) == told


def test_docker_29_and_builds_of_somebodys_own_are_not_too_old() -> None:
    assert is_older("20.10.24+dfsg1", LEAST["docker"])
    assert not any(is_older(version, LEAST["docker"]) for version in ("25.0.0", "29.0.1", "dev", "library-import"))


def test_every_entry_says_what_where_and_when() -> None:
    for fault in known_faults():
        assert fault.cve.startswith("CVE-")
        assert numbers(fault.below) > numbers(fault.since)
        assert fault.source
        assert isinstance(fault.date, date)
        assert fault.what[0].islower() or fault.what[0].isdigit()
    images = {fault.component for fault in known_faults() if "image" in fault.found_in}
    assert images <= {project_of(name) for name in IMAGES}


def test_open_webuis_own_warning_and_the_table_agree() -> None:
    (fault,) = (fault for fault in known_faults() if fault.component == "open-webui")
    assert fault.below == ".".join(map(str, WITHOUT_KNOWN_HOLES))
