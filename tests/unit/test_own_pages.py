"""What an Open WebUI of somebody's own is given: their models, their key, and nothing of anybody else."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Instance, Stack
from orchestrator.plan.instances import instances, with_instances
from orchestrator.plan.stacks import plan_stacks
from orchestrator.render.files import File
from orchestrator.settings import Settings
from orchestrator.spec.components import COMPONENTS
from orchestrator.spec.loader import Spec
from orchestrator.state.folder import StateFolder
from orchestrator.state.seats import CountedSeats
from orchestrator.state.state import State
from orchestrator.webui.wanted import Seed
from orchestrator.workflow.context.open import identity_of
from orchestrator.workflow.people.knowledge import copies_note
from orchestrator.workflow.people.own_pages import look_at_instances, of_people, seed_instances
from orchestrator.workflow.people.own_seed import parts_of, wanted_seed_at
from orchestrator.workflow.wanted.address import addresses
from orchestrator.workflow.wanted.desired import desired
from tests.unit.spec_samples import spec_of, with_models

SECRET = b"s" * 32
PEOPLE = (
    Participant("p01", name="Ada", team="red"),
    Participant("p02", team="blue"),
    Participant("p03", team="red"),
    Participant("p04", team="red", state="removed"),
)
TEXT = with_models(
    "name: open, engine: ollama, source: a",
    "name: closed, engine: ollama, source: b, teams: [blue]",
    "name: e, engine: llamacpp, source: o/r/f.gguf, embeds: true",
)
MORE = "practice: true\nwebui: {{mode: {mode}, embeddings: e, presets: [{{name: t, model: closed}}], knowledge: {knowledge}, connections: {connections}}}\n"


def spec(folder: Path, mode: str = "per_participant", *, knowledge: str = "[]", connections: str = "[]") -> Spec:
    (folder / "people.csv").write_text("name,email,team\nAda,ada@example.org,red\n", encoding="utf-8")
    more = MORE.format(mode=mode, knowledge=knowledge, connections=connections)
    return spec_of(folder, TEXT.replace("{count: 3}", "{roster: people.csv}") + more)


def seed_of(made: Spec, service: str) -> Seed:
    return wanted_seed_at(made, instance(made, service).own, who(made), "http://x:3000", parts_of(made))


def who(made: Spec, people: tuple[Participant, ...] = PEOPLE) -> Identity:
    return Identity(SECRET, made.workshop, people)


def collections(seed: Seed) -> list[tuple[str, tuple[str, ...] | None]]:
    return [(one.name, one.teams) for one in (seed.library.collections if seed.library else ())]


def instance(made: Spec, service: str) -> Instance:
    return next(one for one in instances(made.workshop, PEOPLE) if one.service == service)


def rendered(made: Spec, cache: Path) -> tuple[Stack, dict[str, File]]:
    deployment, _ = plan_stacks(made.workshop, 4, {})
    found = desired(
        made,
        deployment,
        who(made),
        deployment_id="d",
        images={component: str(component) for component in COMPONENTS},
        cache=cache,
        tls={},
    )
    (stack,) = found.deployment.stacks
    return stack, dict(found.files[stack.host.name])


def test_a_participant_administers_their_own_with_their_own_key(tmp_path: Path) -> None:
    made = spec(tmp_path)
    seed = seed_of(made, "webui-p01")
    assert [(person.id, person.role, person.team, person.active) for person in seed.people] == [
        ("p01", "admin", None, True)
    ]
    assert seed.gateway_key == who(made).key(PEOPLE[0])


def test_a_team_administers_its_own_with_a_key_of_the_team(tmp_path: Path) -> None:
    """Who left has a closed account, and so has whoever is in another team by now."""
    made = spec(tmp_path, "per_team")
    seed = seed_of(made, "webui-team-red")
    assert {person.id: person.active for person in seed.people} == {
        "p01": True,
        "p02": False,
        "p03": True,
        "p04": False,
    }
    assert {person.role for person in seed.people} == {"admin"}
    assert seed.gateway_key == who(made).page_key(instance(made, "webui-team-red").own)
    assert seed.gateway_key not in {who(made).key(person) for person in PEOPLE}


def test_files_are_read_with_a_key_of_each_own_that_is_nobodys_key_for_questions(tmp_path: Path) -> None:
    for mode, services in (
        ("per_participant", ("webui-p01", "webui-p02")),
        ("per_team", ("webui-team-red", "webui-team-blue")),
    ):
        made = spec(tmp_path, mode)
        held = [seed_of(made, service).library for service in services]
        given = {one.key.get_secret_value() for one in held if one}
        theirs = {who(made).key(person).get_secret_value() for person in PEOPLE}
        theirs |= {seed_of(made, service).gateway_key.get_secret_value() for service in services}
        assert len(given) == 2
        assert who(made).embeddings_key.get_secret_value() not in given
        assert given.isdisjoint(theirs)


def test_each_has_the_collections_that_its_people_may_use(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a")
    made = spec(tmp_path, knowledge="[{name: All, files: [a.md]}, {name: Red, files: [a.md], teams: [red]}]")
    assert collections(seed_of(made, "webui-p01")) == [("All", None), ("Red", None)]
    assert collections(seed_of(made, "webui-p02")) == [("All", None)]


def test_each_has_the_connections_that_its_people_may_use_and_none_has_a_key(tmp_path: Path) -> None:
    """Not even one that a command gave, while everybody shared one."""
    lines = ["{name: box, kind: ollama, url: 'http://b:11434'}", "{name: lab, url: 'http://l/v1', teams: [red]}"]
    made = spec(tmp_path, connections=f"[{', '.join(lines)}]")
    first, second = (seed_of(made, service).connections for service in ("webui-p01", "webui-p02"))
    assert [(one.name, one.kind, one.key, one.keeps_key, one.teams) for one in first] == [
        ("box", "ollama", None, False, None),
        ("lab", "openai", None, False, None),
    ]
    assert [one.name for one in second] == ["box"]


def test_who_may_not_ask_any_more_has_none_read_for_them(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a")
    made = spec(tmp_path, knowledge="[{name: All, files: [a.md]}]")
    out = (replace(PEOPLE[0], state="revoked"), *PEOPLE[1:])
    (one, *_) = instances(made.workshop, out)
    assert wanted_seed_at(made, one.own, who(made, out), "http://x:3000", parts_of(made)).library is None


def test_plan_says_how_much_all_the_copies_are(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a" * 1000)
    (tmp_path / "b.md").write_text("b")
    made = spec(tmp_path, knowledge="[{name: All, files: [a.md]}, {name: Red, files: [b.md], teams: [red]}]")
    deployment = with_instances(plan_stacks(made.workshop, 4, {})[0], made.workshop, PEOPLE)
    (note,) = copies_note(made, deployment)
    assert note == "each of 3 Open WebUIs reads its files itself: 5 in all, with up to about 8 embeddings by e"
    assert copies_note(spec(tmp_path), deployment) == ()


def test_each_has_the_models_and_presets_that_its_people_may_use(tmp_path: Path) -> None:
    made = spec(tmp_path)
    assert [model.name for model in seed_of(made, "webui-p01").models] == ["open"]
    assert [model.name for model in seed_of(made, "webui-p02").models] == ["open", "closed", "t"]
    assert {model.teams for model in seed_of(made, "webui-p02").models} == {None}


def test_no_secret_of_one_stands_where_another_could_read_it(tmp_path: Path) -> None:
    made = spec(tmp_path)
    _, files = rendered(made, tmp_path / "cache")
    own = {name: file.content for name, file in files.items() if name.startswith("secrets/webui-")}
    assert set(own) == {
        f"secrets/webui-p0{number}.{name}"
        for number in (1, 2, 3)
        for name in ("WEBUI_ADMIN_PASSWORD", "WEBUI_SECRET_KEY")
    }
    assert len(set(own.values())) == len(own)
    everywhere = b"".join(file.content for file in files.values())
    assert who(made).service_key.get_secret_value().encode() not in everywhere
    assert who(made).key(PEOPLE[0]).get_secret_value().encode() not in everywhere


def test_those_that_do_not_answer_are_named_by_who_only_looks(tmp_path: Path) -> None:
    text = with_models("name: m, engine: ollama, source: a").replace("count: 3", "count: 2")
    for bare in ("false", "true"):
        made = spec_of(tmp_path, text + f"webui: {{mode: per_participant, port: {closed_port()}, bare: {bare}}}\n")
        folder = StateFolder.for_spec(made.file, made.workshop.name, None)
        with State.open(folder) as state:
            state.people.reconcile(CountedSeats(1))
            identity = identity_of(made, state)
            wanted = of_people(made, state, identity.people)
            looked = look_at_instances(made, state, identity, wanted, Settings())
        assert looked.found == {}
        assert list(looked.unasked) == (["webui-p01"] if bare == "false" else [])


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_one_whose_container_is_down_is_named_and_costs_nobody_else(tmp_path: Path) -> None:
    made = spec_of(tmp_path, with_models("name: m, engine: ollama, source: a") + "webui: {mode: per_participant}\n")
    folder = StateFolder.for_spec(made.file, made.workshop.name, None)
    said: list[str] = []
    with State.open(folder) as state:
        state.people.reconcile(CountedSeats(2))
        wanted = of_people(made, state, state.people.all())
        done = seed_instances(made, state, wanted, {}, addresses(made.workshop), Settings(), said.append)
    assert done.changes == ()
    assert done.failed == dict.fromkeys(("webui-p01", "webui-p02"), "its container is not there")
    assert len(said) == 2
