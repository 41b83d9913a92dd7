"""A new policy is taken over while people work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.identity.callers import Caller
from orchestrator.identity.keys import fingerprint
from orchestrator.plan.gateway import GatewayConfig, Server
from tests.unit.gateway_bed import Gateway


def test_a_reload_takes_new_keys_drops_old_ones_and_cuts_no_stream(
    start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig
) -> None:
    gateway = start_gateway(config)
    changed = replace(
        config,
        callers=(
            *(caller for caller in config.callers if caller.id != "bob"),
            Caller("eve", (fingerprint("sk-eve"),), ("stub",)),
        ),
    )
    gateway.until(lambda: gateway.chat("bob").status == 200)  # at first a backend's name may not be known yet
    assert gateway.chat("eve").status == 401
    with ThreadPoolExecutor(20) as pool:
        long = [pool.submit(gateway.chat, stream=True, stub={"events": 30, "gap": 0.25}) for _ in range(20)]
        gateway.until(lambda: gateway.counters("ada")["in_flight"] == 20)
        gateway.reload(changed)
        gateway.until(lambda: gateway.chat("eve").status == 200)
        gateway.until(lambda: gateway.chat("bob").status == 401)
        assert gateway.counters("ada")["in_flight"] == 20
        for stream in long:
            assert len(stream.result().events) == 31
    gateway.until(lambda: gateway.counters("ada")["in_flight"] == 0)


def test_a_broken_policy_is_refused_and_the_old_one_stays(
    start_gateway: Callable[[GatewayConfig], Gateway], config: GatewayConfig
) -> None:
    gateway = start_gateway(config)
    (gateway.folder / "policy.json").write_text("{", encoding="utf-8")
    code, output = gateway.container.exec_run(["nginx", "-t", "-c", "/etc/nginx/workshop/nginx.conf"])
    assert code == 1
    assert b"failed to initialize preload objects" in output
    gateway.container.exec_run(["nginx", "-c", "/etc/nginx/workshop/nginx.conf", "-s", "reload"])
    assert gateway.chat("bob").status == 200


@pytest.mark.full("so does every class of tests/stack/workshop")
def test_a_gateway_starts_before_any_of_its_engines_exists(
    start_gateway: Callable[[GatewayConfig], Gateway],
    config: GatewayConfig,
    start_stub: Callable[[str], Any],
) -> None:
    later = tuple(replace(u, servers=(Server("stub-later", 8000),)) for u in config.upstreams if u.name == "stub")
    gateway = start_gateway(replace(config, upstreams=(*later, *(u for u in config.upstreams if u.name != "stub"))))
    assert gateway.chat("bob").status == 503
    start_stub("stub-later")
    gateway.until(lambda: gateway.chat("bob").status == 200, seconds=15)
