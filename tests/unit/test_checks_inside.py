"""How checks ask a backend from inside the gateway's container."""

from __future__ import annotations

import pytest

from orchestrator.checks.inside import Way, way_to
from orchestrator.plan.gateway import Server


def test_a_backend_beside_the_gateway_is_asked_by_its_name() -> None:
    assert way_to(Server("model-m-1", 8000), "/v1/x") == Way("http://model-m-1:8000/v1/x")


@pytest.mark.parametrize(("host", "at"), [("gpu.lan", "gpu.lan"), ("10.0.0.2", "10.0.0.2"), ("fd00::7", "[fd00::7]")])
def test_one_on_another_host_is_asked_through_its_edge_as_the_gateway_does(host: str, at: str) -> None:
    server = Server(host, 7443, tls=True, host_header="model-m-1.b.edge.internal", edge=True)
    way = way_to(server, "/metrics")
    assert way.url == "https://model-m-1.b.edge.internal/metrics"
    assert dict(zip(way.options[::2], way.options[1::2], strict=True)) == {
        "--cert": "/etc/nginx/workshop/edges/client.pem",
        "--cacert": "/etc/nginx/workshop/edges/authority.pem",
        "--connect-to": f"model-m-1.b.edge.internal:443:{at}:7443",
    }
