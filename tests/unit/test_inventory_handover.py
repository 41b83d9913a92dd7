"""The inventory that a spec names goes into an export as far as it is text; programs and keys are named instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.handover.inventory_files import A_PROGRAM
from orchestrator.handover.named import A_SECRET, ABSOLUTE, Named, named_by
from tests.unit.spec_samples import VALID, spec_of

pytestmark = pytest.mark.usefixtures("ansible_is_ready")

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"
INI = "[gateway]\na ansible_connection=local\n[webui]\na\n[inference]\na\n"


def write(folder: Path, name: str, text: str = "", mode: int = 0o644) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(mode)


def named(folder: Path, inventory: str, *, with_secrets: bool = False) -> Named:
    return named_by(spec_of(folder, VALID + f"inventory: {inventory}\n"), with_secrets=with_secrets)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "cluster/hosts", INI)
    write(tmp_path, "cluster/group_vars/all.yml", "ansible_user: u\n")
    write(tmp_path, "cluster/.vault_pass", "sentinel")
    write(tmp_path, "cluster/cloud", "#!/bin/sh\necho '{}'\n", 0o755)
    write(tmp_path, "cluster/host_vars/id_ed25519", KEY)
    return tmp_path


def test_a_folder_travels_without_programs_keys_and_hidden_files(folder: Path) -> None:
    found = named(folder, "cluster")
    assert set(found.files) == {"spec/workshop.yaml", "spec/cluster/hosts", "spec/cluster/group_vars/all.yml"}
    assert {one.what: one.why for one in found.left_out} == {
        "cluster/cloud": A_PROGRAM,
        "cluster/host_vars/id_ed25519": A_SECRET,
    }


def test_with_secrets_its_keys_travel_too(folder: Path) -> None:
    assert "spec/cluster/host_vars/id_ed25519" in named(folder, "cluster", with_secrets=True).files


def test_a_file_travels_with_the_variables_beside_it(folder: Path) -> None:
    assert set(named(folder, "cluster/hosts").files) == {
        "spec/workshop.yaml",
        "spec/cluster/hosts",
        "spec/cluster/group_vars/all.yml",
    }


def test_a_program_stays_and_one_that_lies_elsewhere_too(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, "hosts", INI)
    found = named(folder, str(elsewhere / "hosts"))
    assert set(found.files) == {"spec/workshop.yaml"}
    assert [one.why for one in found.left_out] == [ABSOLUTE]
