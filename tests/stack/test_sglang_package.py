"""SGLang can't run here: what is said to it, and read from it, is looked up in the real package of the pinned version."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orchestrator.engines.engine import Start
from orchestrator.engines.kinds.sglang import ENGINE
from orchestrator.engines.parsers import families
from orchestrator.pins import IMAGES
from orchestrator.spec.models import Model

pytestmark = pytest.mark.full("39 MB from Python's packages; tests/unit/test_engines has the command line")

VERSION = IMAGES["sglang"].rpartition(":v")[2]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sglang")
    asked = ["pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", f"sglang=={VERSION}"]
    subprocess.run([sys.executable, "-m", *asked, "--dest", folder], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.endswith(".py")])
    return folder / "sglang"


def text(folder: Path) -> str:
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_it_has_every_option_that_it_is_given(package: Path) -> None:
    model = Model(name="m", engine="sglang", source="o/m", context=4096, embeds=True)
    command = ENGINE.serve(model, Start(2, None, 1)).container.command
    fields = text(package / "srt" / "arg_groups" / "fields")  # each is an option of this name, with hyphens
    given = [word.removeprefix("--").replace("-", "_") for word in command if word.startswith("--")]
    assert len(given) == 8
    assert [name for name in given if not re.search(rf"^    {name}: A\[", fields, re.MULTILINE)] == []
    assert (package / "launch_server.py").is_file()


def test_it_has_the_options_that_the_spec_has_fields_for(package: Path) -> None:
    options = text(package / "srt")
    spelt = {name: (f'--{name.replace("_", "-")}"', f"    {name}: A[") for name in ENGINE.said_by_fields}
    assert [name for name, ways in spelt.items() if not any(way in options for way in ways)] == []


def test_it_says_whether_it_is_ready_and_how_full_it_is(package: Path) -> None:
    assert '@app.get("/ready")' in text(package / "srt" / "entrypoints" / "http_server.py")
    told = text(package / "srt" / "observability" / "metrics_collector.py")
    metrics = ENGINE.metrics
    assert metrics
    assert [name for name in (metrics.waiting, metrics.running, *metrics.cache) if f'name="{name}"' not in told] == []


def test_it_has_the_parsers_of_each_family(package: Path) -> None:
    tools = text(package / "srt" / "function_call" / "function_call_parser.py")
    reasoning = text(package / "srt" / "parser" / "reasoning_parser.py")
    named = [family.engines["sglang"] for family in families() if "sglang" in family.engines]
    missing = [names["tools"] for names in named if "tools" in names and f'"{names["tools"]}": ' not in tools]
    missing += [one["reasoning"] for one in named if "reasoning" in one and f'"{one["reasoning"]}": ' not in reasoning]
    assert missing == []


@pytest.mark.parametrize("path", ["chat/completions", "completions", "responses", "messages", "embeddings", "models"])
def test_it_has_the_routes_that_the_gateway_asks(package: Path, path: str) -> None:
    assert f'"/v1/{path}"' in text(package / "srt" / "entrypoints" / "http_server.py")
