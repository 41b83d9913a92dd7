"""What in a valid spec is probably not meant: names of nobody, and rules with a side effect. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.engines.registry import engine_of
from orchestrator.identity.participant import Participant
from orchestrator.spec.document import Path_
from orchestrator.spec.loader import Spec
from orchestrator.spec.models import Model
from orchestrator.spec.names import fallbacks
from orchestrator.spec.sections import AUTO
from orchestrator.spec.workshop import Workshop
from orchestrator.spelling import did_you_mean, nearest

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def remarks(spec: Spec, people: Sequence[Participant]) -> tuple[str, ...]:
    """A line for each, with its place; `people` are all who take part, whoever added them."""
    present = [person for person in people if person.state != "removed"]
    found = [*_teams(spec, present), *_persons(spec, present), *_without_page(spec, present), *_whoever_comes(spec)]
    return _placed(spec, found)


def spec_remarks(spec: Spec) -> tuple[str, ...]:
    """Those that hold whoever takes part."""
    return _placed(spec, _whoever_comes(spec))


def _whoever_comes(spec: Spec) -> Iterator[tuple[Path_, str]]:
    for look in (_wider, _in_clear, _page_elsewhere, _engines):
        yield from look(spec)


def _placed(spec: Spec, found: Iterable[tuple[Path_, str]]) -> tuple[str, ...]:
    placed = [(spec.document.where(at, key=True).line or 0, text) for at, text in found]
    return tuple(f"{spec.file.name}:{line}: {text}" for line, text in sorted(placed))


def team_slips(workshop: Workshop, people: Sequence[Participant]) -> tuple[str, ...]:
    """Of people who join: a team that is spelt almost like one that a model, a limit or the hours are for."""
    teams = {*workshop.teams, *workshop.limits.teams, *workshop.instructors}
    near = {
        team: did_you_mean(nearest(team, teams)) for person in people if (team := person.team) and team not in teams
    }
    return tuple(_with_hint(f"nothing is for the team {team!r}", hint) for team, hint in near.items() if hint)


def _teams(spec: Spec, people: Sequence[Participant]) -> Iterator[tuple[Path_, str]]:
    """A team that nobody is in, at each place that names it."""
    teams = {person.team for person in people if person.team}
    workshop = spec.workshop
    named: list[tuple[Path_, str]] = [(("limits", "teams", team), team) for team in workshop.limits.teams]
    named += [(("instructors", number), team) for number, team in enumerate(workshop.instructors)]
    named += [
        (("models", index, "teams", number), team)
        for index, model in enumerate(workshop.models)
        for number, team in enumerate(model.teams or ())
    ]
    named += [
        (("webui", section, index, "teams", number), team)
        for section in ("knowledge", "connections")
        for index, part in enumerate(getattr(workshop.webui, section))
        for number, team in enumerate(part.teams or ())
    ]
    for at, team in named:
        if team not in teams:
            yield at, _with_hint(f"nobody is in the team {team!r}", did_you_mean(nearest(team, teams)))


def _persons(spec: Spec, people: Sequence[Participant]) -> Iterator[tuple[Path_, str]]:
    known = {person.id for person in people} | {person.email.lower() for person in people if person.email}
    for who in spec.workshop.limits.participants:
        if who not in known and who.lower() not in known:
            hint = did_you_mean(nearest(who.lower(), known))
            yield ("limits", "participants", who), _with_hint(f"no participant has the id or mail {who!r}", hint)


def _wider(spec: Spec) -> Iterator[tuple[Path_, str]]:
    """A fallback answers everybody who may use the model before it."""
    models = {model.name: model for model in spec.workshop.models}
    for index, model in enumerate(spec.workshop.models):
        for other in fallbacks(model, models):
            if not other.hidden and not _covers(other, model):
                text = f"{model.name} falls back to {other.name}, also for people whose team may not name {other.name}"
                yield ("models", index, "fallback"), text


def _without_page(spec: Spec, people: Sequence[Participant]) -> Iterator[tuple[Path_, str]]:
    """Who has no Open WebUI, and who can't connect theirs."""
    webui, host = spec.workshop.webui, spec.workshop.public.host
    if webui.mode == "per_team" and (without := [person.id for person in people if not person.team]):
        yield ("webui", "mode"), f"without a team there is no Open WebUI: {', '.join(without)}"
    if webui.bare and host in LOOPBACK:
        yield ("public", "host"), f"an Open WebUI that people connect by hand can't reach {host}: that is itself"


def _page_elsewhere(spec: Spec) -> Iterator[tuple[Path_, str]]:
    """What the way from a server of others to the gateway needs."""
    url, public = spec.workshop.webui.url, spec.workshop.public
    if url is None or spec.workshop.practice:
        return
    if public.tls is None:
        yield ("webui", "url"), f"the gateway's key travels unencrypted from {url}: public.tls is absent"
    elif public.tls == AUTO:
        text = (
            f"{url} must trust this workshop's authority: give its server handouts/workshop-ca.crt (SSL_CERT_FILE), "
            "or public.tls a certificate that it knows"
        )
        yield ("public", "tls"), text


def _engines(spec: Spec) -> Iterator[tuple[Path_, str]]:
    for index, model in enumerate(spec.workshop.models):
        if remark := engine_of(model).remark:
            yield ("models", index, "engine"), f"{model.name}: {remark}"


def _covers(other: Model, model: Model) -> bool:
    return other.teams is None or (model.teams is not None and set(model.teams) <= set(other.teams))


def _in_clear(spec: Spec) -> Iterator[tuple[Path_, str]]:
    for index, model in enumerate(spec.workshop.models):
        if model.api_key and (model.endpoint or "").startswith("http://") and not spec.workshop.practice:
            yield ("models", index, "base_url"), f"the key of {model.name} travels unencrypted: its base_url is http://"
    for index, connection in enumerate(spec.workshop.webui.connections):
        if connection.api_key and connection.url.startswith("http://") and not spec.workshop.practice:
            text = f"the key of the connection {connection.name} travels unencrypted: its url is http://"
            yield ("webui", "connections", index, "url"), text


def _with_hint(text: str, hint: str | None) -> str:
    return f"{text}. {hint}" if hint else text
