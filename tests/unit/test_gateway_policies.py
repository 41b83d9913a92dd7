"""Whatever a gateway is to know: its files hold together, or there are none."""

from __future__ import annotations

import json
import re

from hypothesis import given

from orchestrator.errors import WorkshopError
from orchestrator.plan.gateway import GatewayConfig
from orchestrator.render.gateway import policy, render_gateway
from tests.unit.gateway_configs import SENTINEL, any_configs, consistent_configs

BLOCK = re.compile(r"^    upstream (\S+) \{$", re.MULTILINE)


@given(consistent_configs())
def test_what_is_consistent_is_rendered(config: GatewayConfig) -> None:
    assert_holds_together(config, render_gateway(config))


@given(any_configs())
def test_anything_else_is_rendered_as_well_or_refused_without_telling_a_secret(config: GatewayConfig) -> None:
    refusal = ""
    try:
        assert_holds_together(config, render_gateway(config))
    except WorkshopError as error:
        refusal = str(error)
    assert SENTINEL not in refusal


def assert_holds_together(config: GatewayConfig, files: dict[str, str]) -> None:
    assert all(text.encode() for text in files.values())
    assert [name for name, text in files.items() if SENTINEL in text] == ["policy.json"] * _has_secrets(config)
    told = json.loads(files["policy.json"])
    assert policy(config) == told, "whoever needs no file has the same"
    blocks = BLOCK.findall(files["nginx.conf"])
    assert len(blocks) == len(set(blocks))
    assert ("open_webui" in blocks) == (config.webui is not None)

    callers, models, upstreams = told["callers"], told["models"], told["upstreams"]
    assert set(callers) == {caller.id for caller in config.callers}
    assert set(told["keys"].values()) | set(told["emails"].values()) <= set(callers)
    assert len(told["keys"]) == sum(len(caller.key_hashes) for caller in config.callers)
    assert len(told["emails"]) == sum(bool(caller.email) for caller in config.callers)
    assert all(set(caller["models"]) <= set(models) for caller in callers.values())
    assert set(told["aliases"].values()) <= set(models)
    assert not set(told["aliases"]) & set(models)
    assert all(model["upstreams"] and set(model["upstreams"]) <= set(upstreams) for model in models.values())

    origins = set()
    for upstream in upstreams.values():
        assert len(upstream["headers"]) == told["headers"]
        assert upstream["servers"]
        for server in upstream["servers"]:
            assert server["backend"] in told["backends"]
            origins.add(server["origin"])
    asked = {origin.split("://")[1] for origin in origins}
    assert asked | {f"probe_{block}" for block in asked} == set(blocks) - {"open_webui"}
    assert {backend["origin"].replace("://probe_", "://") for backend in told["backends"].values()} <= origins
    headers = re.findall(r"js_var  \$gw_header_(\d+);", files["nginx.conf"])
    assert headers == [str(number) for number in range(told["headers"])]


def _has_secrets(config: GatewayConfig) -> bool:
    return any(upstream.headers for upstream in config.upstreams)
