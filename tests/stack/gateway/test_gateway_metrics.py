"""/metrics, as Prometheus reads it."""

from __future__ import annotations

import re

from orchestrator.plan.gateway import ADMIN_PORT, API_PORT, METRICS_PORT
from tests.unit.gateway_bed import Gateway

SERIES = re.compile(r'^[a-z_]+\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)+\} \d+$')


def metrics(gateway: Gateway, port: int = ADMIN_PORT) -> dict[str, int]:
    text = gateway.run("curl", "-s", f"http://127.0.0.1:{port}/metrics")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(map(SERIES.fullmatch, lines)), lines
    return {series: int(value) for series, value in (line.rsplit(" ", 1) for line in lines)}


def test_requests_tokens_and_refusals_are_counted(gateway: Gateway) -> None:
    before = metrics(gateway)

    def more(series: str) -> int:
        return metrics(gateway).get(series, 0) - before.get(series, 0)

    for answer in (gateway.chat(), gateway.chat(model='nobody"has\nthis'), gateway.chat("nobody")):
        gateway.record(answer)
    assert more('workshop_requests_total{model="stub",status="200"}') == 1
    assert more('workshop_requests_total{model="",status="404"}') == 1
    assert more('workshop_requests_total{model="",status="401"}') == 1
    assert more('workshop_rejections_total{reason="model_not_found"}') == 1
    assert more('workshop_rejections_total{reason="invalid_api_key"}') == 1
    assert more('workshop_tokens_total{model="stub",kind="prompt"}') == 12
    assert more('workshop_tokens_total{model="stub",kind="completion"}') == 8


def test_backends_tell_their_state(gateway: Gateway) -> None:
    assert metrics(gateway)['workshop_backend_state{backend="stub-a:8000"}'] == 1
    assert metrics(gateway)['workshop_backend_in_flight{backend="stub-a:8000"}'] == 0


def test_the_port_for_prometheus_tells_nothing_else(gateway: Gateway) -> None:
    assert metrics(gateway, METRICS_PORT)
    for path in ("/", "/counters", "/changes", "/backends", "/tokens"):
        code = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"]
        assert gateway.run(*code, f"http://127.0.0.1:{METRICS_PORT}{path}") == "404"
    assert gateway.send("/metrics", key="sk-ada", port=API_PORT).status == 404
