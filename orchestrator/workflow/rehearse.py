"""The `rehearse` command: the whole class at once, before it comes, over the gateway and over Open WebUI."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from orchestrator.checks.rehearsal.background import Background
from orchestrator.checks.rehearsal.document import document
from orchestrator.checks.rehearsal.figures import figures
from orchestrator.checks.rehearsal.picture import picture
from orchestrator.checks.rehearsal.play import Play
from orchestrator.checks.rehearsal.queues import Engines, queues
from orchestrator.checks.rehearsal.result import Rehearsal, step_result
from orchestrator.checks.rehearsal.values import Backend, Bounds, Extent, Glance, Guest, Step
from orchestrator.checks.rehearsal.voices import Stage
from orchestrator.checks.trust import authorities
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import DockerHost, connect_local
from orchestrator.fleet.gateway_admin import GatewayAdmin
from orchestrator.participants import Participant
from orchestrator.plan.deployment import GATEWAY_SERVICE, Deployment
from orchestrator.plan.policy import UNBOUNDED, gateway_config, instructor_email
from orchestrator.plan.practice import CONTEXT as PRACTICE_CONTEXT
from orchestrator.resources import TEMPLATES
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.spec.models import Engine, Model
from orchestrator.state.clock import utc_now
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import PRIVATE_FOLDER
from orchestrator.state.lock import WorkshopLock
from orchestrator.state.state import State
from orchestrator.webui.client import WebUI
from orchestrator.workflow.address import Addresses, addresses
from orchestrator.workflow.deploy import only_host
from orchestrator.workflow.desired import admin_password, planned
from orchestrator.workflow.foresee import unavailable
from orchestrator.workflow.guests import accounts, admitted, invited
from orchestrator.workflow.open import state_folder
from orchestrator.workflow.run import Report

LOOK = 1.0  # s between looks at the engines
READY = 30  # s for Open WebUI to answer
BUDGET = 6000  # tokens for each person, unless told otherwise
SHARE = 50  # per cent of the people who go over the page
CONTEXT = 4096  # tokens, where neither spec nor engine says
LONG_SHARE = 0.3  # of a context, in characters: an answer and two more questions fit beside it
ASKED_FOR = Bounds()
LONGEST = 4000  # characters of a long question


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says; None: what fits the workshop."""

    people: int | None = None  # as many as take part
    seconds: float = 600
    tokens: int = 128
    budget: int | None = None
    models: tuple[str, ...] = ()  # none: all that run on own engines
    webui_percent: int | None = None
    think: float = 4
    limited: bool = True  # by the limits of the class
    bounds: Bounds = ASKED_FOR
    to: Path | None = None


def rehearse(
    spec: Spec, settings: Settings, state_dir: Path | None, asked: Asked, report: Report
) -> tuple[Rehearsal, dict[str, object]]:
    """The result, and the document that lies beside its picture. Nothing else is left behind.

    Raises UserError: `not_provisioned`, `model_unknown`, `model_silent`, `no_webui`, `lock_held`.
    """
    folder, workshop = state_folder(spec, state_dir, settings), spec.workshop
    with State.read(folder) as before:
        before.secret  # noqa: B018 - raises where nothing was provisioned
    with WorkshopLock(folder, "rehearse"), State.read(folder) as state:
        docker = connect_local(only_host(spec))
        gateway = _gateway(docker, spec)
        where, people = addresses(workshop), state.people.all()
        deployment = planned(spec, unavailable(spec, state))
        models = chosen(spec, asked.models)
        config = gateway_config(workshop, deployment, people, state.secret, {})
        extent = _extent(asked, people, models, practice=workshop.practice)
        comers = invited(extent.people, list(models), _percent(asked, where), workshop.name)
        webui = None
        if where.local_webui and any(guest.account for guest in comers):
            report.step("Making accounts")
            webui = WebUI(where.local_webui, verify_tls=False)  # over loopback, where the name is not used
            webui.wait_ready(READY)
            webui = webui.sign_in(instructor_email(workshop.name), admin_password(state.secret))
        limits = config.limits if asked.limited else UNBOUNDED
        with (
            accounts(webui, comers, models, workshop.name, concurrency=settings.webui_concurrency) as guests,
            admitted(GatewayAdmin(docker, gateway), guests, list(models), limits, extent.seconds),
        ):
            engines = Engines(docker, gateway, backends := _backends(deployment, models))
            done = _play(spec, asked, extent, where, guests, models, engines, backends, report)
    files = _files(asked.to or folder.rehearsals)
    told = document(done, files)
    with refusals_explained(files["json"].parent):
        files["json"].parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        files["json"].write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        files["picture"].write_text(picture(done, TEMPLATES / "rehearsal"), encoding="utf-8")
    return done, told


def chosen(spec: Spec, names: Sequence[str]) -> dict[str, Model]:
    """The models that are asked, by name: those that were named, else all that run on the workshop's own engines."""
    there = {model.name: model for model in spec.workshop.models}
    for name in names:
        if name not in there:
            near = get_close_matches(name, there, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(there)}"
            raise UserError("model_unknown", f"the workshop has no model {name!r}", hint=hint)
    if names:
        return {name: there[name] for name in dict.fromkeys(names)}
    own = {
        name: model
        for name, model in there.items()
        if spec.workshop.practice or model.engine is not Engine.EXTERNAL  # a provider sends a bill
    }
    if not own:
        hint = "Name those that may be asked, at your cost: --model NAME"
        raise UserError("only_external", "every model of this workshop is a provider's", hint=hint)
    return own


def _gateway(docker: DockerHost, spec: Spec) -> str:
    """The running gateway's container."""
    state = docker.containers(spec.workshop.name).get(GATEWAY_SERVICE)
    if state is None or not state.is_up:
        raise UserError("not_provisioned", "this workshop does not run here", hint=f"provision {spec.file.name}")
    return state.id


def _extent(asked: Asked, people: Sequence[Participant], models: Mapping[str, Model], *, practice: bool) -> Extent:
    active = [person for person in people if person.state == "active"]
    number = asked.people or sum(not person.spare for person in active) or len(active) or 1
    contexts = [PRACTICE_CONTEXT if practice else model.context or CONTEXT for model in models.values()]
    return Extent(
        people=number,
        seconds=asked.seconds,
        tokens=asked.tokens,
        budget=asked.budget or BUDGET * number,
        think=asked.think,
        prompt=round(min(LONGEST, LONG_SHARE * min(contexts))),
    )


def _percent(asked: Asked, where: Addresses) -> int:
    if where.webui is None and asked.webui_percent:
        raise UserError("no_webui", "this workshop has no Open WebUI", hint="Leave out --webui-share")
    return 0 if where.webui is None else SHARE if asked.webui_percent is None else asked.webui_percent


def _backends(deployment: Deployment, models: Mapping[str, Model]) -> tuple[Backend, ...]:
    return tuple(
        Backend(one.service, one.model, one.host, f"http://{one.server.host}:{one.server.port}/metrics")
        for one in deployment.backends
        if one.model in models
    )


def _play(
    spec: Spec,
    asked: Asked,
    extent: Extent,
    where: Addresses,
    guests: tuple[Guest, ...],
    models: Mapping[str, Model],
    engines: Engines,
    backends: Sequence[Backend],
    report: Report,
) -> Rehearsal:
    workshop, at, began = spec.workshop, utc_now(), time.monotonic()
    stage = Stage(where.api, where.webui, tls, guests, extent, asked.bounds)
    play = Play(
        stage, began, lambda people: report.step(f"{people} at once"), lambda step: report.say(_told(step, asked))
    )
    seen: list[Glance] = []
    report.step("Signing in, first answers")
    with Background(play.run()) as background:
        while not background.wait(LOOK):
            seen += engines.look(time.monotonic() - began)
        played = background.result()
    page = sum(guest.account is not None for guest in guests)
    return Rehearsal(
        workshop=workshop.name,
        title=workshop.title,
        at=at,
        practice=workshop.practice,
        bounds=asked.bounds,
        extent=extent,
        models=tuple(name for name in models if name not in played.silent),
        engines={name: str(model.engine) for name, model in models.items()},
        over={"gateway": len(guests) - page, "webui": page},
        steps=tuple(
            step_result(step, asked.bounds, queues(seen, backends, step.began, step.seconds)) for step in played.steps
        ),
        sign_ins=played.sign_ins,
        stopped=played.stopped,
        lag=played.lag,
        prompt_tokens=play.budget.prompt,
        completion_tokens=play.budget.completion,
        seconds=time.monotonic() - began,
        notes=tuple(f"{name} does not chat: it was left out." for name in played.silent),
    )


def _told(step: Step, asked: Asked) -> str:
    found = figures(step.answers, asked.bounds)
    first = f", first token {found.first_token.p95:.2f} s" if found.first_token else ""
    rate = f", {found.rate.p95:.0f} tokens/s" if found.rate else ""
    failed = f", {found.failed} failed" if found.failed else ""
    return f"{found.good} of {found.answers} answers in time{first}{rate}{failed}"


def _files(folder: Path) -> dict[str, Path]:
    return {"json": folder.absolute() / "rehearsal.json", "picture": folder.absolute() / "rehearsal.svg"}
