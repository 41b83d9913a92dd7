"""Every rendered stack is taken by Docker Compose, and every value arrives as it was given.

Needs the docker command with its Compose plugin, not an engine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Stack
from orchestrator.plan.images import REFERENCES
from orchestrator.plan.stacks import plan_stacks
from orchestrator.render.compose import Published, StackValues, inputs_digest, render_compose
from orchestrator.render.edge import Credentials, EdgeCredentials
from orchestrator.render.files import File, write_tree
from orchestrator.spec.components import COMPONENTS
from orchestrator.spec.loader import Spec, load
from orchestrator.spec.workshop import Workshop
from orchestrator.workflow.wanted.desired import desired, planned
from tests.unit.spec_samples import VALID, spec_of

PAIR = Credentials(b"certificate", b"key")
EDGES = EdgeCredentials(b"authority", PAIR, {"gpu-1": PAIR, "gpu-2": PAIR})
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
    "quotes \" and ' and ` and \\ and \\n",
    "*anchor &anchor !tag |",
    "ünïcödé 日本 🎉 \u202e\u2028",
    " spaces  ",
    "\U0001f393 \u00e9 \u0639\u0644\u064a \u2028 \u0085 \u202e \ufeff \x7f",
]
"""Given where any text may stand: as arguments of an engine."""

ONE_LINE = [text for text in HOSTILE if not set(text) & set("\r\n\t\x85\x7f")]
OLLAMA = {"name": "m", "engine": "ollama", "source": "x"}


@cache
def _lack() -> str | None:
    if shutil.which("docker") is None:
        return "the docker command is not installed"
    answer = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return None if answer.returncode == 0 else "the docker command has no compose plugin"


@pytest.fixture(autouse=True)
def secrets_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENROUTER_API_KEY", "AZURE_API_KEY"):
        monkeypatch.setenv(name, "sk-made-up")


@pytest.fixture
def compose() -> None:
    lack = _lack()
    if lack:
        pytest.skip(lack)


def rendered(spec: Spec, cache_folder: Path) -> Mapping[str, Mapping[str, File]]:
    people = tuple(Participant(f"p{n:02}", name="{{7*7}} ${HOME}") for n in range(1, 4))
    deployment = planned(spec, {})
    wanted = desired(
        spec,
        deployment,
        Identity(b"s" * 32, spec.workshop, people),
        deployment_id="d",
        images=REFERENCES,
        cache=cache_folder,
        tls={},
        edges=EDGES,
    )
    return wanted.files


def compose_config(folder: Path, files: Mapping[str, File]) -> dict[str, Any]:
    write_tree(folder, files)
    command = ["docker", "compose", "--profile", "*", "-f", str(folder / "compose.yaml"), "config", "--format", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    document: dict[str, Any] = json.loads(answer.stdout)
    return document


def seen_by_compose(folder: Path, files: Mapping[str, File]) -> dict[str, Any]:
    services: dict[str, Any] = compose_config(folder, files)["services"]
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
    planned_services = {stack.host.name: set(stack.services) for stack in planned(load(ROOT / file), {}).stacks}
    for host, files in stacks.items():
        services = seen_by_compose(tmp_path / host, files)
        assert {name for name in services if not name.startswith("fetch-")} == planned_services[host]
        for service in services.values():
            assert service["image"]
            assert service["labels"]["workshop.name"]
            assert service["logging"]["options"]["max-size"]


@pytest.mark.usefixtures("compose")
def test_titles_and_environments_arrive_as_given(tmp_path: Path) -> None:
    given = {f"V{number}": text for number, text in enumerate(ONE_LINE)}
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
    text = VALID.replace("engine: ollama", "engine: vllm").replace("llama3.2:3b", "o/m")
    text += f"    args: {in_yaml(arguments)}\n"
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
    assert services["model-m-1"]["secrets"] == [{"source": "model-m-1.HF_TOKEN", "target": "HF_TOKEN"}]
    assert services["model-m-1"]["entrypoint"][:2] == ["/bin/sh", "/run/workshop/with-secrets.sh"]


@pytest.mark.usefixtures("compose")
def test_docker_never_makes_a_folder_where_a_source_is_missing(tmp_path: Path) -> None:
    """It would be root's, stay, and be taken for the weights."""
    text = VALID.replace("engine: ollama", "engine: llamacpp").replace("llama3.2:3b", "/srv/m.gguf")
    text += '    environment: {HF_TOKEN: "${env:PATH}"}\n'
    services = seen_by_compose(tmp_path / "stack", rendered(spec_of(tmp_path, text), tmp_path)["here"])
    binds = [mount for service in services.values() for mount in service.get("volumes", ()) if mount["type"] == "bind"]
    assert {"/srv/m.gguf"} < {mount["source"] for mount in binds}
    assert {mount["bind"].get("create_host_path", False) for mount in binds} == {False}


@pytest.mark.usefixtures("compose")
@pytest.mark.parametrize(
    ("devices", "asked"),
    [
        (None, {"driver": "nvidia", "device_ids": ["1"], "capabilities": ["gpu"]}),
        (["GPU-a", "MIG-b"], {"driver": "nvidia", "device_ids": ["MIG-b"], "capabilities": ["gpu"]}),
        (["nvidia.com/gpu=0", "nvidia.com/gpu=1"], {"driver": "cdi", "device_ids": ["nvidia.com/gpu=1"]}),
    ],
)
def test_docker_is_asked_for_the_gpus_by_their_names(
    tmp_path: Path, devices: list[str] | None, asked: dict[str, object]
) -> None:
    """The second: the first is too small."""
    gpus = {"count": 2, "memory_gib": [4, 40], **({"devices": devices} if devices else {})}
    text = VALID.replace("engine: ollama", "engine: vllm").replace("llama3.2:3b", "o/m") + "    memory_gib: 20\n"
    text += f"hosts: [{{name: a, gpus: {in_yaml(gpus)}}}]\n"
    services = seen_by_compose(tmp_path / "stack", rendered(spec_of(tmp_path, text), tmp_path)["a"])
    assert services["model-m-1"]["deploy"]["resources"]["reservations"]["devices"] == [asked]


def test_rendering_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    spec = load(ROOT / "examples/on-prem.yaml")
    assert rendered(spec, tmp_path) == rendered(spec, tmp_path)


# a single stack, its values given here


def values(**changes: Any) -> StackValues:
    plain: dict[str, Any] = {
        "workshop": "w",
        "deployment": "d",
        "images": {component: f"registry.example.org/{component}:1" for component in COMPONENTS},
        "published": (Published(8080, 8080), Published(3000, 3000)),
        "tls": False,
        "webui_environments": {"webui": {}},
        "webui_secrets": ("WEBUI_SECRET_KEY",),
        "inputs": dict.fromkeys(("gateway", "webui", "model-m-1", "model-m-2"), "0"),
    }
    return StackValues(**(plain | changes))


def read_by_compose(text: str, folder: Path) -> dict[str, Any]:
    return compose_config(folder, {"compose.yaml": File(text.encode())})


def stack(*models: dict[str, Any], **sections: Any) -> Stack:
    host = {"name": "here", "gpus": {"count": 2, "memory_gib": 24}}
    data = {"name": "w", "title": "W", "participants": {"count": 3}, "models": list(models), "hosts": [host]}
    deployment, unplaced = plan_stacks(Workshop.model_validate(data | sections), 3, {})
    assert unplaced == ()
    return deployment.stacks[0]


@pytest.mark.usefixtures("compose")
def test_environments_of_engine_and_webui_arrive_as_given(tmp_path: Path) -> None:
    environment = {f"V{number}": value for number, value in enumerate(ONE_LINE)}
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r", "environment": environment})
    seen = read_by_compose(render_compose(rendered, values(webui_environments={"webui": environment})), tmp_path)[
        "services"
    ]
    assert {name: undoubled(value) for name, value in seen["webui"]["environment"].items()} == environment
    assert {name: undoubled(seen["model-m-1"]["environment"][name]) for name in environment} == environment


@pytest.mark.usefixtures("compose")
def test_metrics_are_published_on_the_hosts_own_address_only(tmp_path: Path) -> None:
    ports = (Published(8080, 8080), Published(9100, 9001, "127.0.0.1"))
    seen = read_by_compose(render_compose(stack(OLLAMA), values(published=ports)), tmp_path)["services"]["gateway"]
    assert [(port["published"], port["target"], port.get("host_ip")) for port in seen["ports"]] == [
        ("8080", 8080, None),
        ("9100", 9001, "127.0.0.1"),
    ]


@pytest.mark.usefixtures("compose")
def test_gpus_are_reserved_by_their_ids(tmp_path: Path) -> None:
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r", "replicas": 2})
    services = read_by_compose(render_compose(rendered, values()), tmp_path)["services"]
    reserved = [services[f"model-m-{n}"]["deploy"]["resources"]["reservations"]["devices"] for n in (1, 2)]
    assert reserved == [[{"driver": "nvidia", "device_ids": [str(n)], "capabilities": ["gpu"]}] for n in (0, 1)]


@pytest.mark.usefixtures("compose")
def test_only_the_gateway_publishes_and_engines_have_no_way_out(tmp_path: Path) -> None:
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r"})
    seen = read_by_compose(render_compose(rendered, values()), tmp_path)
    assert [name for name, service in seen["services"].items() if service.get("ports")] == ["gateway"]
    assert seen["networks"]["engines"]["internal"] is True
    networks = {name: sorted(service["networks"]) for name, service in seen["services"].items()}
    assert networks == {
        "gateway": ["engines", "front"],
        "webui": ["front"],
        "model-m-1": ["engines"],
    }


@pytest.mark.usefixtures("compose")
def test_on_a_host_without_the_gateway_only_the_edge_publishes(tmp_path: Path) -> None:
    files = rendered(load(ROOT / "examples/on-prem.yaml"), tmp_path)["gpu-1"]
    seen = compose_config(tmp_path / "stack", files)
    assert seen["networks"]["engines"]["internal"] is True
    edge = seen["services"].pop("edge")
    assert [(port["published"], port["target"]) for port in edge["ports"]] == [("7443", 7443)]
    assert sorted(edge["networks"]) == ["engines", "front"]
    engines = seen["services"]
    assert engines
    assert not any(service.get("ports") for service in seen["services"].values())
    assert {network for service in engines.values() for network in service["networks"]} == {"engines"}


@pytest.mark.usefixtures("compose")
def test_each_container_is_bounded_labelled_restarted_and_checked(tmp_path: Path) -> None:
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r"})
    for name, service in read_by_compose(render_compose(rendered, values()), tmp_path)["services"].items():
        assert service["labels"]["workshop.name"] == "w"
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
        assert service["restart"] == "unless-stopped", name
        assert service["pids_limit"]
        assert service["healthcheck"]["test"][0] == "CMD"
        assert not service.get("depends_on")


@pytest.mark.usefixtures("compose")
def test_a_secret_is_a_file_and_never_in_the_environment(tmp_path: Path) -> None:
    rendered = stack({"name": "m", "engine": "vllm", "source": "o/r", "environment": {"HF_TOKEN": "${env:HF_TOKEN}"}})
    services = read_by_compose(render_compose(rendered, values()), tmp_path)["services"]
    assert "HF_TOKEN" not in services["model-m-1"].get("environment", {})
    assert [secret["target"] for secret in services["model-m-1"]["secrets"]] == ["HF_TOKEN"]
    assert services["model-m-1"]["entrypoint"][:2] == ["/bin/sh", "/run/workshop/with-secrets.sh"]


def test_the_digest_of_inputs_changes_with_them_and_tells_nothing() -> None:
    before = inputs_digest(b"k", {"secrets/a": b"1"})
    assert before == inputs_digest(b"k", {"secrets/a": b"1"})
    assert before != inputs_digest(b"k", {"secrets/a": b"2"})
    assert before != inputs_digest(b"other", {"secrets/a": b"1"})
