"""`workshop doctor`: planted secrets and people are nowhere in the bundle, and a machine without Docker still gets one."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from orchestrator.identity import keys
from orchestrator.spec.kept import KeptSpec
from orchestrator.spec.loader import load
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.context.open import seats
from tests.unit.command_line import Answer, ask_docker_in_vain

PROVIDER, HEADER, FILE, SHELL = (
    "provider-4711-sentinel",
    "header-4712-sentinel",
    "file-4713-sentinel",
    "shell-4714-sentinel",
)
PLAIN = "hf_plainlyWritten0123"
COMMENT = "sk-left-in-a-comment-0123456789"
SPEC = """\
name: class
title: A class
# the old key was {comment}
participants: {{roster: people.csv, spare: 1}}
webui: {{mode: none}}
gateway: {{port: 26110}}
models:
  - name: claude
    engine: external
    base_url: https://api.example.org/v1
    api_key: "${{env:SENTINEL_PROVIDER}}"
    headers: {{X-Extra: "${{file:extra.key}}"}}
    source: claude
  - name: m
    engine: ollama
    source: "llama3.2:3b"
    environment: {{HF_TOKEN: {plain}, OTHER: "${{env:SENTINEL_HEADER}}"}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "extra.key").write_text(f"{FILE}\n")
    (tmp_path / "people.csv").write_text("name,email\nAda Lovelace,ada@x.org\nGrace Hopper,grace@y.org\n")
    file = tmp_path / "workshop.yaml"
    file.write_text(SPEC.format(plain=PLAIN, comment=COMMENT))
    return file


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "SENTINEL_PROVIDER": PROVIDER,
        "SENTINEL_HEADER": HEADER,
        "MY_SHELL_TOKEN": SHELL,
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
        "HF_HUB_OFFLINE": "1",
    }


def planted(spec: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> list[str]:
    """A state with people and keys, and logs in which all of it stands."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    folder = StateFolder.for_spec(spec, "class")
    loaded = load(spec)
    with State.open(folder) as state:
        state.begin("class", spec)
        state.people.reconcile(seats(loaded))
        secret, people = state.secret, state.people.all()
        state.events.add("participants revoke", "Ada Lovelace: gone")
    derived = [keys.api_key(secret, person.id, 1).get_secret_value() for person in people]
    derived += [keys.password(secret, "webui-password", person.id, 1).get_secret_value() for person in people]
    derived += [secret.hex(), keys.token(secret, "webui-sessions").get_secret_value()]
    everything = [PROVIDER, HEADER, FILE, SHELL, PLAIN, COMMENT, *derived]
    folder.logs.mkdir(exist_ok=True)
    (folder.logs / "ansible.log").write_text(
        "\n".join([*everything, "Ada Lovelace", "GRACE@Y.ORG", "some mail: who@z.org"])
    )
    return everything


def bundle(spec: Path, environment: dict[str, str], *options: str) -> tuple[Answer, dict[str, str]]:
    command = ("doctor", "workshop.yaml", "--to", "b.tar.gz", *options)
    answer = ask_docker_in_vain(spec.parent, *command, environment=environment)
    assert answer.returncode == 0, answer.stderr
    with tarfile.open(spec.parent / "b.tar.gz") as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return answer, {name: file.read().decode() for name, file in members.items() if file}


def test_nothing_that_was_planted_is_in_it(
    spec: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = planted(spec, monkeypatch, environment)
    answer, texts = bundle(spec, environment)
    assert "ansible.log" in str(texts.keys())
    for name, text in {**texts, "stdout": answer.stdout, "stderr": answer.stderr, "names": str([*texts])}.items():
        for value in everything:
            assert value not in text, (name, value)
        for person in ("ada@x.org", "grace@y.org", "who@z.org", "ada lovelace", "grace hopper"):
            assert person not in text.lower(), (name, person)
    assert "${env:SENTINEL_PROVIDER}" in texts["class-doctor/workshop.yaml"]


def test_names_stay_where_that_was_asked_for(
    spec: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = planted(spec, monkeypatch, environment)
    _, texts = bundle(spec, environment, "--with-names")
    assert "Ada Lovelace" in texts["class-doctor/logs/ansible.log"]
    assert not any(value in text for value in everything for text in texts.values())


def test_what_could_not_be_gathered_is_named_and_the_rest_is_there(spec: Path, environment: dict[str, str]) -> None:
    answer, texts = bundle(spec, environment, "--output", "json")
    document = json.loads(answer.stdout)
    assert document["ok"] is False
    assert any("Docker" in problem for problem in document["problems"])
    assert {item["name"] for item in document["contents"]} == {name.removeprefix("class-doctor/") for name in texts}
    for name in ("README.txt", "versions.json", "preflight.json", "plan.json", "problems.txt"):
        assert f"class-doctor/{name}" in texts
    findings = json.loads(texts["class-doctor/preflight.json"])["findings"]
    assert any((f["check"], f["level"]) == ("docker", "problem") for f in findings)
    assert (spec.parent / "b.tar.gz").stat().st_mode & 0o777 == 0o600


def applied(spec: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> list[str]:
    """The same with the spec as it was applied, before its file becomes something else."""
    everything = planted(spec, monkeypatch, environment)
    with State.open(StateFolder.for_spec(spec, "class")) as state:
        state.spec.keep(KeptSpec.of(load(spec)), ())
    return everything


def test_a_spec_that_cannot_be_read_costs_no_bundle(
    spec: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = applied(spec, monkeypatch, environment)
    broken = spec.read_text().replace("  - name: m", "  - nam: m").replace("header:", "header")
    spec.write_text(f"{broken}  - {{name: new, api_key: written-where-a-reference-belongs}}\n")
    answer, texts = bundle(spec, environment, "--output", "json")
    problems = json.loads(answer.stdout)["problems"]
    assert any("models[2].nam" in problem for problem in problems)
    assert problems[0].startswith("The spec: ")
    assert "workshop.yaml:" in problems[0]
    assert "nam: m" in texts["class-doctor/workshop.yaml"]
    assert "- name: m" in texts["class-doctor/workshop.applied.yaml"]
    assert json.loads(texts["class-doctor/plan.json"])
    for name, text in {**texts, "stdout": answer.stdout, "stderr": answer.stderr}.items():
        for value in (*everything, "written-where-a-reference-belongs"):
            assert value not in text, (name, value)


@pytest.mark.parametrize("content", [None, b"name: [\xff\nsk-left-in-a-comment-0123456789"], ids=["gone", "no text"])
def test_neither_does_a_file_that_is_gone_or_no_text(
    spec: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    everything = applied(spec, monkeypatch, environment)
    if content is None:
        spec.unlink()
    else:
        spec.write_bytes(content)
    answer, texts = bundle(spec, environment, "--output", "json")
    assert any(problem.startswith("The spec: ") for problem in json.loads(answer.stdout)["problems"])
    assert ("class-doctor/workshop.yaml" in texts) is (content is not None)
    assert "- name: m" in texts["class-doctor/workshop.applied.yaml"]
    assert not any(value in text for value in everything for text in texts.values())


def test_secrets_of_the_spec_as_it_was_applied_are_gone_though_the_file_has_others_by_now(
    spec: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = applied(spec, monkeypatch, environment)
    spec.write_text(
        spec.read_text().replace("extra.key", "other.key").replace(PLAIN, "another-one").replace(COMMENT, "")
    )
    (spec.parent / "other.key").write_text("other-4715-sentinel")
    _, texts = bundle(spec, environment)
    assert not any(value in text for value in (*everything, "other-4715-sentinel") for text in texts.values())


def test_where_nothing_was_applied_the_spec_is_told_as_ever(spec: Path, environment: dict[str, str]) -> None:
    spec.write_text("name: class\n")
    command = ("doctor", "workshop.yaml", "--to", "b.tar.gz")
    answer = ask_docker_in_vain(spec.parent, *command, environment=environment)
    assert answer.returncode == 1
    assert "participants" in answer.stderr
    assert not (spec.parent / "b.tar.gz").exists()
