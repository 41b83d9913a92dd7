"""Who can reach whom: asked of Docker and from inside the containers, without the program."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack.workshop.bed import Workshop

PROBE = ["curl", "-s", "-o", "/dev/null", "-m", "2", "--noproxy", "*"]
NO_SUCH_NAME, NO_WAY, NO_ANSWER = 6, 7, 28


def curl(container: Any, url: str) -> int:
    return int(container.exec_run([*PROBE, url]).exit_code)


def addresses(container: Any) -> list[str]:
    container.reload()
    return [network["IPAddress"] for network in container.attrs["NetworkSettings"]["Networks"].values()]


@pytest.fixture(scope="module")
def engines(main: Workshop) -> dict[str, Any]:
    found = {name: c for name, c in main.containers().items() if c.labels["workshop.role"] == "engine"}
    assert len(found) == 5
    return found


def port(service: str) -> int:
    return 8000 if "qwen" in service else 8080


def test_only_the_gateway_publishes_ports(main: Workshop) -> None:
    published = {
        service: sorted({int(at["HostPort"]) for bound in container.ports.values() for at in bound or ()})
        for service, container in main.containers().items()
    }

    assert published.pop("gateway") == sorted([main.spec["gateway"]["port"], main.spec["webui"]["port"]])
    assert set(map(tuple, published.values())) == {()}


def test_the_engines_network_is_internal_and_open_webui_is_not_in_it(main: Workshop) -> None:
    members = {
        service: sorted(name.removeprefix(f"workshop-{main.name}_") for name in c.attrs["NetworkSettings"]["Networks"])
        for service, c in main.containers().items()
    }

    assert main.engine.networks.get(f"workshop-{main.name}_engines").attrs["Internal"] is True
    assert members.pop("gateway") == ["engines", "front"]
    assert members.pop("webui") == ["front"]
    assert set(map(tuple, members.values())) == {("engines",)}


def test_open_webui_cannot_reach_an_engine_by_name_or_number(main: Workshop, engines: dict[str, Any]) -> None:
    webui = main.container("webui")

    assert curl(webui, "http://gateway:8081/healthz") == 0  # the probe works
    for service, engine in engines.items():
        for host in (service, *addresses(engine)):
            assert curl(webui, f"http://{host}:{port(service)}/") in {NO_SUCH_NAME, NO_WAY, NO_ANSWER}


def test_the_gateway_reaches_every_engine(main: Workshop, engines: dict[str, Any]) -> None:
    gateway = main.container("gateway")

    assert {service: curl(gateway, f"http://{service}:{port(service)}/health") for service in engines} == dict.fromkeys(
        engines, 0
    )


def test_engines_cannot_reach_outside(main: Workshop, engines: dict[str, Any]) -> None:
    gateway = main.container("gateway")
    (bridge,) = main.engine.networks.get("bridge").attrs["IPAM"]["Config"]
    host = f"http://{bridge.get('Gateway', '172.17.0.1')}:{main.spec['gateway']['port']}/healthz"

    assert curl(gateway, host) == 0  # the probe works
    for engine in (engines["model-tiny-chat-1"], engines["model-qwen2-5-7b-1"]):
        assert curl(engine, host) in {NO_WAY, NO_ANSWER}


def test_containers_have_bounds(main: Workshop) -> None:
    for service, container in main.containers().items():
        settings = container.attrs["HostConfig"]
        assert settings["Memory"] > 0, service
        assert settings["PidsLimit"] > 0, service
        assert settings["RestartPolicy"]["Name"] == "unless-stopped", service
        assert settings["LogConfig"]["Config"]["max-size"], service
        assert not settings["Privileged"], service
        assert container.labels["workshop.name"] == main.name, service
