"""What the state says of people and backends, brought to a gateway that runs: first its file, then its memory.

The order makes it safe to be killed anywhere: the file wins when nginx starts, and the state knows which files nginx
has loaded or was told of, so that the next command or `provision` makes up for what was missed. All that is about
models stays as it stands: nothing is planned here, so no slip in a spec keeps a revoked key in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from orchestrator.errors import HostError, UserError, Where
from orchestrator.fleet.docker_host import ContainerState, DockerHost
from orchestrator.fleet.gateway_admin import GatewayAdmin, GatewayDownError, GatewayFullError
from orchestrator.fleet.machine import Machine, RulesThere
from orchestrator.identity.callers import callers
from orchestrator.identity.identity import Identity
from orchestrator.identity.keys import fingerprint
from orchestrator.identity.limits import CallerLimits
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import GATEWAY_SERVICE
from orchestrator.plan.policy_difference import is_nothing, policy_difference
from orchestrator.render.files import File, Files, Prints, digest, prints
from orchestrator.render.policy_file import of_callers, policy_text, with_people
from orchestrator.spec.loader import Spec
from orchestrator.state.state import State
from orchestrator.workflow.context.open import identity_of
from orchestrator.workflow.gateway.standing import FOLDER, PATH, require_newest, required_policy, rules_there, signed

NOT_WRITTEN = "file_not_written"
ALIVE = {"running", "paused"}
LOADED = "gateway rules"  # a step in the state: the digest of the files that nginx loaded or was told of
TRIES = 20  # at writing a file that others write too


def rules_digest(files: Files, folder: str = FOLDER) -> str:
    """Of the files among a stack's that its gateway loads, or its edge (`folder`)."""
    return prints_digest(prints(files), folder)


def prints_digest(stack: Prints, folder: str = FOLDER) -> str:
    """The same, of files that lie on a host."""
    under = f"{folder}/"
    return digest({path.removeprefix(under): print_ for path, print_ in stack.items() if path.startswith(under)})


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


def bring_into_effect(
    spec: Spec,
    state: State,
    front: Machine,
    *,
    people: Iterable[Participant] = (),
    backends: Iterable[str] = (),
    there: RulesThere | None = None,
) -> tuple[str, ...]:
    """Notes in words, when it is not in effect yet; none when it is.

    `people` and `backends` are those whom the command is about: they are told even where the file is right already.
    `there` is what was seen of the gateway's files a moment ago. Raises UserError `policy_unreadable`,
    `state_outdated`; HostError `file_not_written`, as on a full disk; a gateway that runs was told all the same.
    """
    there, people = there or rules_there(front), tuple(people)
    if PATH not in there.files:
        return ("The gateway was never started: this is in effect once provision has started it",)
    identity, unwritten = identity_of(spec, state), None
    for _ in range(TRIES):
        old = required_policy(front, there, spec)
        require_newest(state, old, front.name, spec.file)
        new = _wanted(identity, state, old, frozenset(person.id for person in people))
        text = policy_text(new).encode()
        try:
            if new == old or front.replace(PATH, text, before=there.content or b""):
                break
        except HostError as problem:
            if problem.code != NOT_WRITTEN:
                raise
            unwritten = problem
            break
        there = rules_there(front)
    else:
        raise _never_still(front)
    before, after = prints_digest(there.files), prints_digest(_with_file(there, text) if new != old else there.files)
    gateway = front.docker.container(spec.workshop.name, GATEWAY_SERVICE)
    told = policy_difference(old, new, stated=_stated(identity, people, backends))
    if unwritten:
        raise _only_told(front, gateway, told, unwritten)
    if gateway is None or gateway.state not in ALIVE:
        state.deployed.record_applied(front.name, LOADED, after)  # whenever it starts, it loads these
        return ("The gateway does not run: this is in effect as soon as it starts",)
    if gateway.state == "paused":  # it goes on with what it has in memory
        return ("The gateway is paused: this is in effect once provision has woken it",)
    admin = GatewayAdmin(front.docker, gateway.id)
    try:
        _tell(admin, told, missed=state.deployed.applied(front.name).get(LOADED) not in {None, before})
    except GatewayDownError:
        return ("The gateway is starting: this is in effect as soon as it answers",)
    state.deployed.record_applied(front.name, LOADED, after)
    return ()


def _wanted(identity: Identity, state: State, old: dict[str, Any], named: frozenset[str]) -> dict[str, Any]:
    usual = CallerLimits(**identity.workshop.limits.default)
    people, drained = of_callers(callers(identity), usual), state.drained.all()
    new = with_people(old, people, drained, state.changes.revision, signed(state), named)
    if new != old and old["revision"] >= new["revision"]:
        state.changes.outrun(old["revision"])
        new |= {"revision": state.changes.revision, "change": signed(state)}
    return new


def _with_file(there: RulesThere, text: bytes) -> Prints:
    return {**there.files, **prints({PATH: File(text, there.files[PATH].mode)})}


def _never_still(front: Machine) -> UserError:
    message = "the gateway's policy is written by somebody else all the time: this is noted here, but not in effect"
    return UserError("policy_busy", message, where=Where(host=front.name), hint="Run this again")


def _only_told(front: Machine, gateway: ContainerState | None, told: dict[str, Any], unwritten: HostError) -> HostError:
    """A revoked key must not go on because a disk is full: it counts from now on, and how long is said."""
    how = "noted here, but not in effect at the gateway"
    if gateway is not None:
        with suppress(HostError):
            GatewayAdmin(front.docker, gateway.id).post("/changes", told)
            how = "in effect, but a gateway that starts anew forgets it"
    return HostError(NOT_WRITTEN, f"{how}: {unwritten.message}", where=unwritten.where, hint=unwritten.hint)


def _stated(identity: Identity, people: Sequence[Participant], backends: Iterable[str]) -> dict[str, frozenset[str]]:
    """All that the gateway may know of them: every key they ever had too."""
    return {
        "callers": frozenset(person.id for person in people),
        "keys": frozenset(fingerprint(key) for person in people for key in identity.keys_ever(person)),
        "emails": frozenset(person.webui_email(identity.workshop.name) for person in people),
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
