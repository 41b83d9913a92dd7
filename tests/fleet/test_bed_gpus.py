"""GPUs that are not there: the engine gives them to containers as it would give real ones. That CUDA works it can't show."""

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.ssh_client import ssh
from tests.fleet.bed.ssh_host import H100, L4, Gpu, HostSetup, SshHost

pytestmark = pytest.mark.full("the tests' own hosts and registries; daily tests of hosts stand on them")

COMPOSE = """
services:
  engine:
    image: {image}
    entrypoint: [sh, -c, "mkdir -p /tmp; env | grep NVIDIA_VISIBLE_DEVICES > /tmp/seen; exec sleep 600"]
    init: true
    stop_grace_period: 0s
    deploy: {{resources: {{reservations: {{devices: [{{driver: nvidia, device_ids: ["{gpu}"], capabilities: [gpu]}}]}}}}}}
"""


@pytest.fixture(scope="module")
def machines(bed: Bed, hosts: Hosts, small_image: str) -> dict[str, SshHost]:
    started = hosts(
        HostSetup(name="gpu", gpus=[H100, Gpu("NVIDIA L4", 23034, used=1000)]),
        HostSetup(name="driver-only", gpus=[L4], toolkit=False),
        HostSetup(name="none"),
    )
    bed.load(small_image, *started)
    return {host.name: host for host in started}


def test_nvidia_smi_names_the_gpus_of_its_host(bed: Bed, machines: dict[str, SshHost]) -> None:
    query = "nvidia-smi --query-gpu=index,name,memory.total,memory.free --format=csv,noheader,nounits"
    done = ssh(bed.ssh_command(machines["gpu"], user="plain"), query)
    assert done.stdout.splitlines() == ["0, NVIDIA H100 80GB HBM3, 81559, 81559", "1, NVIDIA L4, 23034, 22034"]
    identities = {
        machines[name].run("nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader") for name in ("gpu", "driver-only")
    }
    assert len({line for lines in identities for line in lines.split()}) == 3
    assert ssh(bed.ssh_command(machines["none"]), "command -v nvidia-smi").returncode in {1, 127}


def test_a_reservation_starts_with_the_gpu_that_was_asked_for(machines: dict[str, SshHost], small_image: str) -> None:
    host = machines["gpu"]
    host.write("/srv/engine/compose.yaml", COMPOSE.format(image=small_image, gpu=1))
    host.docker("compose", "--project-directory", "/srv/engine", "up", "--detach", "--wait")
    compose = ("compose", "--project-directory", "/srv/engine")
    assert host.docker(*compose, "exec", "engine", "cat", "/tmp/seen").strip() == "NVIDIA_VISIBLE_DEVICES=1"
    container = host.docker(*compose, "ps", "--quiet").strip()
    assert '"DeviceIDs":["1"]' in host.docker("inspect", "--format", "{{json .HostConfig.DeviceRequests}}", container)
    host.docker(*compose, "exec", "engine", "test", "-x", "/usr/bin/nvidia-smi")
    host.docker(*compose, "down")


def test_without_the_container_toolkit_a_reservation_is_refused(machines: dict[str, SshHost], small_image: str) -> None:
    for name in ("driver-only", "none"):
        host = machines[name]
        assert "nvidia" not in host.docker("info", "--format", "{{json .Runtimes}}")
        host.write("/srv/engine/compose.yaml", COMPOSE.format(image=small_image, gpu=0))
        with pytest.raises(RuntimeError, match='could not select device driver "nvidia"'):
            host.docker("compose", "--project-directory", "/srv/engine", "up", "--detach")
    assert "nvidia" in machines["gpu"].docker("info", "--format", "{{json .Runtimes}}")
