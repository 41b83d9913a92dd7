"""Whether a registry answers, found out in seconds rather than in the engine's own minutes."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

SECONDS = 3.0  # for one registry, all of them are asked at once
_HUB = "registry-1.docker.io"  # where images of docker.io really are
_SPEAKS = {200, 401}  # a registry's answers to GET /v2/ (github.com/opencontainers/distribution-spec)


def reachable_registries(hosts: Collection[str], engine: Mapping[str, object]) -> frozenset[str]:
    """Those of `hosts` that an engine with this `docker info` can pull from, as far as it can be told from here."""
    if engine.get("HttpProxy") or engine.get("HttpsProxy"):
        return frozenset(hosts)  # the engine goes its own way, which can't be tried from here
    asked = {host: registry_addresses(host, engine) for host in hosts}
    pool = ThreadPoolExecutor(max(1, sum(map(len, asked.values()))))
    answers = {(host, address): pool.submit(_answers, address) for host in asked for address in asked[host]}
    done, _ = wait(answers.values(), timeout=SECONDS + 1)  # a resolver may hang for longer than a connection
    pool.shutdown(wait=False, cancel_futures=True)
    return frozenset(host for (host, _), answer in answers.items() if answer in done and answer.result())


def registry_addresses(host: str, engine: Mapping[str, object]) -> list[str]:
    """Where an engine with this `docker info` asks for the images of a registry."""
    if host != "docker.io":
        plain = _is_plain(host, engine)
        return [f"https://{host}", *([f"http://{host}"] if plain else [])]
    config = engine.get("RegistryConfig")
    mirrors = config.get("Mirrors") if isinstance(config, Mapping) else None
    return [f"https://{_HUB}", *(str(mirror).rstrip("/") for mirror in mirrors or ())]


def _is_plain(host: str, engine: Mapping[str, object]) -> bool:
    """Whether the engine would talk plain HTTP to it: a registry on this machine, or one that it was told to trust."""
    config = engine.get("RegistryConfig")
    known = config.get("IndexConfigs") if isinstance(config, Mapping) else None
    told = known.get(host) if isinstance(known, Mapping) else None
    insecure = isinstance(told, Mapping) and told.get("Secure") is False
    nets = config.get("InsecureRegistryCIDRs") if isinstance(config, Mapping) else None
    insecure = insecure or _is_within(host.rpartition(":")[0] or host, nets if isinstance(nets, list) else [])
    return insecure or host.rpartition(":")[0] in {"localhost", "127.0.0.1", "[::1]"} or host == "localhost"


def _is_within(host: str, networks: Collection[object]) -> bool:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(str(network)) for network in networks)


def _answers(address: str) -> bool:
    import requests

    try:
        return requests.get(f"{address}/v2/", timeout=SECONDS, allow_redirects=False).status_code in _SPEAKS
    except requests.exceptions.SSLError as error:
        return "CERTIFICATE_VERIFY_FAILED" in str(error)  # somebody is there; whom to trust is the engine's to say
    except requests.RequestException:
        return False
