"""A network of its own for each bed, where nothing else is."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, ip_network

from tests.fleet.bed.engine import docker

ATTEMPTS = 20
AWAY = "10.213.0.0/16"  # far from what Docker gives by itself, outside and inside of hosts


def create_network(name: str, labels: Sequence[str]) -> IPv4Network:
    """Raises RuntimeError when no subnet is free. Several beds may look for theirs at the same time."""
    taken = list(_routes())
    free = [net for net in IPv4Network(AWAY).subnets(new_prefix=24) if not any(net.overlaps(used) for used in taken)]
    said = "all of them have routes"
    for subnet in random.sample(free, min(ATTEMPTS, len(free))):
        done = docker("network", "create", "--subnet", str(subnet), *labels, name, check=False)
        if done.returncode == 0:
            return subnet
        said = done.stderr.decode(errors="replace").strip()
    raise RuntimeError(f"no subnet of {AWAY} could be had: {said}")


def _routes() -> Iterator[IPv4Network]:
    """Of this machine; where that can't be told, Docker still refuses what overlaps with its own."""
    try:
        shown = subprocess.run(["ip", "-json", "-4", "route"], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return
    for route in json.loads(shown):
        if route["dst"] != "default":
            network = ip_network(route["dst"])
            assert isinstance(network, IPv4Network)
            yield network
