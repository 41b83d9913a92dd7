"""A GGUF file in several parts: fetched as a whole, measured as a whole, and llama.cpp is given the first."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import resources
from orchestrator.engines.size import weight_bytes
from orchestrator.errors import SpecError
from orchestrator.fleet import weights_folder
from orchestrator.fleet.model_files import ask_hub, read_folder
from orchestrator.plan.deployment import Backend
from orchestrator.spec.gguf import parts_of, stem_of
from orchestrator.workflow.wanted.desired import planned
from tests.fleet.bed.hub_stand_in import HubStandIn, sha256
from tests.unit.spec_samples import spec_of, with_models

NAMES = tuple(f"big-0000{n}-of-00003.gguf" for n in (1, 2, 3))
PARTS = {name: b"GGUF" + bytes([n]) * (100_000 + n) for n, name in enumerate(NAMES)}
OTHERS = {"big-Q8.gguf": b"another quantisation" * 1000, "config.json": b"{}"}
SOURCE = f"lab/big-GGUF/{NAMES[0]}"
SCRIPT = resources.COMPOSE / "fetch" / "fetch_parts.sh"


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with HubStandIn(files={"lab/big-GGUF": {**PARTS, **OTHERS}}).serving() as hub:
        yield hub


def backend_of(folder: Path, source: str) -> Backend:
    text = with_models(f"name: m, engine: llamacpp, source: {source}")
    (backend,) = planned(spec_of(folder, text), {}).backends
    return backend


def fetch(hub: HubStandIn, volume: Path) -> tuple[int, str]:
    """As the container does it."""
    url = f"{hub.endpoint}/lab/big-GGUF/resolve/main/{NAMES[0]}"
    done = subprocess.run(
        ["sh", str(SCRIPT), "hub", url, str(volume / "lab--big" / NAMES[0]), "3"],
        env={"PATH": os.environ["PATH"], "WORKSHOP_VOLUME": str(volume), "WORKSHOP_KEY": "k"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def large(hub: HubStandIn) -> list[str]:
    return [path.rpartition("/")[2] for path in hub.asked if path.startswith("GET storage/")]


def test_the_names_of_all_parts_follow_from_any() -> None:
    assert parts_of(NAMES[1]) == NAMES
    assert parts_of("o/r/whole.gguf") == ("o/r/whole.gguf",)
    assert parts_of("o/r/odd-00001-of-00000.gguf") == ("o/r/odd-00001-of-00000.gguf",)
    assert {stem_of(name) for name in NAMES} == {"big-of-00003"}


def test_all_parts_are_fetched_and_marked_and_nothing_else(hub: HubStandIn, tmp_path: Path) -> None:
    code, said = fetch(hub, tmp_path)
    assert code == 0, said
    assert {path.name: path.read_bytes() for path in (tmp_path / "lab--big").iterdir()} == PARTS
    marked = (tmp_path / ".workshop/k").read_text().splitlines()
    assert marked == [f"{len(data)} {sha256(data)} lab--big/{name}" for name, data in PARTS.items()]
    assert [path.name for path in (tmp_path / ".workshop").iterdir()] == ["k"]
    size = sum(map(len, PARTS.values()))
    assert said.splitlines()[-1] == f"WORKSHOP have {size} {size}"


def test_a_part_that_is_not_there_is_told_before_any_is_fetched(hub: HubStandIn, tmp_path: Path) -> None:
    del hub.files["lab/big-GGUF"][NAMES[2]]
    code, said = fetch(hub, tmp_path)
    assert code == 3
    assert "there is no such file (404)" in said
    assert NAMES[2] in said
    assert large(hub) == []
    assert not (tmp_path / ".workshop/k").exists()


def test_parts_that_came_are_not_fetched_again(hub: HubStandIn, tmp_path: Path) -> None:
    assert fetch(hub, tmp_path)[0] == 0
    lines = (tmp_path / ".workshop/k").read_text().splitlines(keepends=True)
    for number, line in enumerate(lines[:2], start=1):  # as after a power cut in the third
        (tmp_path / f".workshop/k.{number}").write_text(line)
    (tmp_path / ".workshop/k").unlink()
    (tmp_path / "lab--big" / NAMES[2]).unlink()
    hub.asked.clear()
    assert fetch(hub, tmp_path)[0] == 0
    assert large(hub) == [NAMES[2]]


def test_llamacpp_is_started_with_the_first(tmp_path: Path) -> None:
    backend = backend_of(tmp_path, SOURCE)
    assert backend.fetch is not None
    assert backend.container.environment["LLAMA_ARG_MODEL"] == f"/weights/lab--big-GGUF--big-of-00003/{NAMES[0]}"
    assert backend.fetch.command[-2:] == (backend.container.environment["LLAMA_ARG_MODEL"], "3")
    assert backend.fetch.tree == "lab--big-GGUF--big-of-00003"


def test_parts_on_the_host_are_all_mounted(tmp_path: Path) -> None:
    backend = backend_of(tmp_path, f"/srv/{NAMES[0]}")
    assert backend.fetch is None
    assert [source for source, _ in backend.container.files] == [f"/srv/{name}" for name in NAMES]


def test_a_later_part_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        backend_of(tmp_path, f"lab/big-GGUF/{NAMES[1]}")
    assert f"Name the first: {SOURCE}" in str([error.hint for error in refused.value.problems])


def test_its_size_is_that_of_all_parts(hub: HubStandIn, tmp_path: Path) -> None:
    size = sum(map(len, PARTS.values()))
    found = ask_hub(SOURCE, hub.endpoint, None)
    assert found is not None
    assert found.weights == size
    for name, data in PARTS.items():
        (tmp_path / name).write_bytes(data)
    there = read_folder(tmp_path / NAMES[0])
    assert there is not None
    assert there.weights == size
    (tmp_path / NAMES[2]).unlink()
    assert read_folder(tmp_path / NAMES[0]) is None


def test_they_are_found_in_the_operators_folder(tmp_path: Path) -> None:
    wanted = backend_of(tmp_path, SOURCE).fetch
    assert wanted is not None
    folder = tmp_path / "weights" / wanted.tree
    folder.mkdir(parents=True)
    for name, data in PARTS.items():
        (folder / name).write_bytes(data)
    tree = weights_folder.kept(tmp_path / "weights", wanted)
    assert tree == folder
    assert weights_folder.listing(tree, wanted) == tuple(
        f"{len(data)} {sha256(data)} {wanted.tree}/{name}" for name, data in PARTS.items()
    )


@pytest.mark.parametrize(
    "name", ["gptq_model-4bit-128g.safetensors", "model-awq.safetensors", "llama-4bit.safetensors"]
)
def test_quantised_weights_are_as_big_as_their_files(name: str) -> None:
    assert weight_bytes({name: 4_000, "adapter_model.safetensors": 7, "config.json": 9}) == 4_000
