"""Where Open WebUI keeps its data: a file, or a PostgreSQL database whose address is a secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.errors import SpecError, UserError
from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.images import REFERENCES
from orchestrator.render.files import File
from orchestrator.spec.loader import Spec
from orchestrator.workflow.wanted.desired import desired, planned
from tests.unit.spec_samples import VALID, spec_of, told

ADDRESS = "postgresql://owui:sentinel@db.example.org/owui"
LINES = 'webui: {database: "${env:TEST_DATABASE}"}\n'
SECRET = "secrets/webui.DATABASE_URL"
HERE = "hosts: [{name: h, address: localhost}]\n"


def files_of(spec: Spec) -> Mapping[str, File]:
    wanted = desired(
        spec,
        planned(spec, {}),
        Identity(b"s" * 32, spec.workshop, (Participant("p01"),)),
        deployment_id="d",
        images=REFERENCES,
        cache=spec.folder,
        tls={},
    )
    (files,) = wanted.files.values()
    return files


def test_the_address_is_a_file_that_the_container_reads_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE", ADDRESS)

    files = files_of(spec_of(tmp_path, VALID + HERE + LINES))

    assert [name for name, file in files.items() if b"sentinel" in file.content] == [SECRET]
    assert b"webui.DATABASE_URL" in files["compose.yaml"].content
    assert SECRET not in files_of(spec_of(tmp_path, VALID + HERE))


def test_a_rehearsal_leaves_the_database_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE", ADDRESS)

    files = files_of(spec_of(tmp_path, VALID + LINES + "practice: true\n"))

    assert SECRET not in files
    assert not any(b"DATABASE_URL" in file.content for file in files.values())


@pytest.mark.parametrize("address", ["sqlite:///sentinel.db", "db.example.org", "mysql://u:sentinel@h/d"])
def test_another_address_is_told_with_its_line_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("TEST_DATABASE", address)

    with pytest.raises((UserError, SpecError)) as caught:
        files_of(spec_of(tmp_path, VALID + HERE + LINES))

    assert "workshop.yaml:9:" in str(caught.value)
    assert address not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (f"webui: {{database: '{ADDRESS}'}}\n", "a secret must be a reference"),
        ("webui: {mode: per_team, database: '${env:TEST_DATABASE}'}\n", "database is for mode: shared"),
        ("webui: {mode: none, database: '${env:TEST_DATABASE}'}\n", "database is for Open WebUI, and its mode is none"),
    ],
)
def test_what_can_not_be_is_told(tmp_path: Path, lines: str, expected: str) -> None:
    said = told(tmp_path, VALID + lines)

    assert any(expected in line for line in said)
    assert "sentinel" not in str(said)
