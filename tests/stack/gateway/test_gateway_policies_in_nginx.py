"""Whatever a gateway is to know: nginx reads the files that are made of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from orchestrator.errors import WorkshopError
from orchestrator.plan.gateway import CONFIG_DIR, GatewayConfig
from orchestrator.render.gateway import render_gateway
from orchestrator.spec.components import Component
from tests.unit.gateway_configs import any_configs, consistent_configs

SOME = settings(
    max_examples=settings().max_examples // 5,  # a process each
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@dataclass(frozen=True)
class Reader:
    """An nginx that only reads its files."""

    container: Any
    folder: Path

    def read(self, config: GatewayConfig) -> tuple[int, str]:
        for name, text in render_gateway(config).items():
            (self.folder / name).write_text(text, encoding="utf-8")
        code, output = self.container.exec_run(["nginx", "-t", "-q", "-c", f"{CONFIG_DIR}/nginx.conf"])
        return code, output.decode()


@pytest.fixture(scope="module")
def reader(
    run_container: Callable[..., Any],
    packaged: Callable[[Component], str],
    certificate: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Reader:
    folder = tmp_path_factory.mktemp("policies")
    shutil.copytree(certificate, folder / "tls")
    shutil.copy(certificate / "cert.pem", folder / "authorities.pem")
    container = run_container(
        packaged(Component("gateway")),
        ["sleep", "300"],
        folder.name,
        stop_signal="SIGKILL",
        volumes={str(folder): {"bind": CONFIG_DIR, "mode": "ro"}},
    )
    return Reader(container, folder)


@SOME
@given(config=consistent_configs())
def test_nginx_reads_every_configuration_that_is_rendered(reader: Reader, config: GatewayConfig) -> None:
    assert reader.read(config) == (0, "")


def is_rendered(config: GatewayConfig) -> bool:
    try:
        render_gateway(config)
    except WorkshopError:
        return False
    return True


@SOME
@given(config=any_configs().filter(is_rendered))
def test_nginx_reads_what_was_rendered_with_odd_names_too(reader: Reader, config: GatewayConfig) -> None:
    assert reader.read(config) == (0, "")
