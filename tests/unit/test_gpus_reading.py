"""What nvidia-smi prints on machines as they are: GPUs that are fine, cut into slices, in trouble, or not reached."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.checks.preflight.facts import GpuFacts
from orchestrator.fleet.scripts import gpus as script
from orchestrator.fleet.scripts.gpus import gpus
from orchestrator.spec.hosts import Gpus

DRIVER = "570.133.20"
A100, SPARK = "NVIDIA A100-SXM4-40GB", "NVIDIA GB10"
UUIDS = [f"GPU-0000000{n}-1111-2222-3333-444444444444" for n in range(4)]
SLICES = [f"MIG-0000000{n}-5555-6666-7777-888888888888" for n in range(3)]
WARNING = "WARNING: infoROM is corrupted at gpu 0000:00:1E.0"
LOST = "Unable to determine the device handle for GPU1: 0000:02:00.0: Unknown Error"
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.133"
LISTED = f"""\
GPU 0: {A100} (UUID: {UUIDS[0]})
  MIG 3g.20gb     Device  0: (UUID: {SLICES[0]})
  MIG 1g.5gb      Device  1: (UUID: {SLICES[1]})
GPU 1: {A100} (UUID: {UUIDS[1]})
"""
XML = """<?xml version="1.0" ?><nvidia_smi_log><gpu id="0"><mig_devices>
<mig_device><index>0</index><fb_memory_usage><total>19968 MiB</total><free>19930 MiB</free></fb_memory_usage></mig_device>
<mig_device><index>1</index><fb_memory_usage><total>4864 MiB</total><free>4850 MiB</free></fb_memory_usage></mig_device>
</mig_devices></gpu><gpu id="1"><mig_devices>None</mig_devices></gpu></nvidia_smi_log>"""

Machine = Callable[..., GpuFacts]


def row(number: int, name: str = A100, total: str = "40960", free: str = "40000", mig: str = "Disabled") -> str:
    return f"{UUIDS[number]}, {name}, {total}, {free}, {DRIVER}, {mig}\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """With an nvidia-smi that prints what is said, by its first option; and a docker that knows these CDI devices."""

    def made(
        query: str = "",
        listed: str = "",
        xml: str = "",
        *,
        err: str = "",
        code: int = 0,
        hook: bool = True,
        cdi: Any = None,
    ) -> GpuFacts:
        for name, text in {"query": query, "listed": listed, "xml": xml, "err": err, "cdi": json.dumps(cdi)}.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        answers = f'case "$1" in -L) cat {tmp_path}/listed ;; -q) cat {tmp_path}/xml ;; *) cat {tmp_path}/query ;; esac'
        programs = {
            "nvidia-smi": f"{answers}\ncat {tmp_path}/err >&2\nexit {code}",
            "docker": f"cat {tmp_path}/cdi",
            **({"nvidia-container-runtime-hook": ":"} if hook else {}),
        }
        (tmp_path / "bin").mkdir()
        for name, body in programs.items():
            path = tmp_path / "bin" / name
            path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
            path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
        return GpuFacts.read(json.loads(json.dumps(gpus({}))))

    return made


def test_gpus_that_are_fine(machine: Machine) -> None:
    found = machine(row(0) + row(1, "NVIDIA L4", "23034", "22000"))
    assert (found.driver, found.said) == (DRIVER, "")
    assert found.declared == Gpus(count=2, memory_gib=[40.0, 22.4])


@pytest.mark.parametrize("where", ["before", "after", "stderr"])
def test_a_warning_beside_the_rows_costs_none(machine: Machine, where: str) -> None:
    rows = {"before": f"{WARNING}\n{row(0)}", "after": f"{row(0)}{WARNING}\n", "stderr": row(0)}[where]
    found = machine(rows, err=WARNING if where == "stderr" else "", code=14)
    assert found.declared == Gpus(count=1, memory_gib=[40.0], kind=A100)
    assert found.said == WARNING


def test_a_gpu_that_is_not_reached_costs_itself(machine: Machine) -> None:
    found = machine(row(0), err=LOST, code=15)
    assert found.declared == Gpus(count=1, memory_gib=[40.0], kind=A100)
    assert found.said == LOST


def test_why_the_driver_tells_nothing_is_told_whole(machine: Machine) -> None:
    found = machine(MISMATCH, code=18)
    assert (found.each, found.declared) == (None, None)
    assert found.said == MISMATCH.replace("\n", "; ")


@pytest.mark.parametrize("word", ["GPU requires reset", "Unknown Error", "Insufficient Permissions", "GPU is lost"])
def test_a_gpu_in_trouble_is_not_planned_with(machine: Machine, word: str) -> None:
    told = f"[{word}]"
    found = machine(row(0, told, told, told, told) + row(1))
    assert found.each is not None
    assert [gpu.trouble for gpu in found.each] == [word, None]
    assert found.declared == Gpus(count=1, memory_gib=[40.0], kind=A100, devices=["1"])


@pytest.mark.parametrize("word", ["[N/A]", "[Not Supported]"])
def test_memory_that_is_the_machines_own_is_sized_by_it(machine: Machine, word: str) -> None:
    found = machine(row(0, SPARK, word, word, "[N/A]"))
    (gpu,) = found.each or ()
    lines = Path("/proc/meminfo").read_text().splitlines()
    total = next(int(line.split()[1]) for line in lines if line.startswith("MemTotal"))
    assert gpu.shared
    assert gpu.total == pytest.approx(total / 2**20, abs=0.01)
    assert 0 < (gpu.free or 0) < (gpu.total or 0)


@pytest.mark.parametrize(("xml", "memory"), [(XML, [19.5, 4.7, 40.0]), ("", [18.5, 4.6, 40.0])])
def test_slices_stand_for_the_gpu_that_was_cut(machine: Machine, xml: str, memory: list[float]) -> None:
    cut = row(0, total="[Insufficient Permissions]", free="[Insufficient Permissions]", mig="Enabled")
    found = machine(cut + row(1), LISTED, xml)
    assert found.declared == Gpus(count=3, memory_gib=memory, devices=[*SLICES[:2], "1"])
    assert [gpu.name for gpu in found.each or ()] == [f"{A100} 3g.20gb", f"{A100} 1g.5gb", A100]


def test_a_gpu_that_waits_for_slices_can_not_be_used(machine: Machine) -> None:
    found = machine(row(0, mig="Enabled"), f"GPU 0: {A100} (UUID: {UUIDS[0]})\n")
    assert [gpu.trouble for gpu in found.each or ()] == ["MIG is on, and no slice is made"]
    assert found.declared == Gpus(count=0)


def test_a_driver_that_knows_no_mig_is_asked_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(*words: str) -> tuple[str, str]:
        asked.append(words[0])
        known = "mig." not in words[0]
        return (
            (row(0).rpartition(",")[0] + "\n", "") if known else ('Field "mig.mode.current" is not a valid field', "")
        )

    monkeypatch.setattr(script, "_ask", ask)
    assert machine().declared == Gpus(count=1, memory_gib=[40.0], kind=A100)
    assert len(asked) == 2


def test_where_docker_gives_gpus_by_cdi_alone_they_are_named_so(machine: Machine) -> None:
    known = [{"Source": "cdi", "ID": f"nvidia.com/gpu={name}"} for name in ("0", "1", UUIDS[0], "all")]
    found = machine(row(0) + row(1), hook=False, cdi=known)
    assert found.by_cdi
    assert found.declared == Gpus(
        count=2, memory_gib=[40.0, 40.0], kind=A100, devices=["nvidia.com/gpu=0", "nvidia.com/gpu=1"]
    )
    assert found.at(UUIDS[1]) == (found.each or ())[1]


@pytest.mark.parametrize("cdi", [None, [], [{"Source": "cdi", "ID": "vendor.com/net=0"}], "?"])
def test_without_hook_and_cdi_there_are_only_numbers(machine: Machine, cdi: object) -> None:
    found = machine(row(0), hook=False, cdi=cdi)
    assert not found.by_cdi
    assert found.declared == Gpus(count=1, memory_gib=[40.0], kind=A100)


def test_no_driver_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert GpuFacts.read(gpus({})).declared == Gpus(count=0)
