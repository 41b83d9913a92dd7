"""Step: cards, list and guide lie in the workshop's folder."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.durable import replace_file
from orchestrator.errors import UserError, Where
from orchestrator.handouts.folder import write_handouts
from orchestrator.handouts.values import GuideModel, Handout, Written
from orchestrator.identity.participant import Participant
from orchestrator.plan.gateway import Window
from orchestrator.plan.instances import instances
from orchestrator.plan.policy import window
from orchestrator.render.files import PRIVATE
from orchestrator.spec import teams
from orchestrator.spec.loader import Spec
from orchestrator.spec.sections import AUTO
from orchestrator.state.failures import refusals_explained
from orchestrator.state.lock import printing
from orchestrator.state.state import State
from orchestrator.workflow.context.open import identity_of
from orchestrator.workflow.people.credentials import credentials
from orchestrator.workflow.wanted.address import INTERNAL_GATEWAY, Addresses, addresses

if TYPE_CHECKING:  # it brings the planning and rendering of a whole class along
    from orchestrator.workflow.context.run import Run

INSTRUCTOR = "instructor.txt"


def print_handouts(run: Run) -> Run:
    written = handouts(run.spec, run.state, run.planned.gateway.native)
    return run.changed(f"handouts: {written.cards} cards") if written.changed else run


def handouts(spec: Spec, state: State, native: AbstractSet[str], to: Path | None = None) -> Written:
    """Write them for everybody who is active now, into the workshop's folder or `to`.

    `native` are the models on Ollama's own routes. One command at a time: the last one has everybody's changes.
    """
    folder = to or state.folder.handouts
    with printing(state.folder):
        written = write_handouts(folder, handout(spec, state, state.people.all(), native))
        with refusals_explained(folder):
            changed = _write_instructor(folder / INSTRUCTOR, spec, state)
    return replace(written, changed=written.changed or changed)


def handout(spec: Spec, state: State, people: Sequence[Participant], native: AbstractSet[str]) -> Handout:
    workshop, where, identity = spec.workshop, addresses(spec.workshop), identity_of(spec, state)
    offered = {model.name for model in workshop.listed} & native
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
        credentials=credentials(identity, [person for person in people if person.state == "active"], state),
        models=tuple(
            GuideModel(
                model.name,
                str(model.engine),
                teams.given(model.teams),
                model.name in offered,
                not model.embeds,
            )
            for model in workshop.listed
        ),
        ollama_base=f"{where.api}/ollama" if offered else None,
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


def _write_instructor(file: Path, spec: Spec, state: State) -> bool:
    """The administrator's own sign-in, apart from the cards."""
    where = addresses(spec.workshop)
    identity = identity_of(spec, state)
    pages = [(where.webui, identity.admin())] if where.webui and spec.workshop.webui.is_here else []
    pages += [
        (where.page(one), identity.admin(one.own)) for one in instances(spec.workshop, identity.people) if one.runs
    ]
    if not pages:
        return False
    lines = [f"{spec.workshop.title}: Open WebUI as administrator"]
    for page, admin in pages:
        lines += [
            f"Address:  {page}",
            f"E-mail:   {admin.email}",
            f"Password: {admin.password.get_secret_value()}",
        ]
    content = ("\n".join(lines) + "\n").encode()
    if file.exists() and file.read_bytes() == content:
        return False
    replace_file(file, content, PRIVATE)
    return True
