"""Step: every host answers, the name is ours there, its ports are free.

Before that nothing is changed, but for what hosts with `bootstrap: true` lack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.checks.preflight.facts import GpuFacts
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import ContainerState
from orchestrator.fleet.host_lock import require_not_held
from orchestrator.fleet.machine import Look, Machine, RulesThere
from orchestrator.fleet.ownership import require_ownership
from orchestrator.fleet.requirements import require_compose, require_docker, require_free_ports, require_free_subnets
from orchestrator.identity.participant import Participant
from orchestrator.plan.edges import edge_hosts
from orchestrator.plan.instances import instances, own_ports
from orchestrator.workflow.context.open import seats
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.gateway.standing import require_newest, rules_there, standing_policy
from orchestrator.workflow.rollout.bootstrap import bootstrap, to_bootstrap
from orchestrator.workflow.rollout.remove import remove_stacks
from orchestrator.workflow.rollout.survey import look_for_gpus

LOG = "ansible.log"
NOT_OURS = "deployed_by_another"


@dataclass(frozen=True, slots=True)
class _Seen:
    look: Look
    containers: Mapping[str, ContainerState]
    gpus: GpuFacts | None  # None: the spec declares them, or they are known


def look_at_hosts(run: Run) -> Run:
    """All at once; a host that can't be used costs that host, unless it is the gateway's."""
    workshop = run.spec.workshop.name
    ports = {name: _ports(run, name) for name in run.fleet}
    unknown = _hosts_with_unknown_gpus(run)

    def look(machine: Machine) -> _Seen:
        found = machine.look([port for port, _ in ports[machine.name]])
        require_docker(machine.name, found)
        require_compose(machine.name, found)
        run.locks.ask(machine)  # its process starts while the others are asked
        gpus = look_for_gpus(machine) if machine.name in unknown else None
        seen = _Seen(found, machine.docker.containers(workshop), gpus)
        run.locks.require(machine)
        return seen

    seen, failed = run.fleet.each(look)
    require_not_held(failed)
    lacking = to_bootstrap(run, seen, failed)
    run = run.without({name: why for name, why in failed.items() if name not in lacking})
    if lacking:
        run, seen = _bootstrapped(run, lacking, seen, look)
    meta = run.state.begin(workshop, run.spec.file)
    strangers = [name for name in seen if _is_strangers(name, seen[name], meta.deployment_id, run)]
    if strangers:
        remove_stacks(run.fleet, strangers, workshop, run.report, run.state.folder.logs / LOG)
        run = run.changed(*(f"{name}: removed what was deployed there by another" for name in strangers))

    require_newest_state(run, rules_there(run.front))  # before anything is noted of people or images
    own = instances(run.spec.workshop, _foreseen(run))

    def require_ports(machine: Machine) -> None:
        here = ports[machine.name]
        emptied = machine.name in strangers  # what was removed may have held them
        found = machine.look([port for port, _ in here]) if emptied else seen[machine.name].look
        require_free_ports(machine.docker, workshop, found, here)
        if own and machine.name == run.front_name:
            require_free_subnets(machine.name, [one.subnet for one in own], machine.taken_addresses(workshop))

    _, failed = run.fleet.each(require_ports, seen)
    run = run.without(failed)
    for name in run.standing:
        run.state.deployed.record_host(run.fleet[name].host)
        _heed(run, name, seen[name].gpus)
    return run


def require_newest_state(run: Run, there: RulesThere) -> None:
    """Raises UserError `state_outdated`, unless the instructor wants to go on with what this one knows."""
    standing, older = standing_policy(there), run.options.older_state
    require_newest(run.state, standing, run.front_name, run.spec.file, older_state=older)


def _bootstrapped(
    run: Run, lacking: Sequence[str], seen: Mapping[str, _Seen], look: Callable[[Machine], _Seen]
) -> tuple[Run, dict[str, _Seen]]:
    """With what was seen of hosts before, and of those that lacked something now."""
    known = run.state.meta.deployment_id if run.state.meta else ""
    for name in lacking:
        if name in seen:  # Docker may be restarted there: not under somebody else's class
            _is_strangers(name, seen[name], known, run)
    run, failed = bootstrap(run, lacking, LOG)
    run = run.without(failed)

    def look_again(machine: Machine) -> _Seen:
        if machine.name in seen:  # and locked
            return replace(seen[machine.name], containers=machine.docker.containers(run.spec.workshop.name))
        machine.channel.renew()  # the group docker counts from the next sign-in
        return look(machine)

    fresh, failed = run.fleet.each(look_again, [name for name in lacking if name not in failed])
    require_not_held(failed)
    run = run.without(failed)
    return run, {name: found for name, found in {**seen, **fresh}.items() if name in run.standing}


def _hosts_with_unknown_gpus(run: Run) -> frozenset[str]:
    """To be asked: nobody looked there yet, or there were none and a model wants some."""
    if run.spec.workshop.practice:
        return frozenset()
    wanted = any(model.gpus_wanted for model in run.spec.workshop.models)
    hosts = [host for host in run.spec.workshop.hosts if host.gpus is None and "inference" in host.roles]
    known = {host.name: run.state.gpus.at(host.name, host.address) for host in hosts}
    return frozenset(name for name, gpus in known.items() if gpus is None or (wanted and not gpus.count))


def _heed(run: Run, host: str, found: GpuFacts | None) -> None:
    if found is None:
        return
    if found.declared is not None:
        run.state.gpus.record(host, run.fleet[host].host.address, found.declared)
    else:
        run.report.say(f"{host}: its GPUs are not known: {found.said}")


def _is_strangers(host: str, seen: _Seen, deployment: str, run: Run) -> bool:
    """Somebody else's workshop lies there, and is to be taken over. Raises UserError where it is not."""
    try:
        require_ownership(host, seen.look.owner, deployment, seen.containers.values())
    except UserError as problem:
        if problem.code != NOT_OURS or not run.options.take_over:
            raise
        return True
    return False


def _foreseen(run: Run) -> list[Participant]:
    return [row.participant for row in run.state.people.preview(seats(run.spec)).rows]


def _ports(run: Run, host: str) -> list[tuple[int, str]]:
    """That this host publishes, with the field of the spec that says so."""
    if host == run.front_name:
        fields = [(port, field) for field, port in run.spec.workshop.published.items()]
        return [*fields, *own_ports(instances(run.spec.workshop, _foreseen(run)))]
    return [(one.edge_port, "edge_port") for one in edge_hosts(run.spec.workshop) if one.name == host]
