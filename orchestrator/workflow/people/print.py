"""Step: cards, list and guide lie in the workshop's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.durable import replace_file
from orchestrator.errors import UserError, Where
from orchestrator.handouts.folder import write_handouts
from orchestrator.handouts.values import GuideModel, Handout, Written
from orchestrator.participants import Participant
from orchestrator.plan.gateway import RoutedModel, Window
from orchestrator.plan.instances import instances
from orchestrator.plan.policy import instructor_email, window
from orchestrator.render.files import PRIVATE
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.spec.sections import AUTO
from orchestrator.state.failures import refusals_explained
from orchestrator.state.state import State
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.people.credentials import credentials
from orchestrator.workflow.wanted.address import Addresses
from orchestrator.workflow.wanted.desired import INTERNAL_GATEWAY, admin_password

INSTRUCTOR = "instructor.txt"


def print_handouts(run: Run) -> Run:
    written = handouts(run.spec, run.state, run.people, run.planned.addresses, run.planned.gateway.models)
    return run.changed(f"handouts: {written.cards} cards") if written.changed else run


def handouts(
    spec: Spec,
    state: State,
    people: tuple[Participant, ...],
    where: Addresses,
    models: tuple[RoutedModel, ...],
    to: Path | None = None,
) -> Written:
    """Write them for everybody active, into the workshop's folder or `to`."""
    folder = to or state.folder.handouts
    written = write_handouts(folder, handout(spec, state, people, where, models))
    with refusals_explained(folder):
        changed = _write_instructor(folder / INSTRUCTOR, spec, state, where)
    return replace(written, changed=written.changed or changed)


def handout(
    spec: Spec,
    state: State,
    people: tuple[Participant, ...],
    where: Addresses,
    models: tuple[RoutedModel, ...],
) -> Handout:
    workshop = spec.workshop
    native = {model.name for model in models if model.ollama}
    return Handout(
        workshop=workshop.name,
        title=workshop.title,
        window_text=_window_text(window(workshop)),
        api_base=where.api_base,
        webui_url=where.webui,
        own_pages=spec.workshop.webui.mode if where.own_pages else None,
        connect_at=_connect_at(spec, where) if spec.workshop.webui.bare else None,
        paper=workshop.handouts.paper,
        per_page=workshop.handouts.per_page,
        fonts=spec.path(workshop.handouts.fonts) if workshop.handouts.fonts else None,
        credentials=credentials(workshop, [person for person in people if person.state == "active"], state, where),
        models=tuple(
            GuideModel(
                model.name,
                str(model.engine),
                teams.given(model.teams),
                model.name in native,
                not model.embeds,
            )
            for model in workshop.listed
        ),
        ollama_base=f"{where.api}/ollama" if native else None,
        instructor_contact=workshop.handouts.contact,
        practice=workshop.practice,
        ca_certificate=_ca_certificate(spec, state),
    )


def _connect_at(spec: Spec, where: Addresses) -> str:
    """The card's address, unless its certificate is of an authority that Open WebUI does not know."""
    return INTERNAL_GATEWAY if spec.workshop.public.tls == AUTO else where.api_base


def _ca_certificate(spec: Spec, state: State) -> Path | None:
    if spec.workshop.public.tls != AUTO:
        return None
    file = state.folder.ca_certificate
    if not file.exists():
        raise UserError("not_provisioned", "no certificate was made yet", where=Where(file=file), hint="provision SPEC")
    return file


def _window_text(times: Window) -> str | None:
    return f"{times.opens_text} to {times.closes_text}" if times.opens_text else None


def _write_instructor(file: Path, spec: Spec, state: State, where: Addresses) -> bool:
    """The administrator's own sign-in, apart from the cards."""
    pages = {"": where.webui} if where.webui and spec.workshop.webui.is_here else {}
    pages |= {one.service: where.page(one) for one in instances(spec.workshop, state.people.all()) if one.runs}
    if not pages:
        return False
    lines = [f"{spec.workshop.title}: Open WebUI as administrator"]
    for instance, page in pages.items():
        lines += [
            f"Address:  {page}",
            f"E-mail:   {instructor_email(spec.workshop.name)}",
            f"Password: {admin_password(state.secret, instance).get_secret_value()}",
        ]
    content = ("\n".join(lines) + "\n").encode()
    if file.exists() and file.read_bytes() == content:
        return False
    replace_file(file, content, PRIVATE)
    return True
