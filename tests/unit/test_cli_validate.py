"""`workshop validate` looks at the files that the spec names and whether its models fit, too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrator.cli.app import workshop
from tests.unit.spec_samples import VALID

GPU_MODEL = VALID.replace("engine: ollama", "engine: vllm").replace("llama3.2:3b", "o/m")
NO_GPUS = "hosts: [{name: here, gpus: {count: 0}}]\n"
TLS = "public: {tls: {cert: none.pem, key: none.pem}}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (GPU_MODEL + NO_GPUS, 5, "m: replica 1 of 1 does not fit: here has 0 of 1 GPUs"),
        (VALID + TLS, 8, "cannot read none.pem: no such file or directory"),
        (VALID + "    environment: {A: '${file:gone}'}\n", 8, "cannot read the secret file"),
    ],
    ids=["no GPU", "no certificate", "no secret"],
)
def test_what_would_stop_provision_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    file = tmp_path / "workshop.yaml"
    file.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(workshop, ["validate", str(file)], standalone_mode=False)
    assert result.return_value == 1
    assert f"workshop.yaml:{line}:" in result.stderr
    assert said in result.stderr
    assert result.stdout == ""


def test_all_of_it_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "workshop.yaml"
    file.write_text(GPU_MODEL + NO_GPUS + TLS, encoding="utf-8")
    result = CliRunner().invoke(workshop, ["validate", str(file)], standalone_mode=False)
    assert len(result.stderr.splitlines()) == 2


def test_what_fits_on_a_host_that_declares_no_gpus_is_left_to_the_plan(tmp_path: Path) -> None:
    file = tmp_path / "workshop.yaml"
    file.write_text(GPU_MODEL + "hosts: [{name: here}]\n", encoding="utf-8")
    assert CliRunner().invoke(workshop, ["validate", str(file)], standalone_mode=False).return_value == 0
    told = CliRunner().invoke(workshop, ["plan", str(file)], standalone_mode=False).exception
    assert "here has 0 of 1 GPUs (none are declared, and none were looked for)" in str(told)


def test_practice_needs_neither_gpu_nor_secret(tmp_path: Path) -> None:
    file = tmp_path / "workshop.yaml"
    file.write_text(GPU_MODEL + "    environment: {A: '${file:gone}'}\npractice: true\n", encoding="utf-8")
    assert CliRunner().invoke(workshop, ["validate", str(file)], standalone_mode=False).return_value == 0


def test_an_engine_that_nobody_looks_after_any_more_is_remarked(tmp_path: Path) -> None:
    file = tmp_path / "workshop.yaml"
    file.write_text(
        VALID.replace("engine: ollama", "engine: tgi").replace("llama3.2:3b", "o/m") + "practice: true\n",
        encoding="utf-8",
    )
    text = CliRunner().invoke(workshop, ["validate", str(file)], standalone_mode=False)
    assert text.return_value == 0
    first, note = text.stdout.splitlines()
    assert first.endswith("workshop.yaml: valid")
    assert note.startswith("workshop.yaml:6: ")
    assert "TGI's project was archived in March 2026" in note
    document = CliRunner().invoke(workshop, ["validate", str(file), "--output", "json"], standalone_mode=False)
    assert json.loads(document.stdout)["notes"] == [note]
