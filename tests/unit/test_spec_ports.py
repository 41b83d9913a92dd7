"""Ports of the gateway's host: which are published, and that no two are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.spec_samples import VALID, spec_of, told


def test_metrics_are_published_only_where_they_are_asked_for(tmp_path: Path) -> None:
    assert spec_of(tmp_path, VALID).workshop.published == {"gateway.port": 8080, "webui.port": 3000}
    text = VALID + "gateway: {metrics: 9100}\nwebui: {mode: none}\n"
    assert spec_of(tmp_path, text).workshop.published == {"gateway.port": 8080, "gateway.metrics": 9100}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("gateway: {port: 3000}\n", "8:17: gateway.port: gateway and webui cannot both have port 3000"),
        ("webui: {port: 8080}\n", "8:15: webui.port: gateway and webui cannot both have port 8080"),
        ("webui: {mode: shared}\ngateway: {port: 3000}\n", "9:17: gateway.port: gateway and webui cannot both"),
        ("gateway: {metrics: 8080}\n", "8:20: gateway.metrics: gateway and gateway.metrics cannot both have port 8080"),
        ("gateway: {metrics: 3000}\n", "8:20: gateway.metrics: gateway.metrics and webui cannot both have port 3000"),
        ("gateway: {metrics: 0}\n", "8:20: gateway.metrics: input should be greater than or equal to 1, got 0"),
    ],
)
def test_two_services_cannot_share_a_port(tmp_path: Path, more: str, said: str) -> None:
    (line,) = told(tmp_path, VALID + more)
    assert line.startswith(f"workshop.yaml:{said}")


def test_a_port_of_a_service_that_is_left_out_is_free(tmp_path: Path) -> None:
    assert spec_of(tmp_path, VALID + "webui: {mode: none}\ngateway: {metrics: 3000}\n").workshop.gateway.metrics == 3000
