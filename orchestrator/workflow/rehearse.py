"""The `rehearse` command: the whole class at once, before it comes, over the gateway and over Open WebUI."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.checks.rehearsal.background import Background
from orchestrator.checks.rehearsal.document import document
from orchestrator.checks.rehearsal.figures import figures
from orchestrator.checks.rehearsal.picture import picture
from orchestrator.checks.rehearsal.play import Play
from orchestrator.checks.rehearsal.queues import Engines, queues
from orchestrator.checks.rehearsal.result import Rehearsal, step_result
from orchestrator.checks.rehearsal.values import Bounds, Glance, Step
from orchestrator.checks.rehearsal.voices import Stage
from orchestrator.checks.trust import authorities
from orchestrator.errors import UserError
from orchestrator.fleet.docker_host import DockerHost
from orchestrator.fleet.gateway_admin import GatewayAdmin
from orchestrator.identity.limits import UNBOUNDED, CallerLimits
from orchestrator.plan.deployment import GATEWAY_SERVICE
from orchestrator.resources import TEMPLATES
from orchestrator.settings import Settings
from orchestrator.spec.loader import Spec
from orchestrator.spec.models import Model
from orchestrator.state.clock import utc_now
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import PRIVATE_FOLDER
from orchestrator.state.lock import workshop_lock
from orchestrator.state.state import State
from orchestrator.webui.client import WebUI
from orchestrator.webui.seed import as_admin
from orchestrator.workflow.context.hosts import holding_front
from orchestrator.workflow.context.open import identity_of, provisioned_folder
from orchestrator.workflow.context.report import Report
from orchestrator.workflow.gateway.certificates import trusted, trusted_nearby
from orchestrator.workflow.images.foresee import unavailable
from orchestrator.workflow.rehearsal.guests import accounts, admitted, invited
from orchestrator.workflow.rehearsal.plan import Asked, backends_of, chosen, extent_of, percent_over_page, remarks
from orchestrator.workflow.wanted.address import addresses
from orchestrator.workflow.wanted.desired import planned
from orchestrator.workflow.wanted.sizes import known

LOOK = 1.0  # s between looks at the engines
READY = 30  # s for Open WebUI to answer


def rehearse(
    spec: Spec, settings: Settings, state_dir: Path | None, asked: Asked, report: Report
) -> tuple[Rehearsal, dict[str, object]]:
    """The result, and the document that lies beside its picture. Nothing else is left behind.

    Raises UserError: `not_provisioned`, `model_unknown`, `only_external`, `model_silent`, `no_webui`, `lock_held`,
    `deployed_by_another`.
    """
    folder, workshop = provisioned_folder(spec, state_dir, settings), spec.workshop
    with (
        workshop_lock(folder, "rehearse"),
        State.read(folder) as state,
        holding_front(spec, settings, state, "rehearse") as front,
    ):
        docker = front.docker
        gateway = _gateway(docker, spec)
        where, people = addresses(workshop), state.people.all()
        deployment = planned(spec, unavailable(spec, state), known(spec, state))
        models = chosen(spec, asked.models)
        extent = extent_of(asked, people, models, practice=workshop.practice)
        percent = percent_over_page(asked, has_webui=where.webui is not None and not workshop.webui.is_elsewhere)
        comers = invited(extent.people, list(models), percent, identity_of(spec, state))
        limits = CallerLimits(**workshop.limits.default) if asked.limited else UNBOUNDED
        webui = None
        if where.local_webui and any(guest.account for guest in comers):
            report.step("Making accounts")
            webui = _administrator(where.local_webui, spec, state)
        with (
            accounts(webui, comers, models, workshop.name, concurrency=settings.webui_concurrency) as guests,
            admitted(
                GatewayAdmin(docker, gateway),
                guests,
                list(models),
                limits,
                extent.seconds,
            ),
        ):
            tls = authorities(trusted(spec, folder)).context
            stage = Stage(where.api, where.webui, tls, guests, extent, asked.bounds)
            done = _play(spec, stage, models, Engines(docker, gateway, backends_of(deployment, models)), report)
            done = replace(done, notes=(*remarks(spec, models, comers, guests), *done.notes))
    files = _files(asked.to or folder.rehearsals)
    told = document(done, files)
    with refusals_explained(files["json"].parent):
        files["json"].parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        files["json"].write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        files["picture"].write_text(picture(done, TEMPLATES / "rehearsal"), encoding="utf-8")
    return done, told


def _administrator(url: str, spec: Spec, state: State) -> WebUI:
    webui = WebUI(url, verify_tls=trusted_nearby(spec, state.folder))
    webui.wait_ready(READY)
    session = state.accounts.session  # of the last command: only so many sign-ins are taken
    admin = identity_of(spec, state).admin()
    return as_admin(webui.signed_in(session) if session else webui, admin)


def _gateway(docker: DockerHost, spec: Spec) -> str:
    """The running gateway's container."""
    state = docker.container(spec.workshop.name, GATEWAY_SERVICE)
    if state is None or not state.is_up:
        raise UserError("not_provisioned", "this workshop does not run here", hint=f"provision {spec.file.name}")
    return state.id


def _play(spec: Spec, stage: Stage, models: Mapping[str, Model], engines: Engines, report: Report) -> Rehearsal:
    at, began, bounds = utc_now(), time.monotonic(), stage.bounds
    play = Play(
        stage,
        began,
        begins=lambda people: report.step(f"{people} at once"),
        ended=lambda step: report.say(_told(step, bounds)),
    )
    seen: list[Glance] = []
    report.step("Signing in, first answers")
    with Background(play.run()) as background:
        while not background.wait(LOOK):
            seen += engines.look(time.monotonic() - began)
        played = background.result()
    page = sum(guest.account is not None for guest in stage.guests)
    return Rehearsal(
        workshop=spec.workshop.name,
        title=spec.workshop.title,
        at=at,
        practice=spec.workshop.practice,
        bounds=bounds,
        extent=stage.extent,
        models=tuple(name for name in models if name not in played.silent),
        engines={name: str(model.engine) for name, model in models.items()},
        over={"gateway": len(stage.guests) - page, "webui": page},
        steps=tuple(
            step_result(step, bounds, queues(seen, engines.backends, step.began, step.seconds)) for step in played.steps
        ),
        sign_ins=played.sign_ins,
        stopped=played.stopped,
        lag=played.lag,
        prompt_tokens=play.budget.prompt,
        completion_tokens=play.budget.completion,
        seconds=time.monotonic() - began,
        notes=tuple(f"{name} does not chat: it was left out." for name in played.silent),
    )


def _told(step: Step, bounds: Bounds) -> str:
    found = figures(step.answers, bounds)
    first = f", first token {found.first_token.p95:.2f} s" if found.first_token else ""
    rate = f", {found.rate.p95:.0f} tokens/s" if found.rate else ""
    failed = f", {found.failed} failed" if found.failed else ""
    return f"{found.good} of {found.answers} answers in time{first}{rate}{failed}"


def _files(folder: Path) -> dict[str, Path]:
    return {"json": folder.absolute() / "rehearsal.json", "picture": folder.absolute() / "rehearsal.svg"}
