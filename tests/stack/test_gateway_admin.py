"""Talking to the gateway's admin port from outside its container, with a real nginx in the real image behind it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from orchestrator.errors import HostError
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.fleet.gateway_admin import GatewayAdmin, GatewayDownError, GatewayFullError
from orchestrator.spec.components import Component

CONF = """
load_module modules/ngx_http_js_module.so;
events {}
http {
    js_path /tmp/;
    js_import echo.js;
    js_shared_dict_zone zone=said:4m;
    client_max_body_size 8m;
    client_body_buffer_size 8m;
    server {
        listen 127.0.0.1:9000;
        location = /said { js_content echo.said; }
        location = /metrics { return 200 "requests 3\\nno newline at the end"; }
        location = /full { return 507; }
        location = /wrong { return 400 "{}"; }
    }
}
"""
ECHO = """
async function said(r) {
    if (r.method === 'GET') { return r.return(200, ngx.shared.said.get('last')); }
    ngx.shared.said.set('last', await r.readRequestText());
    r.return(204);
}
export default { said };
"""
START = f"cat > /tmp/nginx.conf <<'END'\n{CONF}\nEND\ncat > /tmp/echo.js <<'END'\n{ECHO}\nEND\nexec nginx -c /tmp/nginx.conf"


@pytest.fixture(scope="module")
def container(packaged: Any) -> Iterator[Any]:
    client = docker.from_env()
    made = client.containers.run(
        packaged(Component("gateway")),
        ["sh", "-c", f"{START} -g 'daemon off;'"],
        labels={"workshop.test": "1"},
        detach=True,
        network_mode="none",
    )
    try:
        yield made
    finally:
        made.remove(force=True)
        client.close()


@pytest.fixture(scope="module")
def admin(container: Any) -> GatewayAdmin:
    found = GatewayAdmin(DockerHost(container.client, "front"), container.id)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            found.text("/metrics")
        except GatewayDownError:
            time.sleep(0.1)
        else:
            break
    return found


def test_a_document_arrives_as_it_was_sent(admin: GatewayAdmin) -> None:
    document = {"keys": {"a" * 64: "p01"}, "name": "Zoë 👩🏽‍🔬 \n \"quoted\" '$HOME' @/etc/passwd"}
    admin.post("/said", document)
    assert admin.get("/said") == document


def test_a_document_longer_than_any_argument_arrives_whole(admin: GatewayAdmin) -> None:
    document = {f"{number:064x}": {"models": {f"model-{n}": True for n in range(60)}} for number in range(1000)}
    assert len(json.dumps(document)) > 1_000_000
    admin.post("/said", document)
    assert admin.get("/said") == document


def test_text_comes_back_as_it_is(admin: GatewayAdmin) -> None:
    assert admin.text("/metrics") == "requests 3\nno newline at the end"


def test_what_is_not_json_is_said_to_be_none(admin: GatewayAdmin) -> None:
    with pytest.raises(HostError, match="not JSON"):
        admin.get("/metrics")


def test_a_full_dictionary_is_told_from_other_refusals(admin: GatewayAdmin) -> None:
    with pytest.raises(GatewayFullError):
        admin.post("/full", {})
    with pytest.raises(HostError, match="front/gateway: POST /wrong was answered 400") as refused:
        admin.post("/wrong", {})
    assert not isinstance(refused.value, GatewayFullError)
    assert "workshop logs" in str(refused.value)


def test_a_reload_that_nginx_refuses_is_told_with_its_words(admin: GatewayAdmin) -> None:
    with pytest.raises(HostError, match=r"nginx -s reload was answered .*nginx\.conf"):
        admin.reload()  # there is no configuration in the place of a real gateway's


def test_a_gateway_whose_nginx_is_gone_is_down(container: Any) -> None:
    client = docker.from_env()
    idle = client.containers.run(
        container.image.id, ["sleep", "60"], labels={"workshop.test": "1"}, detach=True, network_mode="none"
    )
    try:
        with pytest.raises(GatewayDownError, match="front/gateway: its nginx does not listen"):
            GatewayAdmin(DockerHost(client, "front"), idle.id).get("/counters")
        idle.kill()
        idle.wait()
        with pytest.raises(GatewayDownError, match="front/gateway: its container does not run"):
            GatewayAdmin(DockerHost(client, "front"), idle.id).post("/changes", {})
    finally:
        idle.remove(force=True)
        client.close()


def test_a_gateway_that_was_never_made_is_down(container: Any) -> None:
    with pytest.raises(GatewayDownError, match="its container is not there"):
        GatewayAdmin(DockerHost(container.client, "front"), "no-such-container").get("/backends")
