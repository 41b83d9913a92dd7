"""GPUs: the driver, what the plan counts on, what is free, and whether containers get them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.checks.preflight.facts import Facts, Gpu, GpuFacts, Needs
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
IN_TROUBLE = (
    "nvidia-smi there says more; often sudo nvidia-smi --gpu-reset or a restart of the machine helps "
    "(MIG: nvidia-smi mig -cgi PROFILE -C makes slices, nvidia-smi -mig 0 ends it). Then run preflight again"
)
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
    problems = [*_out_of_order(host, found), *_as_declared(host, found, declared), *_room(host, facts, needs)]
    yield from problems
    if not problems:
        yield Finding("gpus", host, "ok", f"{in_words(found.each)}, driver {found.driver}")


def runtime(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """Whether Docker can give GPUs to containers."""
    if facts.engine.version is None or not facts.gpus.each:
        return
    if RUNTIME in facts.engine.runtimes:
        yield Finding("runtime", host, "ok", "Docker has the NVIDIA runtime")
    elif facts.gpus.by_cdi and (needs.gpus is None or needs.gpus.devices):
        yield Finding("runtime", host, "ok", "Docker gives GPUs by CDI")
    elif facts.gpus.by_cdi:
        devices = ", ".join(gpu.device or "" for gpu in facts.gpus.each)
        what = "Docker gives GPUs by CDI alone there"
        yield Finding("runtime", host, "problem", what, f"Leave hosts[].gpus out, or add devices: [{devices}]")
    elif facts.gpus.toolkit:
        what = "the container toolkit is there, but Docker does not know its runtime"
        yield Finding("runtime", host, "warn", what, CONFIGURE)
    else:
        yield Finding("runtime", host, "problem" if needs.seats else "warn", "containers get no GPU", TOOLKIT)


def as_yaml(gpus: Gpus) -> str:
    """What the spec would say of them."""
    known = gpus.model_dump(include={"count", "memory_gib", "unified", "devices"}, exclude_defaults=True)
    parts = (f"{name}: {str(value).replace(chr(39), '')}" for name, value in known.items())
    return f"write gpus: {{{', '.join(parts)}}}"


def in_words(each: Sequence[Gpu]) -> str:
    """Alike ones together."""
    if not each:
        return "no GPU"
    names = list(dict.fromkeys((gpu.name, gpu.total) for gpu in each))
    counted = [(sum((gpu.name, gpu.total) == one for gpu in each), *one) for one in names]
    return ", ".join(
        f"{number} x {name}" + (f" with {total:.1f} GiB" if total else "") for number, name, total in counted
    ) + (", which is the machine's own memory" if any(gpu.shared for gpu in each) else "")


def _out_of_order(host: str, found: GpuFacts) -> Iterator[Finding]:
    """GPUs that can't be used, and what the driver tells beside its rows. _room tells what the plan uses of them."""
    for place, gpu in enumerate(found.each or ()):
        if gpu.trouble:
            yield Finding("gpus", host, "warn", f"GPU {place} can't be used: {gpu.trouble}", IN_TROUBLE)
    if found.said:
        yield Finding("gpus", host, "warn", f"nvidia-smi says: {found.said}", BROKEN_DRIVER)


def _as_declared(host: str, found: GpuFacts, declared: Gpus | None) -> Iterator[Finding]:
    each = [gpu for gpu in found.each or () if not gpu.trouble]
    if declared is None:
        return
    if declared.devices:
        yield from _by_name(host, found, declared.devices)
        return
    there = found.declared or Gpus(count=0)
    if slices := sum(map(there.is_slice, range(there.count))):
        what = f"its GPUs are cut into MIG slices, {slices} of them, and hosts[].gpus declares whole GPUs"
        yield Finding("gpus", host, "problem", what, f"Leave gpus out, or {as_yaml(there)}")
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


def _by_name(host: str, found: GpuFacts, devices: Sequence[str]) -> Iterator[Finding]:
    for name in devices:
        if found.at(name) is None:
            what = f"hosts[].gpus.devices names {name}, which nvidia-smi does not show"
            yield Finding("gpus", host, "problem", what, "nvidia-smi -L lists GPUs and slices with their uuids")


def _room(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """What others hold of GPUs that the plan uses. While its own containers run, nobody can tell whose it is."""
    planned = needs.gpus or facts.gpus.declared
    taken: dict[int, float | None] = {}
    for seat in needs.seats:
        before = taken.get(seat.index, 0.0)
        taken[seat.index] = None if before is None or seat.memory is None else before + seat.memory
    for index, wanted in sorted(taken.items()):
        name = planned.device(index) if planned and index < planned.count else str(index)
        gpu = facts.gpus.at(name)
        if gpu is None:
            there = len(facts.gpus.each or ())
            yield Finding("gpus", host, "problem", f"the plan uses GPU {name}, and there are {there}", DRIVER)
            continue
        if gpu.trouble:
            yield Finding("gpus", host, "problem", f"the plan uses GPU {name}: {gpu.trouble}", IN_TROUBLE)
            continue
        if facts.engine.running or wanted is None or gpu.free is None or gpu.free >= wanted:
            continue
        what = f"GPU {name} has {gpu.free:.1f} GiB free, and the plan takes {wanted:.1f}"
        remedy = "Stop what runs on it: nvidia-smi shows the processes"
        yield Finding("gpus", host, "problem", what, remedy)
