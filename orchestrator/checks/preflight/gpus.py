"""GPUs: the driver, what the plan counts on, what is free, and whether containers get them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.checks.preflight.facts import Facts, Gpu, Needs
from orchestrator.checks.preflight.finding import Finding
from orchestrator.spec.hosts import Gpus

A_LITTLE, TOO_MUCH = 0.99, 0.90  # of the memory that was declared
DRIVER = (
    "Install NVIDIA's driver (Ubuntu: sudo ubuntu-drivers install; Debian: apt install nvidia-driver), restart, and "
    "see that nvidia-smi answers"
)
BROKEN_DRIVER = "See what nvidia-smi says there; after an update of the driver the machine must be restarted"
TOOLKIT = (
    "Install the NVIDIA container toolkit "
    "(https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html), then: "
    "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
)
CONFIGURE = "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
RUNTIME = "nvidia"


def gpus(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    found, declared = facts.gpus, needs.gpus
    if found.each is None:
        wanted = bool(needs.seats or (declared and declared.count))
        if wanted:
            what = "no NVIDIA driver" if found.is_absent else f"the driver does not answer: {found.said}"
            yield Finding("gpus", host, "problem", what, DRIVER if found.is_absent else BROKEN_DRIVER)
        elif not found.is_absent:
            yield Finding(
                "gpus", host, "warn", f"nvidia-smi fails, and the plan uses no GPU: {found.said}", BROKEN_DRIVER
            )
        return
    problems = [*_as_declared(host, found.each, declared), *_room(host, facts, needs)]
    yield from problems
    if not problems:
        yield Finding("gpus", host, "ok", f"{in_words(found.each)}, driver {found.driver}")


def runtime(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """Whether Docker can give GPUs to containers."""
    if facts.engine.version is None or not facts.gpus.each:
        return
    if RUNTIME in facts.engine.runtimes:
        yield Finding("runtime", host, "ok", "Docker has the NVIDIA runtime")
    elif facts.gpus.toolkit:
        what = "the container toolkit is there, but Docker does not know its runtime"
        yield Finding("runtime", host, "warn", what, CONFIGURE)
    else:
        yield Finding("runtime", host, "problem" if needs.seats else "warn", "containers get no GPU", TOOLKIT)


def in_words(each: Sequence[Gpu]) -> str:
    """Alike ones together."""
    if not each:
        return "no GPU"
    names = list(dict.fromkeys((gpu.name, gpu.total) for gpu in each))
    counted = [(sum((gpu.name, gpu.total) == one for gpu in each), *one) for one in names]
    return ", ".join(
        f"{number} x {name}" + (f" with {total:.1f} GiB" if total else "") for number, name, total in counted
    )


def _as_declared(host: str, each: Sequence[Gpu], declared: Gpus | None) -> Iterator[Finding]:
    if declared is None:
        return
    count = f"hosts[].gpus declares {declared.count}, and there are {len(each)}"
    if len(each) < declared.count:
        remedy = f"Write gpus: {{count: {len(each)}}} for {host}, or see why nvidia-smi does not show the others"
        yield Finding("gpus", host, "problem", count, remedy)
        return
    if len(each) > declared.count:
        remedy = f"The others stay idle: write gpus: {{count: {len(each)}}} for {host}, or leave gpus out"
        yield Finding("gpus", host, "warn", count, remedy)
    for index, (gpu, memory) in enumerate(zip(each, declared.each, strict=False)):
        if memory and gpu.total and gpu.total < memory * A_LITTLE:
            level = "problem" if gpu.total < memory * TOO_MUCH else "warn"
            what = f"GPU {index} has {gpu.total:.1f} GiB, and hosts[].gpus declares {memory:g}"
            remedy = f"Write what nvidia-smi says: memory_gib: {int(gpu.total * 10) / 10:g}"
            yield Finding("gpus", host, "problem" if level == "problem" else "warn", what, remedy)
    names = {gpu.name for gpu in each}
    if declared.kind and not any(declared.kind.lower() in name.lower() for name in names):
        what = f"hosts[].gpus declares {declared.kind}, and there is {', '.join(sorted(names))}"
        yield Finding("gpus", host, "warn", what, "Is it the machine that you meant? Then write its kind")


def _room(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """What others hold of GPUs that the plan uses. While its own containers run, nobody can tell whose it is."""
    each = facts.gpus.each or ()
    taken: dict[int, float | None] = {}
    for seat in needs.seats:
        before = taken.get(seat.index, 0.0)
        taken[seat.index] = None if before is None or seat.memory is None else before + seat.memory
    for index, wanted in sorted(taken.items()):
        if index >= len(each):
            yield Finding("gpus", host, "problem", f"the plan uses GPU {index}, and there are {len(each)}", DRIVER)
            continue
        gpu = each[index]
        if facts.engine.running or wanted is None or gpu.free is None or gpu.free >= wanted:
            continue
        what = f"GPU {index} has {gpu.free:.1f} GiB free, and the plan takes {wanted:.1f}"
        remedy = "Stop what runs on it: nvidia-smi shows the processes"
        yield Finding("gpus", host, "problem", what, remedy)
