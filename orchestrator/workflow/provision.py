"""Makes it so: from a spec to a class that works. The steps below, read aloud, are what provisioning is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.checks.check import Check
from orchestrator.errors import SpecError
from orchestrator.fleet.fleet import Fleet
from orchestrator.fleet.host_lock import HostLocks
from orchestrator.handouts.values import CA_FILE
from orchestrator.plan.crowd import crowd_remarks
from orchestrator.plan.remarks import remarks
from orchestrator.settings import Settings
from orchestrator.spec.knowledge_files import find_knowledge, left_out
from orchestrator.spec.loader import Spec
from orchestrator.spec.sections import AUTO
from orchestrator.state.lock import lock_owner, workshop_lock
from orchestrator.state.state import State
from orchestrator.workflow.archives.first import remember
from orchestrator.workflow.context.hosts import front_of, open_fleet
from orchestrator.workflow.context.open import state_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.context.run import Options, Run
from orchestrator.workflow.gateway.certificates import certify
from orchestrator.workflow.images.choice import choose_images
from orchestrator.workflow.people.enrol import enrol
from orchestrator.workflow.people.print import print_handouts
from orchestrator.workflow.people.seed import seed_webui
from orchestrator.workflow.prove import prove
from orchestrator.workflow.rollout.deploy import deploy, with_late_changes
from orchestrator.workflow.rollout.forewarn import forewarn
from orchestrator.workflow.rollout.leave import let_go, note_leaving
from orchestrator.workflow.rollout.look import look_at_hosts
from orchestrator.workflow.rollout.ready import ask_engines
from orchestrator.workflow.rollout.render import render
from orchestrator.workflow.wanted.address import Addresses
from orchestrator.workflow.wanted.dns import name_notes
from orchestrator.workflow.wanted.memory import instance_notes

Step = Callable[[Run], Run]

STEPS: tuple[tuple[str, Step], ...] = (
    ("Looking at the hosts", look_at_hosts),
    ("Preflight", forewarn),
    ("Certificate", certify),
    ("Participants", enrol),
    ("Images", choose_images),
    ("Stacks", render),
    ("Containers", deploy),
    ("Hosts that left", let_go),
    ("First answers", ask_engines),
    ("Open WebUI", seed_webui),
    ("Cards", print_handouts),
    ("Proof", prove),
)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What the instructor is told at the end."""

    workshop: str
    addresses: Addresses
    keys: int
    accounts: int
    handouts: Path
    ca_certificate: Path | None  # for participants' devices, where the workshop has an authority of its own
    changes: tuple[str, ...]
    notes: tuple[str, ...]
    broken: tuple[str, ...]  # engines that did not answer, people who stay for want of an archive, each with the reason
    failed_hosts: Mapping[str, str]  # name to why
    checks: tuple[Check, ...]
    hosts: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.failed_hosts and not self.broken and all(check.ok for check in self.checks)


def provision(spec: Spec, options: Options, settings: Settings, report: Report) -> Provisioned:
    """Apply the difference between the spec and what is there.

    Raises UserError for what the user can fix; after one, running it again goes on where it stopped.
    """
    begun = time.monotonic()
    problems = spec.secret_problems() if not spec.workshop.practice else []
    if problems:
        raise SpecError(problems)
    find_knowledge(spec)  # says what is missing before anything is made
    folder = state_folder(spec, options.state_dir, settings)
    with (
        workshop_lock(folder, "provision"),
        State.open(folder) as state,
        Fleet(note_leaving(spec, settings, state), settings.known_hosts) as leaving,
        open_fleet(spec, settings, state.deployed.hosts()) as fleet,
        HostLocks(lock_owner("provision")) as locks,
    ):
        run = Run(
            spec=spec,
            options=options,
            settings=settings,
            report=report,
            state=state,
            fleet=fleet,
            leaving=leaving,
            locks=locks,
            front_name=front_of(spec),
        )
        remember(state, required=spec.workshop.archive.required)
        for title, step in STEPS:
            report.step(title)
            run = step(run)
        run = with_late_changes(run)
        if run.changes:
            state.events.add("provision", "; ".join(run.changes))
        if run.ok:
            state.mark_provisioned()
        return _told(run, time.monotonic() - begun)


def _told(run: Run, seconds: float) -> Provisioned:
    desired = run.planned
    active = [person for person in run.people if person.state == "active"]
    members = [instance.own.members for stack in desired.deployment.stacks for instance in stack.running]
    return Provisioned(
        workshop=run.spec.workshop.name,
        addresses=desired.addresses,
        keys=len(active),
        accounts=len(active) if desired.addresses.webui else sum(map(len, members)),
        handouts=run.state.folder.handouts,
        ca_certificate=run.state.folder.handouts / CA_FILE if run.spec.workshop.public.tls == AUTO else None,
        changes=run.changes,
        notes=(
            *desired.deployment.notes,
            *instance_notes(desired.deployment, short_only=True),
            *name_notes(desired.addresses, desired.deployment),
            *remarks(run.spec, run.people),
            *crowd_remarks(run.spec, desired.deployment, run.people),
            *left_out(run.spec, find_knowledge(run.spec)),
            *run.notes,
        ),
        broken=run.broken,
        failed_hosts=run.failed_hosts,
        checks=run.checks,
        hosts=tuple(stack.host.name for stack in desired.deployment.stacks),
        seconds=seconds,
    )
