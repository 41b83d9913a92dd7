"""What the state says of people and backends, brought to a gateway that runs: first its file, then its memory.

The order makes it safe to be killed anywhere: the file wins when nginx starts, and the state knows which files nginx
has loaded or was told of, so that the next command or `provision` makes up for what was missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator import keys
from orchestrator.errors import HostError, UserError, Where
from orchestrator.fleet.docker_host import ContainerState, DockerHost
from orchestrator.fleet.gateway_admin import GatewayAdmin, GatewayDownError, GatewayFullError
from orchestrator.fleet.machine import Machine
from orchestrator.participants import Participant
from orchestrator.plan.deployment import GATEWAY_SERVICE, Deployment
from orchestrator.plan.gateway import GatewayConfig
from orchestrator.plan.policy import gateway_config
from orchestrator.plan.policy_difference import is_nothing, policy_difference
from orchestrator.render.files import File, Files, Prints, digest, prints
from orchestrator.render.gateway import POLICY, policy
from orchestrator.render.policy_file import NEEDED, policy_text, with_people
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.images.choice import OPTIONAL, recorded_images, wanted_components
from orchestrator.workflow.wanted.desired import planned
from orchestrator.workflow.wanted.sizes import known

FOLDER = "gateway"  # of the stack's: what is mounted as the gateway's configuration
NOT_WRITTEN = "file_not_written"
ALIVE = {"running", "paused"}
LOADED = "gateway rules"  # a step in the state: the digest of the files that nginx loaded or was told of


def rules_digest(files: Files, folder: str = FOLDER) -> str:
    """Of the files among a stack's that its gateway loads, or its edge (`folder`)."""
    return _digest(prints(files), folder)


def standing_policy(front: Machine) -> dict[str, Any] | None:
    """What lies on the gateway's host; None where there is none, or none that can be read."""
    try:
        found = json.loads(front.read(f"{FOLDER}/{POLICY}") or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def cut_streams(docker: DockerHost, container: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
    """After a reload: streams end whose key or mail is nobody's, or somebody else's, by now.

    The files are in force already, so nothing is lost where a gateway does not take it.
    """
    if old is None or new is None:
        return
    told = policy_difference(old, new) | {"callers": {}, "drained": {}}
    if not is_nothing(told):
        with suppress(HostError):
            GatewayAdmin(docker, container).post("/changes", told)


def live_deployment(spec: Spec, state: State) -> Deployment:
    """As the last `provision` placed it, without asking registries and hubs what they have by now."""
    absent = (
        (OPTIONAL & wanted_components(spec)) - set(recorded_images(state)) if spec.workshop.practice else frozenset()
    )
    return planned(spec, dict.fromkeys(absent, "the last provision did without it"), known(spec, state))


def live_config(spec: Spec, state: State) -> GatewayConfig:
    """As the last `provision` placed it; without providers' keys."""
    deployment = live_deployment(spec, state)
    people, drained = state.people.all(), state.drained.all()
    return gateway_config(spec.workshop, deployment, people, state.secret, {}, revision=state.revision, drained=drained)


def bring_into_effect(
    spec: Spec,
    state: State,
    front: Machine,
    *,
    people: Iterable[Participant] = (),
    backends: Iterable[str] = (),
) -> tuple[str, ...]:
    """Notes in words, when it is not in effect yet; none when it is.

    `people` and `backends` are those whom the command is about: they are told even where the file is right already.
    Raises HostError `file_not_written`, as on a full disk; a gateway that runs was told all the same.
    """
    there, path = front.files(), f"{FOLDER}/{POLICY}"
    if path not in there:
        return ("The gateway was never started: this is in effect once provision has started it",)
    old, before = _standing(front, spec), _digest(there)
    people = tuple(people)
    new = _wanted(spec, state, old, frozenset(person.id for person in people))
    unwritten: HostError | None = None
    if new != old:
        text = policy_text(new).encode()
        try:
            front.replace(path, text)
        except HostError as problem:
            if problem.code != NOT_WRITTEN:
                raise
            unwritten = problem
        there |= prints({path: File(text, there[path].mode)})
    gateway = front.docker.containers(spec.workshop.name).get(GATEWAY_SERVICE)
    if unwritten:
        told = policy_difference(old, new, stated=_stated(spec, state.secret, people, backends))
        raise _only_told(front, gateway, told, unwritten)
    if gateway is None or gateway.state not in ALIVE:
        _remember(state, front, there)  # whenever it starts, it loads these
        return ("The gateway does not run: this is in effect as soon as it starts",)
    if gateway.state == "paused":  # it goes on with what it has in memory
        return ("The gateway is paused: this is in effect once provision has woken it",)
    admin = GatewayAdmin(front.docker, gateway.id)
    told = policy_difference(old, new, stated=_stated(spec, state.secret, people, backends))
    try:
        _tell(admin, told, missed=state.deployed.applied(front.name).get(LOADED) not in {None, before})
    except GatewayDownError:
        return ("The gateway is starting: this is in effect as soon as it answers",)
    _remember(state, front, there)
    return ()


def _only_told(front: Machine, gateway: ContainerState | None, told: dict[str, Any], unwritten: HostError) -> HostError:
    """A revoked key must not go on because a disk is full: it counts from now on, and how long is said."""
    how = "noted here, but not in effect at the gateway"
    if gateway is not None:
        with suppress(HostError):
            GatewayAdmin(front.docker, gateway.id).post("/changes", told)
            how = "in effect, but a gateway that starts anew forgets it"
    return HostError(NOT_WRITTEN, f"{how}: {unwritten.message}", where=unwritten.where, hint=unwritten.hint)


def behind_gateway(state: State, standing: dict[str, Any] | None) -> tuple[str, ...]:
    """A note where the gateway has seen a later revision: this state was put back from a backup, or has a copy."""
    if standing is None or standing.get("revision", 0) <= state.revision:
        return ()
    told = (
        "The gateway knows later changes to people or backends than this state, made by a copy of it or before it was"
    )
    return (f"{told} put back from a backup: provision undoes them",)


def outrun_gateway(state: State, standing: dict[str, Any] | None) -> tuple[str, ...]:
    """A gateway that has seen a later revision would not heed this state's; a note about it."""
    notes = behind_gateway(state, standing)
    if standing is not None and notes:
        state.outrun(standing["revision"])
    return notes


def _standing(front: Machine, spec: Spec) -> dict[str, Any]:
    """The policy that lies there. Raises UserError `policy_unreadable`."""
    found = standing_policy(front)
    if found is None or any(part not in found for part in NEEDED):
        why = "is not a policy that this version made"
        where = Where(file=Path(front.folder / FOLDER / POLICY), host=front.name)
        raise UserError("policy_unreadable", why, where=where, hint=f"Put it right: provision {spec.file}")
    return found


def _wanted(spec: Spec, state: State, old: dict[str, Any], named: frozenset[str]) -> dict[str, Any]:
    config = live_config(spec, state)
    new = with_people(old, policy(config), state.drained.all(), state.revision, named)
    if new != old and old["revision"] >= new["revision"]:
        state.outrun(old["revision"])
        new["revision"] = state.revision
    return new


def _stated(
    spec: Spec, secret: bytes, people: Sequence[Participant], backends: Iterable[str]
) -> dict[str, frozenset[str]]:
    """All that the gateway may know of them: every key they ever had too."""
    return {
        "callers": frozenset(person.id for person in people),
        "keys": frozenset(
            keys.fingerprint(keys.api_key(secret, person.id, generation))
            for person in people
            for generation in range(1, person.key_generation + 1)
        ),
        "emails": frozenset(person.webui_email(spec.workshop.name) for person in people),
        "drained": frozenset(backends),
    }


def _tell(admin: GatewayAdmin, told: dict[str, Any], *, missed: bool) -> None:
    """`missed`: it was not told of an earlier change, which the file has by now."""
    try:
        admin.post("/changes", told)
    except GatewayFullError:
        missed = True
    if missed:
        admin.reload()


def _remember(state: State, front: Machine, there: Prints) -> None:
    state.deployed.record_applied(front.name, LOADED, _digest(there))


def _digest(stack: Prints, folder: str = FOLDER) -> str:
    under = f"{folder}/"
    return digest({path.removeprefix(under): print_ for path, print_ in stack.items() if path.startswith(under)})
