"""What preflight asks hosts: first what they are, then, once the plan is made, whether they have what it wants."""

from __future__ import annotations

import time
from dataclasses import replace

from orchestrator.checks.preflight.facts import Basics, Clock, EngineFacts, Facts, GpuFacts, Needs
from orchestrator.fleet.machine import Machine
from orchestrator.fleet.scripts import basics, engine, gpus, look, reach
from orchestrator.spec.loader import Spec
from orchestrator.workflow.weights.on_hosts import look_at

GPU_SECONDS = 90.0  # the driver wakes them one by one


def first_look(machine: Machine, workshop: str) -> Facts:
    """Raises UserError where the host can't be asked."""
    ask = machine.channel.call
    seen = Basics.read(ask(basics.basics, {}))  # opens the connection, so that the clock is read over a warm one
    return Facts(
        basics=seen,
        clock=_clock(machine),
        engine=EngineFacts.read(ask(engine.engine, {"workshop": workshop})),
        gpus=look_for_gpus(machine),
    )


def look_for_gpus(machine: Machine) -> GpuFacts:
    return GpuFacts.read(machine.channel.call(gpus.gpus, {}, GPU_SECONDS))


def second_look(machine: Machine, spec: Spec, facts: Facts, needs: Needs) -> Facts:
    """The same facts and what only the plan knows to ask for."""
    ask = machine.channel.call
    busy = ask(look.busy, {"ports": [port for port, _ in needs.ports]}) if needs.ports else []
    references = [image.what for image in needs.images]
    present = ask(engine.images, {"references": references}) if references and facts.engine.version else {}
    missing = set(references) - set(present)
    urls = {**(needs.registries if missing else {}), **needs.hubs}
    peers = dict(needs.peers)
    reached: dict[str, str] = {}
    if urls or peers:
        answer = ask(reach.reach, {"peers": list(peers.values()), "urls": list(urls.values())})
        reached = dict(zip([*peers, *urls], [*answer["peers"], *answer["urls"]], strict=True))
    paths = look_at(machine, spec, list(needs.paths))
    return replace(facts, busy=frozenset(busy), present=present, reached=reached, paths=paths)


def _clock(machine: Machine) -> Clock:
    """The host's time belongs somewhere between question and answer: in the middle, give or take the half."""
    before = time.time()
    theirs: float = machine.channel.call(basics.now, {})
    after = time.time()
    return Clock(theirs - (before + after) / 2, (after - before) / 2)
