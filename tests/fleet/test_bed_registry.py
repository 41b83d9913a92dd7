"""Registries: a mirror under Docker Hub's own names, and one that wants a login."""

import pytest

from tests.fleet.bed.bed import Bed, Hosts
from tests.fleet.bed.registry import Registry, full_name
from tests.fleet.bed.ssh_host import HostSetup, SshHost

pytestmark = pytest.mark.full("the tests' own hosts and registries; daily tests of hosts stand on them")


@pytest.fixture(scope="module")
def host(hosts: Hosts) -> SshHost:
    return hosts(1)[0]


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "library/nginx:latest"),
        ("nginx:1.30", "library/nginx:1.30"),
        ("vllm/vllm-openai:v1", "vllm/vllm-openai:v1"),
        ("docker.io/vllm/vllm-openai", "vllm/vllm-openai:latest"),
    ],
)
def test_a_registry_has_its_own_names_for_images_of_docker_hub(image: str, name: str) -> None:
    assert full_name(image) == name


def test_a_host_pulls_under_the_official_name_and_keeps_the_digest(
    mirror: Registry, host: SshHost, small_image: str, hosts: Hosts
) -> None:
    digest = mirror.push(small_image, "fleet-test:1.30")
    assert mirror.pulls("fleet-test") == 0
    host.docker("pull", "--quiet", "fleet-test:1.30")
    assert host.docker("inspect", "--format", "{{json .RepoDigests}}", "fleet-test:1.30").strip() == (
        f'["fleet-test@{digest}"]'
    )
    assert mirror.pulls("fleet-test") == 1
    host.docker("pull", "--quiet", f"fleet-test@{digest}")
    assert mirror.pulls("fleet-test") == 1  # it had it
    # Not counted again by the same host: for a while an engine remembers manifests of images that it has no more.
    other = hosts(HostSetup(name="other"))[0]
    other.docker("pull", "--quiet", f"fleet-test@{digest}")
    assert mirror.pulls("fleet-test") == 2
    closed = hosts(HostSetup(name="no-mirror", mirror=False))[0]
    assert closed.try_run("docker", "pull", "fleet-test:1.30", seconds=60).returncode != 0


def test_a_registry_with_a_login_gives_nothing_without_it(bed: Bed, host: SshHost, small_image: str) -> None:
    with bed.registry(login=("class", "a secret")) as registry:
        registry.push(small_image, "fleet-test:private")
        name = f"{registry.address}/library/fleet-test:private"
        with pytest.raises(RuntimeError, match="no basic auth credentials"):
            host.docker("pull", name)
        with pytest.raises(RuntimeError, match="401"):
            host.run("docker", "login", "-u", "class", "--password-stdin", registry.address, stdin=b"wrong")
        host.run("docker", "login", "-u", "class", "--password-stdin", registry.address, stdin=b"a secret")
        host.docker("pull", "--quiet", name)
        host.docker("rmi", name)
        registry.stop()
        assert host.try_run("curl", "-s", "-m", "1", f"http://{registry.address}/v2/").returncode in {7, 28}
        registry.start()
        host.docker("pull", "--quiet", name)
