"""What a host's Docker engine is like: versions, runtimes, disks, images, and what its containers publish."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

SECONDS = 30
CONTAINERD = "/var/lib/containerd"  # where images lie when containerd keeps them


def engine(question: Any) -> Any:
    """`workshop` is the name whose containers are ours.

    `version` and `compose` are None where they don't answer, and then `said` tells why. `disks` are the folders of
    `images` and of `volumes`, each with `path`, `device` and bytes `free`, None where it can't be seen from here.
    """
    info, said = _tell(["docker", "info", "--format", "{{json .}}"])
    facts = _read(info)
    if not facts.get("ServerVersion"):
        errors = facts.get("ServerErrors") or []
        return {"version": None, "said": "; ".join(errors) or said or "no answer"}
    compose, compose_said = _tell(["docker", "compose", "version", "--short"])
    root = facts.get("DockerRootDir") or "/var/lib/docker"
    containerd = any("containerd.snapshotter" in str(pair) for pair in facts.get("DriverStatus") or [])
    return {
        "version": facts["ServerVersion"],
        "said": "",
        "compose": compose.strip() or None,
        "compose_said": compose_said,
        "runtimes": sorted(facts.get("Runtimes") or {}),
        "proxy": bool(facts.get("HttpProxy") or facts.get("HttpsProxy")),
        "mirrors": (facts.get("RegistryConfig") or {}).get("Mirrors") or [],
        "disks": {"images": disk(CONTAINERD if containerd else root), "volumes": disk(root)},
        **_containers(question["workshop"]),
    }


def images(question: Any) -> Any:
    """Of `references` those that are there, each with its size in bytes."""
    found = {}
    for reference in question["references"]:
        size, _ = _tell(["docker", "image", "inspect", "--format", "{{.Size}}", reference])
        if size.strip().isdigit():
            found[reference] = int(size)
    return found


def disk(path: str) -> Any:
    try:
        at = os.statvfs(path)
        return {"path": path, "device": Path(path).stat().st_dev, "free": at.f_bavail * at.f_frsize}
    except OSError:
        return {"path": path, "device": None, "free": None}


def _containers(workshop: str) -> dict[str, Any]:
    """`published`: port to whose it is; `services`: ours, running or not; `running`: how many of them run."""
    line = '{{.Label "workshop.name"}}\t{{.Label "com.docker.compose.service"}}\t{{.Names}}\t{{.State}}\t{{.Ports}}'
    listed, _ = _tell(["docker", "ps", "--all", "--format", line])
    published = {}
    services, running = [], 0
    for row in listed.splitlines():
        owner, service, name, state, ports = (*row.split("\t"), "", "", "", "", "")[:5]
        if owner == workshop:
            services.append(service)
            running += state == "running"
        for first, last in re.findall(r":(\d+)(?:-(\d+))?->", ports):
            for port in range(int(first), int(last or first) + 1):
                published[str(port)] = owner or "container " + name
    return {"published": published, "services": services, "running": running}


def _tell(command: list[str]) -> tuple[str, str]:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=SECONDS, encoding="utf-8")
    except FileNotFoundError:
        return "", "the docker command is not installed"
    except subprocess.TimeoutExpired:
        return "", f"no answer within {SECONDS} s"
    return done.stdout, done.stderr.strip()


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
