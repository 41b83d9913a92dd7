"""Every rendered stack is taken by Docker Compose, and every value arrives as it was given."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from spec_samples import VALID, spec_of

from orchestrator.participants import Participant
from orchestrator.plan.images import REFERENCES
from orchestrator.render.files import File, write_tree
from orchestrator.spec.loader import Spec, load
from orchestrator.workflow.desired import desired, planned

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "plain",
    "it's",
    'a "quoted" word',
    "back\\slash \\n \\u0041",
    "$HOME ${HOME} $$ $(id) ${A:-b} ${",
    "{{ 7*7 }} {% raw %} {# x #}",
    "a: b # c",
    "- x\n- y\n",
    "[1, 2] {a: b} &a *a !t | > % @ `",
    "line\r\nbreak\ttab",
    "null",
    "true",
    "0x10",
    "1e3",
    " ",
    "",
    "\U0001f393 \u00e9 \u0639\u0644\u064a \u2028 \u0085 \u202e \ufeff \x7f",
]
"""Given where any text may stand: as arguments of an engine."""

WITHOUT_BREAKS = [text for text in HOSTILE if text.isprintable() or "\U0001f393" in text]


@cache
def _lack() -> str | None:
    if shutil.which("docker") is None:
        return "the docker command is not installed"
    answer = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return None if answer.returncode == 0 else "the docker command has no compose plugin"


@pytest.fixture
def compose() -> None:
    lack = _lack()
    if lack:
        pytest.skip(lack)


def rendered(spec: Spec, cache_folder: Path) -> Mapping[str, Mapping[str, File]]:
    people = [Participant(f"p{n:02}", name="{{7*7}} ${HOME}") for n in range(1, 4)]
    deployment = planned(spec, {})
    wanted = desired(
        spec, deployment, people, secret=b"s" * 32, deployment_id="d", images=REFERENCES, cache=cache_folder, tls={}
    )
    return wanted.files


def seen_by_compose(folder: Path, files: Mapping[str, File]) -> dict[str, Any]:
    write_tree(folder, files)
    command = ["docker", "compose", "--profile", "*", "-f", str(folder / "compose.yaml"), "config", "--format", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    services: dict[str, Any] = json.loads(answer.stdout)["services"]
    return services


def in_yaml(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isascii() and c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def undoubled(text: str) -> str:
    """`config` doubles each $ again, so that its output can be fed to Compose."""
    return text.replace("$$", "$")


@pytest.mark.usefixtures("compose")
@pytest.mark.parametrize("file", ["workshop.yaml", "examples/on-prem.yaml", "templates/init/workshop.yaml"])
def test_every_stack_of_the_examples_is_taken(tmp_path: Path, file: str) -> None:
    (tmp_path / "models").mkdir()
    stacks = rendered(load(ROOT / file), tmp_path)
    for host, files in stacks.items():
        for service in seen_by_compose(tmp_path / host, files).values():
            assert service["image"]
            assert service["labels"]["workshop.name"]
            assert service["logging"]["options"]["max-size"]


@pytest.mark.usefixtures("compose")
def test_titles_and_environments_arrive_as_given(tmp_path: Path) -> None:
    given = {
        f"V{number}": text for number, text in enumerate(WITHOUT_BREAKS) if "\x85" not in text and "\x7f" not in text
    }
    title = "LLMs \U0001f393 $HOME ${HOME} \"q' # - : {a}"
    text = VALID.replace("A class", in_yaml(title)) + f"    environment: {in_yaml(given)}\n"
    text += "hosts: [{name: a, gpus: {count: 1}}]\n"
    services = seen_by_compose(tmp_path / "stack", rendered(spec_of(tmp_path, text), tmp_path)["a"])
    arrived = {name: undoubled(value) for name, value in services["model-m-1"]["environment"].items()}
    assert {name: arrived.get(name) for name in given} == given
    assert len(given) > 8
    assert undoubled(services["webui"]["environment"]["WEBUI_NAME"]).startswith(title)


@pytest.mark.usefixtures("compose")
def test_arguments_of_an_engine_arrive_as_given(tmp_path: Path) -> None:
    arguments = {f"a{number}": text for number, text in enumerate(HOSTILE)}
    text = VALID.replace("engine: ollama", "engine: vllm") + f"    args: {in_yaml(arguments)}\n"
    text += "hosts: [{name: a, gpus: {count: 1}}]\n"
    services = seen_by_compose(tmp_path / "stack", rendered(spec_of(tmp_path, text), tmp_path)["a"])
    command = [undoubled(word) for word in services["model-m-1"]["command"]]
    assert {name: command[command.index(f"--{name}") + 1] for name in arguments} == arguments


@pytest.mark.usefixtures("compose")
def test_a_secret_is_mounted_as_a_file_and_stands_nowhere_in_the_compose_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "SENTINEL")
    text = VALID + '    environment: {HF_TOKEN: "${env:TOKEN}"}\n'
    files = rendered(spec_of(tmp_path, text), tmp_path)["here"]
    services = seen_by_compose(tmp_path / "stack", files)
    assert [path for path, file in files.items() if b"SENTINEL" in file.content] == ["secrets/model-m-1.HF_TOKEN"]
    assert files["secrets/model-m-1.HF_TOKEN"].mode == 0o600
    for service in ("model-m-1", "fetch-model-m-1"):
        assert services[service]["secrets"] == [{"source": "model-m-1.HF_TOKEN", "target": "HF_TOKEN"}]
        assert services[service]["entrypoint"][:2] == ["/bin/sh", "/run/workshop/with-secrets.sh"]


def test_rendering_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    spec = load(ROOT / "examples/on-prem.yaml")
    assert rendered(spec, tmp_path) == rendered(spec, tmp_path)
