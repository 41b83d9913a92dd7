"""The NVIDIA GPUs of a host, as its driver tells them.

What nvidia-smi prints beside its rows (a warning about a GPU, one that it can't reach, on stdout or stderr, with an
exit code of its own) costs no row. Slices of MIG stand for the GPU that was cut into them:
docs.nvidia.com/datacenter/tesla/mig-user-guide.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

SECONDS = 60  # without persistence mode the driver wakes every GPU first
FIELDS = ["uuid", "name", "memory.total", "memory.free", "driver_version"]
MIG_MODE = "mig.mode.current"  # a driver before 450 does not know it
GPU_LINE, SLICE_LINE = re.compile(r"GPU \d+:"), re.compile(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)")
PROFILE = re.compile(r"(\d+)gb")
GB_IN_MIB = 950  # of what a slice's name says in GB at least so much is there (1g.5gb: 4,864 MiB)
SHARED = {"[N/A]", "N/A", "[Not Supported]"}  # memory that a GPU has together with the machine
CDI = "nvidia.com/gpu="


def gpus(question: Any) -> Any:  # noqa: ARG001 - every script has one
    """Each GPU, or slice of one; `each` is None where nvidia-smi tells of none, and `said` why.

    `name`; `uuid`; `total` and `free` MiB (None: not told); `shared`: that is the machine's own memory; `trouble`: why
    it can't be used; `device`: what Docker is asked for, where that is not its place in this list. `said`: what
    nvidia-smi tells besides. `toolkit`: whether the container toolkit's hook is there.
    """
    hook = shutil.which("nvidia-container-runtime-hook") is not None
    nothing = {"each": None, "driver": None, "toolkit": hook}
    try:
        rows, said = _rows()
    except FileNotFoundError:
        return dict(nothing, said="nvidia-smi is not installed")
    except subprocess.TimeoutExpired:
        return dict(nothing, said=f"nvidia-smi gave no answer within {SECONDS} s")
    if not rows and said:
        return dict(nothing, said=said)
    cut = _slices() if any(row[-1] == "Enabled" for row in rows) else {}
    each = [gpu for number, row in enumerate(rows) for gpu in _of_row(number, row, cut.get(number, []))]
    cdi = set() if hook or not rows else _cdi_devices()
    for place, gpu in enumerate(each):
        name = f"{CDI}{gpu['device']}"
        if name in cdi:
            gpu["device"] = name
        elif gpu["device"] == str(place):
            gpu["device"] = None
    drivers = [row[4] for row in rows if row[4][:1].isdigit()]
    return {"each": each, "driver": drivers[0] if drivers else None, "toolkit": hook, "said": said}


def _rows() -> Any:
    """The cells of each GPU, MIG's mode last, and the rest of what was said."""
    for fields in ([*FIELDS, MIG_MODE], FIELDS):
        out, said = _ask("--query-gpu=" + ",".join(fields), "--format=csv,noheader,nounits")
        lines = [line.strip() for line in out.splitlines() if line.strip()]
        others = [line for line in lines if line.count(",") != len(fields) - 1]
        rows = [[cell.strip() for cell in line.split(",")] for line in lines if line not in others]
        if "not a valid field" not in out + said:
            break
    rest = [*others, *(line.strip() for line in said.splitlines() if line.strip())]
    return [[*row, ""][: len(FIELDS) + 1] for row in rows], "; ".join(rest)[:400]


def _of_row(number: int, row: Any, slices: Any) -> Any:
    uuid, name, total, free, _, mode = row
    gpu = {"name": name, "uuid": uuid, "total": _number(total), "free": _number(free)}
    gpu = dict(gpu, shared=False, trouble=None, device=str(number))
    if mode == "Enabled":
        if not slices:
            return [dict(gpu, trouble="MIG is on, and no slice is made")]
        return [dict(gpu, name=f"{name} {profile}", uuid=own, device=own, **memory) for profile, own, memory in slices]
    words = [cell for cell in (name, total) if cell.startswith("[") or cell == "ERR!"]
    if name in words or (words and words[0] not in SHARED):
        return [dict(gpu, trouble=words[0].strip("[]"))]
    if words:
        return [dict(gpu, shared=True, total=_meminfo("MemTotal"), free=_meminfo("MemAvailable"))]
    return [gpu]


def _slices() -> Any:
    """By the GPU's number: profile, uuid and memory of each slice. Their order in both listings is the same."""
    memories = _slice_memories()
    found: Any = {}
    number = -1
    listed, _ = _ask("-L")
    for line in listed.splitlines():
        number += bool(GPU_LINE.match(line))
        match = SLICE_LINE.match(line)
        if match:
            before = found.setdefault(number, [])
            known = memories.get(number, [])
            memory = known[len(before)] if len(before) < len(known) else _by_profile(match.group(1))
            before.append((match.group(1), match.group(2), memory))
    return found


def _slice_memories() -> Any:
    text, _ = _ask("-q", "-x")
    try:
        root = ET.fromstring(text)  # noqa: S314 - the driver's own
    except ET.ParseError:
        return {}
    return {
        number: [
            {"total": _mib(one, "total"), "free": _mib(one, "free")} for one in gpu.iterfind("mig_devices/mig_device")
        ]
        for number, gpu in enumerate(root.iterfind("gpu"))
    }


def _mib(one: Any, which: str) -> Any:
    return _number((one.findtext(f"fb_memory_usage/{which}") or "").partition(" ")[0])


def _by_profile(profile: str) -> Any:
    gigabytes = PROFILE.search(profile)
    return {"total": int(gigabytes.group(1)) * GB_IN_MIB if gigabytes else None, "free": None}


def _cdi_devices() -> Any:
    """The names under which Docker gives GPUs without NVIDIA's runtime; Docker before 28.2 tells of none."""
    try:
        command = ["docker", "info", "--format", "{{json .DiscoveredDevices}}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=SECONDS)
        return {device["ID"] for device in json.loads(done.stdout) or () if device["ID"].startswith(CDI)}
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
        return set()


def _ask(*words: str) -> Any:
    """Whatever it ends with: 14 is a warning about a GPU that is told beside it."""
    done = subprocess.run(
        ["nvidia-smi", *words],
        capture_output=True,
        check=False,
        timeout=SECONDS,
        encoding="utf-8",
        errors="replace",
    )
    return done.stdout, done.stderr or ("" if done.stdout else "nvidia-smi ended without a word")


def _number(text: str) -> Any:
    return int(text) if text.isdigit() else None


def _meminfo(name: str) -> Any:
    """MiB."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith(f"{name}:")), None)
