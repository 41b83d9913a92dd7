"""What each engine's module must have, asked of all of them; and that one file is enough for a new one."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestrator
from orchestrator.engines.capacity import Allotment
from orchestrator.engines.engine import Engine, PracticeEngine, Start
from orchestrator.engines.image import Recipe
from orchestrator.engines.practice import STAND_IN
from orchestrator.engines.registry import all_engines
from orchestrator.engines.size import GIB, UNKNOWN, common_models
from orchestrator.render.gateway import PATHS
from orchestrator.spec.capacity import Capacity
from orchestrator.spec.components import COMPONENTS
from orchestrator.spec.engine_names import engine_names
from orchestrator.spec.models import EXTERNAL, Model

ROOT = Path(orchestrator.__file__).parent
ENGINES = all_engines()
OURS = [name for name, engine in ENGINES.items() if name != EXTERNAL]
ASSUMED, LLAMA = Capacity(), common_models()["meta-llama/Llama-3.1-8B-Instruct"]
FILE, REPOSITORY = "lab/tiny/tiny.gguf", "lab/tiny"
SECRET = "${env:HF_TOKEN}"
MANY = 100  # people
BY_NAME = {  # what may tell one engine from the others: its own API, and fields of the spec that are a provider's alone
    "ollama",
    EXTERNAL,
}


def source_for(name: str) -> str:
    return FILE if ENGINES[name].source_problem(FILE) is None else REPOSITORY


def model(name: str, **fields: object) -> Model:
    elsewhere = {"base_url": "https://api.example.org/v1"} if name == EXTERNAL else {}
    return Model.model_validate({"name": "m", "engine": name, "source": source_for(name), **elsewhere, **fields})


def practised(engine: Engine, name: str, **fields: object) -> Iterator[PracticeEngine]:
    """With all images, and with none of those that there is something instead of."""
    for lacking in ({}, dict.fromkeys(engine.practice_images, "it is away")):
        yield engine.practice(model(name, **fields), "model-m-1", lacking)


def test_the_specs_list_of_engines_is_that_of_the_modules() -> None:
    folder = ROOT / "engines" / "kinds"
    assert engine_names() == tuple(sorted(file.stem for file in folder.glob("[!_]*.py"))) == tuple(ENGINES)


@pytest.mark.parametrize("name", ENGINES)
def test_each_has_a_title_and_images_that_have_a_version(name: str) -> None:
    engine = ENGINES[name]
    assert engine.title
    assert engine.images.keys() <= {*COMPONENTS}
    assert all(how.folder.is_dir() if isinstance(how, Recipe) else how for how in engine.images.values())
    assert {*engine.practice_images} <= engine.images.keys()


def test_no_two_claim_one_image_or_one_figure() -> None:
    images = [image for engine in ENGINES.values() for image in engine.images]
    figures = [figure for e in ENGINES.values() if e.metrics for figure in (e.metrics.waiting, e.metrics.running)]
    assert len(images) == len({*images})
    assert len(figures) == len({*figures})


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("gpus", [1, 2])
def test_each_is_started_with_what_the_spec_says(name: str, gpus: int) -> None:
    engine = ENGINES[name]
    fields = {"environment": {"PLAIN": "seen", "HF_TOKEN": SECRET}, "gpus": gpus, "start_timeout": 77, "context": 512}
    asked = model(name, **fields)
    served = engine.serve(asked, Start(gpus, 0.5, 4))
    container = served.container
    assert container.component in engine.images
    assert container.component == engine.image(asked)
    assert container.health
    assert container.ready.startswith("/")
    assert container.start_seconds == 77
    assert container.environment["PLAIN"] == "seen"
    assert container.secret_environment.keys() == {"HF_TOKEN"}
    assert served.name
    assert container.native == (name == "ollama")
    assert {*container.routes} <= PATHS.keys()
    everything = " ".join((*container.command, *container.environment.values()))
    assert "512" in everything.replace("2048", "512")  # of four slots that share it
    fetch = served.fetch
    assert fetch
    assert fetch.component in engine.images
    assert fetch.volumes[0] in container.volumes
    assert (fetch.secret_environment, fetch.key != "", fetch.seconds) == (
        container.secret_environment,
        True,
        asked.fetch_timeout,
    )


@pytest.mark.parametrize("name", OURS)
def test_weights_that_lie_on_the_host_are_mounted(name: str) -> None:
    served = ENGINES[name].serve(model(name, source="/srv/m.gguf"), Start(1, None, 1))
    mounted = {*served.container.files, *(served.fetch.files if served.fetch else ())}
    assert ("/srv/m.gguf", "/srv/m.gguf") in mounted


@pytest.mark.parametrize("name", ENGINES)
def test_each_has_a_twin_without_a_gpu_that_is_held_to_its_memory(name: str) -> None:
    engine = ENGINES[name]
    first, lacking = practised(engine, name)
    for twin in (first, lacking):
        assert twin.container.memory_mib
        assert twin.container.health
        assert twin.container.component in {*engine.practice_images, STAND_IN}
        assert (twin.serves.requests or 0) > 0
        assert twin.fetch is None or twin.fetch.after_start  # nothing comes from a hub
    own = first.container.component in engine.images
    assert (first.stand_in is None) == own
    assert lacking.container.component == STAND_IN
    assert (lacking.stand_in is None) == (STAND_IN in engine.images)


@pytest.mark.parametrize("name", OURS)
def test_what_it_serves_is_reckoned_or_said_to_be_unknown(name: str) -> None:
    engine, asked = ENGINES[name], model(name, context=4096)
    for size in (UNKNOWN, LLAMA):
        for budget in (None, 24.0 * GIB):
            able = engine.serves(asked, size, Allotment(budget, 1, ASSUMED, MANY))
            assert (able.requests is None) == bool(able.why)
            assert able.request_tokens > 0
    need = engine.need(asked, LLAMA, 2, ASSUMED, MANY)
    assert need.weights == (LLAMA.weights or 0) / 2
    assert (need.kv is None) == (need.kv_for == "")
    assert 0 < engine.takes(asked, None) <= 1
    assert engine.takes(asked, 0.25) == 0.25
    assert engine.parallel(asked, MANY) >= 1
    assert 0 <= engine.gpus(asked, 0) <= engine.gpus(asked, 8) <= 1


@pytest.mark.parametrize("name", OURS)
def test_what_it_can_not_do_is_told_as_the_spec_is_read(name: str) -> None:
    engine = ENGINES[name]
    for fields, can in (({"embeds": True}, engine.embeds), ({"gpus": 0}, not engine.needs_gpus)):
        asked = Model.model_construct(name="m", engine=name, source=source_for(name), **fields)
        assert (not [*engine.problems(asked)]) == can


def test_nobody_else_asks_which_engine_it_is() -> None:
    asking = [
        f"{file.relative_to(ROOT)}:{line} {word}"
        for file in sorted(ROOT.rglob("*.py"))
        if file.parts[len(ROOT.parts)] not in {"engines", "pins.py", "_data"}
        for line, word in words_of(file)
        if any(name in word.lower() for name in {*ENGINES} - BY_NAME)
    ]
    assert asking == []


def words_of(file: Path) -> Iterator[tuple[int, str]]:
    """Names in a module, and texts that are one word."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.FunctionDef(name=word):
                yield node.lineno, word
            case ast.Constant(value=str(word)) if word and not any(map(str.isspace, word)):
                yield node.lineno, word
            case ast.keyword(arg=str(word)) | ast.alias(name=word):
                yield node.lineno, word


TOY = """
from orchestrator.engines.arguments import curl_health
from orchestrator.engines.container import Container, Served
from orchestrator.engines.engine import Engine
from orchestrator.engines.practice import STAND_IN, stand_in


class Toy(Engine):
    title = "Toy"
    images = {}
    needs_gpus = True

    def image(self, model):
        return STAND_IN

    def serve(self, model, start):
        command = ("toy-serve", model.source, f"--gpus={start.gpus}")
        return Served(Container(STAND_IN, 4321, command, health=curl_health(4321), ready="/alive"), model.name)

    def practice(self, model, service, unavailable):
        return stand_in(model, "llama.cpp stands in for Toy")


ENGINE = Toy()
"""
SPEC = """\
name: demo
title: Demo
participants: {count: 2}
models: [{name: m, engine: toy, source: lab/tiny}]
gateway: {port: 8080}
webui: {mode: none}
"""
HOSTS = "hosts: [{name: a, gpus: {count: 1, memory_gib: 24}}]\n"
TRY = """
import sys
from pathlib import Path
import orchestrator.engines.kinds as kinds
folder = Path(sys.argv[1])
kinds.__path__.append(str(folder / "more"))
from orchestrator.identity.identity import Identity
from orchestrator.plan.images import REFERENCES
from orchestrator.spec.loader import load
from orchestrator.spec.schema import spec_schema
from orchestrator.workflow.wanted.desired import desired, planned
assert "toy" in str(spec_schema())
for name in ("real", "practice"):
    spec = load(folder / f"{name}.yaml")
    deployment = planned(spec, {})
    nobody = Identity(b"s" * 32, spec.workshop, ())
    made = desired(spec, deployment, nobody, deployment_id="d", images=REFERENCES, cache=folder / "cache", tls={})
    (files,) = made.files.values()
    print(*deployment.notes, files["compose.yaml"].content.decode(), files["gateway/policy.json"].content.decode())
"""


def test_a_new_engine_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "toy.py").write_text(TOY)
    (tmp_path / "real.yaml").write_text(SPEC + HOSTS)
    (tmp_path / "practice.yaml").write_text(SPEC + "practice: true\n")
    done = subprocess.run([sys.executable, "-c", TRY, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "toy-serve" in done.stdout
    assert "--gpus=1" in done.stdout
    assert '"health":"/alive"' in done.stdout.replace(" ", "")
    assert "m: llama.cpp stands in for Toy" in done.stdout
