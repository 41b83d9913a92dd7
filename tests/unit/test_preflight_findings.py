"""Preflight: what is said of each fact, and what to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.ansible_process import AnsibleNeeds
from orchestrator.checks.preflight.facts import (
    Amount,
    Basics,
    Clock,
    Disk,
    EngineFacts,
    Facts,
    Gpu,
    GpuFacts,
    Needs,
    Seat,
)
from orchestrator.checks.preflight.finding import Finding, worst
from orchestrator.checks.preflight.judge import CHECKS, judge, unreached
from orchestrator.engines.size import GIB
from orchestrator.errors import HostError, UserError
from orchestrator.spec.hosts import Gpus

L4 = Gpu("NVIDIA L4", 22.5, 22.2)
NO_GPU = GpuFacts(None, said="nvidia-smi is not installed")
GOOD = Facts(
    basics=Basics("3.11.2", "Debian GNU/Linux 12", "x86_64", 16, 64 * GIB, 60 * GIB),
    clock=Clock(0.01, 0.03),
    engine=EngineFacts(
        version="28.0.1",
        compose="2.35.0",
        runtimes=("nvidia", "runc"),
        images=Disk("/var/lib/docker", 1, 500 * GIB),
        volumes=Disk("/var/lib/docker", 1, 500 * GIB),
    ),
    gpus=GpuFacts((L4, L4), "570.124.06", toolkit=True),
)
NEEDS = Needs(workshop="w", gpus=Gpus(count=2, memory_gib=22), seats=(Seat(0, 20.0), Seat(1, 20.0)))
NOTHING = Needs(workshop="w")


def found(check: str, facts: Facts = GOOD, needs: Needs = NEEDS) -> list[Finding]:
    return [finding for finding in judge("gpu-1", facts, needs) if finding.check == check]


def the(check: str, facts: Facts = GOOD, needs: Needs = NEEDS) -> Finding:
    (finding,) = found(check, facts, needs)
    return finding


def engine(**changes: object) -> Facts:
    return replace(GOOD, engine=replace(GOOD.engine, **changes))  # type: ignore[arg-type]


def with_gpus(*gpus: Gpu, **more: object) -> Facts:
    return replace(GOOD, gpus=replace(GOOD.gpus, each=gpus, **more))  # type: ignore[arg-type]


def test_a_host_that_has_all_is_fine_everywhere() -> None:
    findings = judge("gpu-1", GOOD, replace(NEEDS, become=True, ports=((8080, "gateway.port"),)))
    assert {finding.level for finding in findings} == {"ok"}
    assert all(finding.remedy is None for finding in findings)
    assert [c for c in CHECKS if c in {f.check for f in findings}] == list(dict.fromkeys(f.check for f in findings))


@pytest.mark.parametrize(
    ("facts", "check", "level", "what", "remedy"),
    [
        (engine(version=None, said="the docker command is not installed"), "docker", "problem", "Docker is not installed", "bootstrap: true"),
        (engine(version=None, said="permission denied while trying to connect"), "docker", "problem", "you may not talk to Docker", "group docker"),
        (engine(version=None, said="Cannot connect to the Docker daemon"), "docker", "problem", "Docker does not answer", "systemctl start docker"),
        (engine(compose=None), "compose", "problem", "does not answer", "Compose plugin"),
        (engine(compose="2.19.1"), "compose", "problem", "2.19.1 is older than 2.20", "Compose plugin"),
        (engine(runtimes=("runc",)), "runtime", "warn", "does not know its runtime", "nvidia-ctk runtime configure"),
        (replace(engine(runtimes=()), gpus=replace(GOOD.gpus, toolkit=False)), "runtime", "problem", "containers get no GPU", "container-toolkit"),
        (replace(GOOD, gpus=NO_GPU), "gpus", "problem", "no NVIDIA driver", "ubuntu-drivers install"),
        (replace(GOOD, gpus=GpuFacts(None, said="Driver/library version mismatch")), "gpus", "problem", "version mismatch", "must be restarted"),
        (with_gpus(L4), "gpus", "problem", "declares 2, and there are 1", "gpus: {count: 1}"),
        (with_gpus(L4, L4, L4), "gpus", "warn", "declares 2, and there are 3", "gpus: {count: 3}"),
        (with_gpus(L4, Gpu("NVIDIA L4", 16.0, 16.0)), "gpus", "problem", "GPU 1 has 16.0 GiB, and hosts[].gpus declares 22", "memory_gib: 16"),
        (with_gpus(L4, Gpu("NVIDIA L4", 21.5, 21.5)), "gpus", "warn", "GPU 1 has 21.5 GiB", "memory_gib: 21.5"),
        (with_gpus(L4, Gpu("NVIDIA L4", 22.5, 3.0)), "gpus", "problem", "GPU 1 has 3.0 GiB free, and the plan takes 20.0", "nvidia-smi shows the processes"),
        (replace(GOOD, basics=replace(GOOD.basics, available=GIB // 2)), "memory", "problem", "0.5 GiB of 64 GiB free", "more memory"),
        (replace(GOOD, basics=replace(GOOD.basics, memory=None)), "memory", "unknown", "does not tell", "free -h"),
        (replace(GOOD, clock=Clock(-3.0, 0.1)), "clock", "warn", "3.0 s behind this machine", "set-ntp true"),
        (replace(GOOD, clock=Clock(75.0, 0.1)), "clock", "problem", "75.0 s ahead of this machine", "set-ntp true"),
        (engine(images=Disk("/var/lib/docker", 1, GIB), volumes=Disk("/var/lib/docker", 1, GIB)), "disk", "problem", "1 GiB free at /var/lib/docker", "docker system df"),
        (engine(images=Disk("/d", None, None), volumes=Disk("/d", None, None)), "disk", "unknown", "/d can't be seen", "df -h /d"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_remedy(facts: Facts, check: str, level: str, what: str, remedy: str) -> None:
    finding = next(f for f in found(check, facts) if f.level != "ok")
    assert finding.level == level
    assert what in finding.what
    assert remedy in (finding.remedy or "")


def test_a_clock_counts_only_as_far_as_it_could_be_measured() -> None:
    assert the("clock", replace(GOOD, clock=Clock(4.0, 3.0))).level == "ok"
    assert the("clock", replace(GOOD, clock=Clock(4.0, 1.5))).level == "warn"


def test_the_gateways_clock_must_be_right_where_keys_open_and_close_by_it() -> None:
    off = replace(GOOD, clock=Clock(15.0, 0.1))
    assert the("clock", off, replace(NEEDS, is_front=True)).level == "warn"
    assert the("clock", off, replace(NEEDS, has_window=True)).level == "warn"
    assert the("clock", off, replace(NEEDS, is_front=True, has_window=True)).level == "problem"


def test_the_lowest_python_is_that_of_the_ansible_core_that_is_installed_here() -> None:
    old = replace(GOOD, basics=replace(GOOD.basics, python="3.8.10"))
    assert the("system", old).level == "ok"
    newer = replace(NEEDS, python=AnsibleNeeds((3, 9), "ansible-core 2.20.1"))
    finding = found("system", old, newer)[0]
    assert finding.what == "Python 3.8.10 is older than 3.9, which ansible-core 2.20.1 asks of hosts"
    assert (finding.level, finding.remedy) == ("problem", "Install python3 3.9 or newer there")


def test_it_is_read_from_that_ansible_core() -> None:
    from ansible.module_utils import basic

    assert AnsibleNeeds.installed().python == max((3, 8), basic._PY_MIN)


def test_an_engine_that_docker_itself_no_longer_speaks_to_is_told() -> None:
    finding = the("docker", engine(version="20.10.24+dfsg1"))
    assert (finding.level, finding.what) == ("warn", "Docker 20.10.24+dfsg1 is older than 25.0, and was not tried")
    assert "API 1.44" in (finding.remedy or "")
    assert the("docker", engine(version="29.1.3")).level == "ok"
    assert the("compose", engine(compose="v5.0.1-desktop.1")).level == "ok"


def test_an_old_python_and_another_processor_are_told() -> None:
    old = replace(GOOD, basics=replace(GOOD.basics, python="3.7.3"))
    assert "older than 3.8" in found("system", old)[0].what
    arm = replace(GOOD, basics=replace(GOOD.basics, machine="aarch64"))
    assert the("system", arm).level == "ok"
    elsewhere = found("system", arm, replace(NEEDS, same_machine="x86_64"))[0]
    assert (elsewhere.level, "images.source: registry" in (elsewhere.remedy or "")) == ("warn", True)
    assert the("system", GOOD, replace(NEEDS, same_machine="amd64")).level == "ok"


def test_a_port_is_free_its_own_or_somebodys() -> None:
    needs = replace(NEEDS, ports=((8080, "gateway.port"), (3000, "webui.port"), (7443, "hosts[].edge_port")))
    facts = replace(
        GOOD, engine=replace(GOOD.engine, published={8080: "w", 3000: "container web-1"}), busy=frozenset({8080, 7443})
    )
    own, container, program = found("ports", facts, needs)
    assert own.level == "ok"
    assert container.what == "port 3000 is in use by container web-1"
    assert "sport = :7443" in (program.remedy or "")
    assert "hosts[].edge_port" in (program.remedy or "")


def test_what_is_there_already_needs_no_room() -> None:
    small = engine(images=Disk("/d", 1, 30 * GIB), volumes=Disk("/d", 1, 30 * GIB))
    needs = replace(NEEDS, images=(Amount("vllm", 20 * GIB),), weights=(Amount("the weights of m", 14 * GIB),))
    assert "34 GiB needed" in the("disk", small, needs).what
    assert the("disk", small, needs).level == "problem"
    assert the("disk", replace(small, present={"vllm": 1}), needs).level == "ok"


def test_two_disks_are_counted_apart() -> None:
    two = engine(images=Disk("/images", 1, 30 * GIB), volumes=Disk("/volumes", 2, 10 * GIB))
    needs = replace(NEEDS, images=(Amount("vllm", 20 * GIB),), weights=(Amount("the weights of m", 14 * GIB),))
    images, weights = found("disk", two, needs)
    assert (images.level, weights.level) == ("ok", "problem")


def test_a_size_that_is_not_known_is_not_guessed() -> None:
    needs = replace(NEEDS, weights=(Amount("the weights of m", None),))
    tight = the("disk", engine(images=Disk("/d", 1, 30 * GIB), volumes=Disk("/d", 1, 30 * GIB)), needs)
    assert (tight.level, "the weights of m" in (tight.remedy or "")) == ("unknown", True)
    assert the("disk", GOOD, needs).level == "ok"  # 500 GiB are plenty


def test_gpus_that_its_own_engines_hold_are_no_problem() -> None:
    full = with_gpus(Gpu("NVIDIA L4", 22.5, 1.0), Gpu("NVIDIA L4", 22.5, 1.0))
    assert the("gpus", replace(full, engine=replace(GOOD.engine, running=2))).level == "ok"


def test_two_replicas_on_one_gpu_are_added_up() -> None:
    shared = replace(NEEDS, seats=(Seat(0, 12.0), Seat(0, 12.0)))
    assert "the plan takes 24.0" in the("gpus", GOOD, shared).what


def test_a_gpu_that_is_not_there_is_told_where_the_plan_uses_it() -> None:
    finding = the("gpus", with_gpus(L4), replace(NEEDS, gpus=None, seats=(Seat(1, None),)))
    assert finding.what == "the plan uses GPU 1, and there are 1"


def test_another_kind_than_declared_is_told() -> None:
    finding = the("gpus", GOOD, replace(NEEDS, gpus=Gpus(count=2, kind="H100")))
    assert (finding.level, "NVIDIA L4" in finding.what) == ("warn", True)
    assert the("gpus", GOOD, replace(NEEDS, gpus=Gpus(count=2, kind="L4"))).level == "ok"


def test_a_host_without_gpus_that_needs_none_says_nothing_of_them() -> None:
    bare = replace(GOOD, gpus=NO_GPU)
    assert found("gpus", bare, NOTHING) == found("runtime", bare, NOTHING) == []
    broken = replace(GOOD, gpus=GpuFacts(None, said="couldn't communicate with the NVIDIA driver"))
    assert the("gpus", broken, NOTHING).level == "warn"


@pytest.mark.parametrize(
    ("word", "level", "remedy"),
    [
        ("reached", "ok", ""),
        ("refused", "ok", ""),
        ("timeout", "problem", "TCP port 7443 from gpu-1 to other"),
        ("No route to host", "problem", "hosts[].private of other"),
        ("no name", "problem", "hosts[].private of other"),
    ],
)
def test_a_refused_connection_reached_its_host_and_a_silent_one_did_not(word: str, level: str, remedy: str) -> None:
    needs = replace(NOTHING, peers={"other": ("10.0.0.2", 7443)})
    finding = the("peers", replace(GOOD, reached={"other": word}), needs)
    assert finding.level == level
    assert remedy in (finding.remedy or "")


@pytest.mark.parametrize(
    ("word", "registry", "hub"),
    [("reached", "ok", "ok"), ("certificate", "ok", "warn"), ("timeout", "warn", "problem")],
)
def test_registries_and_hubs(word: str, registry: str, hub: str) -> None:
    needs = replace(NOTHING, registries={"docker.io": "https://r/v2/"}, hubs={"huggingface.co": "https://h"})
    facts = replace(GOOD, reached={"docker.io": word, "huggingface.co": word})
    assert the("registry", facts, needs).level == registry
    assert the("hub", facts, needs).level == hub
    assert all(f.remedy for check in ("registry", "hub") for f in found(check, facts, needs) if f.level != "ok")


@pytest.mark.parametrize(
    ("copy", "level", "words"), [("", "ok", "the weights are there"), ("gpu-2", "warn", "copied there from gpu-2")]
)
def test_a_hub_out_of_reach_is_no_problem_where_a_copy_does(copy: str, level: str, words: str) -> None:
    needs = replace(NOTHING, hubs={"huggingface.co": "https://h"})
    finding = the("hub", replace(GOOD, reached={"huggingface.co": "timeout"}, copies={"huggingface.co": copy}), needs)
    assert finding.level == level
    assert words in f"{finding.what} {finding.remedy}"


def test_weights_that_should_lie_there_are_told() -> None:
    needs = replace(NOTHING, paths={"a": "/srv/a", "b": "/srv/b", "c": "/srv/c", "d": "/srv/d"})
    wrong = {"b": [("problem", "/srv/b is not there")], "c": [("unknown", "/srv/c can't be looked at")]}
    fine, missing, unseen = found("weights", replace(GOOD, paths={"a": [], **wrong}), needs)
    assert (fine.level, fine.what) == ("ok", "a: /srv/a")
    assert (missing.level, missing.what) == ("problem", "b: /srv/b is not there")
    assert "models[].source" in (missing.remedy or "")
    assert (unseen.level, "sudo ls" in (unseen.remedy or "")) == ("unknown", True)


BROKEN = Gpu("NVIDIA L4", None, None, trouble="GPU requires reset")
SLICE = Gpu("NVIDIA A100 1g.5gb", 4.75, 4.7, uuid="MIG-1", device="MIG-1")
BY_CDI = replace(L4, device="nvidia.com/gpu=0")


def test_a_gpu_in_trouble_is_a_problem_where_the_plan_uses_it() -> None:
    seats = replace(NEEDS, seats=(Seat(1, 20.0),))
    levels = {finding.what: finding.level for finding in found("gpus", with_gpus(L4, BROKEN), seats)}
    assert levels["GPU 1 can't be used: GPU requires reset"] == "warn"
    assert levels["the plan uses GPU 1: GPU requires reset"] == "problem"
    assert levels["hosts[].gpus declares 2, and there are 1"] == "problem"
    around = replace(NEEDS, gpus=None, seats=(Seat(0, 20.0),))  # planned with what was found
    assert [finding.level for finding in found("gpus", with_gpus(BROKEN, L4), around)] == ["warn"]


def test_what_nvidia_smi_tells_beside_its_rows_is_told() -> None:
    finding = the("gpus", replace(GOOD, gpus=replace(GOOD.gpus, said="WARNING: infoROM is corrupted")))
    assert (finding.level, "infoROM" in finding.what) == ("warn", True)


def test_slices_are_planned_by_their_names_and_never_as_whole_gpus() -> None:
    cut = with_gpus(SLICE, replace(SLICE, uuid="MIG-2", device="MIG-2"))
    whole = replace(NEEDS, gpus=Gpus(count=1, memory_gib=40), seats=())
    finding = the("gpus", cut, whole)
    assert (finding.level, "2 of them" in finding.what) == ("problem", True)
    assert "gpus: {count: 2, memory_gib: [4.7, 4.7], devices: [MIG-1, MIG-2]}" in (finding.remedy or "")
    by_name = replace(whole, gpus=Gpus(count=1, memory_gib=4.7, devices=["MIG-2"]), seats=(Seat(0, 4.0),))
    assert the("gpus", cut, by_name).level == "ok"
    gone = replace(whole, gpus=Gpus(count=1, memory_gib=4.7, devices=["MIG-9"]), seats=())
    assert "MIG-9, which nvidia-smi does not show" in the("gpus", cut, gone).what
    assert the("gpus", cut, replace(NEEDS, gpus=None, seats=(Seat(1, 4.0),))).level == "ok"


def test_memory_of_the_machine_is_told_as_such() -> None:
    shared = with_gpus(Gpu("NVIDIA GB10", 119.6, 100.0, shared=True))
    assert "the machine's own memory" in the("gpus", shared, replace(NEEDS, gpus=None, seats=())).what


def test_a_host_that_gives_gpus_by_cdi_alone_is_fine_or_told_how() -> None:
    facts = replace(engine(runtimes=("runc",)), gpus=GpuFacts((BY_CDI,), "570.124.06"))
    assert the("runtime", facts, replace(NEEDS, gpus=None)).level == "ok"
    declared = the("runtime", facts, replace(NEEDS, gpus=Gpus(count=1)))
    assert (declared.level, "devices: [nvidia.com/gpu=0]" in (declared.remedy or "")) == ("problem", True)


def test_proxies_are_named() -> None:
    needs = replace(NOTHING, registries={"docker.io": "https://r/v2/"}, hubs={"huggingface.co": "https://h"})
    basics = replace(GOOD.basics, proxies=("https_proxy",))
    facts = replace(GOOD, basics=basics, reached={"docker.io": "timeout", "huggingface.co": "timeout"})
    assert "https_proxy" in the("hub", facts, needs).what
    own = replace(facts, engine=replace(GOOD.engine, proxy=True))
    assert (the("registry", own, needs).level, "not tried" in the("registry", own, needs).what) == ("ok", True)


def test_what_provision_may_install_is_no_problem() -> None:
    bare = replace(engine(version=None, said="the docker command is not installed"), gpus=NO_GPU)
    (docker,) = [f for f in judge("gpu-1", bare, replace(NOTHING, bootstrap=True)) if f.check == "docker"]
    assert (docker.level, docker.remedy) == ("warn", "provision installs it (bootstrap: true)")
    (docker,) = [f for f in judge("gpu-1", bare, NOTHING) if f.check == "docker"]
    assert docker.level == "problem"
    toolkit = replace(engine(runtimes=()), gpus=replace(GOOD.gpus, toolkit=False))
    assert the("runtime", toolkit, replace(NEEDS, bootstrap=True)).level == "warn"
    driver = replace(GOOD, gpus=NO_GPU)  # which nobody installs
    assert the("gpus", driver, replace(NEEDS, bootstrap=True)).level == "problem"


@pytest.mark.parametrize(
    ("code", "checks"),
    [("ssh_unreachable", ["ssh"]), ("sudo_password", ["ssh", "sudo"]), ("python_missing", ["ssh", "system"])],
)
def test_a_host_that_could_not_be_looked_at_says_how_far_it_got(code: str, checks: list[str]) -> None:
    findings = unreached("gpu-1", HostError(code, "why", hint="what to do"))
    assert [finding.check for finding in findings] == checks
    assert (findings[-1].level, findings[-1].remedy) == ("problem", "what to do")


def test_the_worst_is_what_a_table_shows() -> None:
    ok = Finding("x", "h", "ok", "")
    warn, unknown = replace(ok, level="warn"), replace(ok, level="unknown")
    assert worst([ok, warn, unknown]) == "unknown"
    assert worst([ok, Finding.of("x", "h", UserError("c", "m")), unknown]) == "problem"


def test_found_gpus_are_told_as_the_spec_would() -> None:
    assert GOOD.gpus.declared == Gpus(count=2, memory_gib=[22.5, 22.5], kind="NVIDIA L4")
    assert NO_GPU.declared == Gpus(count=0)
    assert GpuFacts(None, said="mismatch").declared is None
    mixed = GpuFacts((L4, Gpu("NVIDIA GB10", None, None)), "1", toolkit=True)
    assert mixed.declared == Gpus(count=2)
