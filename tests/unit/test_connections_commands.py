"""What commands on connections keep in the state, how it goes with the spec, and what leaves with an export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.doctor.known import known_secrets
from orchestrator.errors import UserError
from orchestrator.handover import sealed
from orchestrator.handover.named import A_SECRET
from orchestrator.spec.loader import Spec, load
from orchestrator.state.connections import ConnectionOverride
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.connections import commands
from orchestrator.workflow.wanted.connections import kept, overrides, wanted_connections
from tests.unit.command_line import Answer, ask
from tests.unit.handover_class import give, make_class, take

SPEC = """\
name: class
title: A class
public: {host: 127.0.0.1}
participants: {count: 3}
models: [{name: m, engine: llamacpp, source: ggml-org/models/tinyllamas/stories260K.gguf}]
webui:
  connections:
    - {name: lab, url: "http://lab/v1", api_key: "${file:lab.key}", prefix: lab, models: [a, b]}
practice: true
"""
NEW = {"url": "http://new/v1", "prefix": "new"}


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "workshop.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "lab.key").write_text("of-the-spec", encoding="utf-8")
    return load(tmp_path / "workshop.yaml")


@pytest.fixture
def state(spec: Spec) -> Iterator[State]:
    with State.open(StateFolder.for_spec(spec.file, "class")) as opened:
        opened.begin("class", spec.file)
        yield opened


def do(spec: Spec, state: State, command: commands.Command) -> list[str]:
    """As `change` does it, without Open WebUI."""
    with state.transaction():
        told = command.decide(spec, state)
        commands.require_no_clashes(spec, state)
    state.connections.forget_keys()
    return [f"{one.name}: {one.what}" for one in told]


def code(spec: Spec, state: State, command: commands.Command) -> str:
    before = state.connections.all()
    with pytest.raises(UserError) as caught:
        do(spec, state, command)
    assert state.connections.all() == before
    return caught.value.code


def test_an_added_one_stands_behind_those_of_the_spec_until_it_is_deleted(spec: Spec, state: State) -> None:
    assert do(spec, state, commands.add("new", NEW, SecretStr("k-new"))) == ["new: added"]

    lab, new = wanted_connections(spec, state)
    assert (lab.name, lab.key) == ("lab", SecretStr("of-the-spec"))
    assert (new.name, new.url, new.prefix, new.key) == ("new", "http://new/v1", "new", SecretStr("k-new"))
    assert [(one.name, one.origin, one.changed) for one in kept(spec, state)] == [
        ("lab", "spec", ()),
        ("new", "command", ()),
    ]
    assert overrides(spec, state) == ["connection new: added, by command, and stays so"]
    assert code(spec, state, commands.add("new", NEW, None)) == "connection_exists"
    assert do(spec, state, commands.delete(["new"])) == ["new: deleted"]
    assert [one.name for one in kept(spec, state)] == ["lab"]
    assert list(state.folder.provider_keys.iterdir()) == []


def test_one_of_the_spec_is_changed_taken_out_and_brought_back(spec: Spec, state: State) -> None:
    do(spec, state, commands.update("lab", {"url": "http://other", "models": None}, from_spec=False))
    do(spec, state, commands.rotate("lab", SecretStr("rotated")))
    assert do(spec, state, commands.set_enabled(["lab"], enabled=False)) == ["lab: switched off"]
    assert do(spec, state, commands.set_enabled(["lab"], enabled=False)) == ["lab: was switched off already"]

    (lab,) = wanted_connections(spec, state)
    assert (lab.url, lab.models, lab.key, lab.enabled) == ("http://other", (), SecretStr("rotated"), False)
    assert overrides(spec, state) == [
        "connection lab: switched off; models, url changed; given another key, by command, and stays so"
    ]
    assert kept(spec, state)[0].changed == ("enabled", "models", "url")

    do(spec, state, commands.delete(["lab"]))
    assert wanted_connections(spec, state) == ()
    assert overrides(spec, state) == ["connection lab: taken out, by command, and stays so"]
    assert code(spec, state, commands.set_enabled(["lab"], enabled=True)) == "connection_unknown"
    assert do(spec, state, commands.update("lab", {}, from_spec=True)) == ["lab: is as the spec says again"]
    (again,) = wanted_connections(spec, state)
    assert (again.url, again.key, again.models) == ("http://lab/v1", SecretStr("of-the-spec"), ("a", "b"))
    assert state.connections.all() == {}


def test_what_can_not_be_is_refused_before_anything_changes(spec: Spec, state: State) -> None:
    assert code(spec, state, commands.update("lba", {"url": "http://x"}, from_spec=False)) == "connection_unknown"
    assert code(spec, state, commands.update("x", {}, from_spec=True)) == "connection_not_in_spec"
    assert code(spec, state, commands.add("new", {"url": "ftp://x"}, None)) == "connection_invalid"
    assert code(spec, state, commands.add("New Name", NEW, SecretStr("k"))) == "connection_invalid"
    assert code(spec, state, commands.add("new", {"url": "http://x", "models": ["m"]}, None)) == "connection_clash"
    clash = {"url": "http://x", "prefix": "lab", "models": ["a"]}
    assert code(spec, state, commands.add("new", clash, None)) == "connection_clash"
    assert not state.folder.provider_keys.exists()


def test_keys_by_command_are_private_and_known_to_the_doctor_and_stay_out_of_the_database(
    spec: Spec, state: State
) -> None:
    do(spec, state, commands.rotate("lab", SecretStr("sentinel-key-1")))

    file = state.folder.provider_keys / "lab"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"sentinel" not in state.folder.database.read_bytes()
    assert "sentinel-key-1" in set(known_secrets(spec, state, {}, Path("/none")))
    assert "sentinel" not in repr(wanted_connections(spec, state))
    state.folder.forget()
    assert not file.exists()


def test_a_key_that_did_not_come_along_is_left_as_the_server_has_it(spec: Spec, state: State) -> None:
    state.connections.put(ConnectionOverride("lab", key_given=True))

    (lab,) = wanted_connections(spec, state)

    assert (lab.key, lab.keeps_key) == (None, True)


def test_an_export_takes_keys_along_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_COST", 2)
    first = make_class(tmp_path)
    spec = load(first / "workshop.yaml")
    with State.open(StateFolder.for_spec(spec.file, "demo")) as state:
        do(spec, state, commands.add("new", NEW, SecretStr("k-new")))

    without = give(first, tmp_path / "without")
    assert ("the key of the connection new", A_SECRET) in [(one.what, one.why) for one in without.left_out]
    for name, file, key in (
        ("a", without.file, None),
        ("b", give(first, tmp_path / "w", with_secrets=True).file, "k-new"),
    ):
        take(file, tmp_path / name)
        with State.read(StateFolder(tmp_path / name / ".workshop" / "demo")) as state:
            assert list(state.connections.all()) == ["new"]
            assert state.connections.key("new") == (SecretStr(key) if key else None)


def command(folder: Path, *arguments: str, code: int) -> Answer:
    answer = ask(folder, "connections", *arguments, environment={"DOCKER_HOST": f"unix://{folder}/no.sock"})
    assert answer.returncode == code, answer.stdout + answer.stderr
    return answer


def error(answer: Answer) -> Any:
    return json.loads(answer.stdout)["error"]["code"]


def test_a_key_is_never_an_argument_and_a_file_with_it_is_private(spec: Spec, state: State) -> None:
    new = ("add", "workshop.yaml", "--name", "new", "--url", "http://new/v1")
    assert "--api-key-file FILE, - for stdin, or --no-key" in command(spec.folder, *new, code=2).stderr
    assert "--api-key-file FILE" in command(spec.folder, "rotate", "workshop.yaml", "lab", code=2).stderr
    file = spec.folder / "new.key"
    file.write_text("", encoding="utf-8")
    file.chmod(0o600)
    asked = (*new, "--api-key-file", str(file), "--output", "json")
    assert error(command(spec.folder, *asked, code=1)) == "key_missing"
    file.write_text("k", encoding="utf-8")
    file.chmod(0o644)
    assert error(command(spec.folder, *asked, code=1)) == "key_exposed"
    file.write_text("Grüße", encoding="utf-8")
    file.chmod(0o600)
    assert error(command(spec.folder, *asked, code=1)) == "secret_invalid"
    assert state.connections.all() == {}


def test_a_command_line_that_says_nothing_or_two_things_is_refused(spec: Spec) -> None:
    assert "Nothing to change" in command(spec.folder, "update", "workshop.yaml", "lab", code=2).stderr
    both = ("update", "workshop.yaml", "lab", "--model", "a", "--all-models")
    assert "do not go together" in command(spec.folder, *both, code=2).stderr


def test_without_open_webui_there_are_no_connections(spec: Spec, state: State) -> None:
    spec.file.write_text(SPEC.partition("webui:")[0] + "webui: {mode: none}\npractice: true\n", encoding="utf-8")
    for verb in (("list", "workshop.yaml"), ("disable", "workshop.yaml", "lab"), ("verify", "workshop.yaml")):
        assert error(command(spec.folder, *verb, "--output", "json", code=1)) == "no_webui"


def test_before_anything_was_provisioned_there_is_a_clear_error(spec: Spec) -> None:
    assert error(command(spec.folder, "list", "workshop.yaml", "--output", "json", code=1)) == "not_provisioned"


def test_the_list_says_that_open_webui_was_not_reached(spec: Spec, state: State) -> None:
    spec.file.write_text(
        SPEC.replace("practice", "gateway: {port: 1}\npractice").replace("  connections:", "  port: 2\n  connections:"),
        encoding="utf-8",
    )
    found = json.loads(command(spec.folder, "list", "workshop.yaml", "--output", "json", code=0).stdout)
    assert found["ok"] is False
    assert [(one["name"], one["state"], one["key"]) for one in found["connections"]] == [("lab", "unknown", "spec")]
    assert "How they stand there is not known" in found["notes"][0]
