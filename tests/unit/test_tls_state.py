"""The authority in the state's folder: private, whole after any crash, and gone after teardown."""

from __future__ import annotations

import datetime as dt
import stat
from pathlib import Path

import pytest

from orchestrator.aside import name_aside
from orchestrator.errors import UserError
from orchestrator.state.folder import StateFolder
from orchestrator.tls import store
from orchestrator.tls.issue import Issued, Wanted, issue
from orchestrator.tls.names import Names

WANTED = Wanted("class", Names.of("127.0.0.1"), None, dt.datetime.now(dt.UTC).replace(microsecond=0))


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "class")
    made.create()
    return made


def provisioned(folder: StateFolder) -> Issued:
    """What one run makes of what lies there."""
    issued = issue(WANTED, *store.load(folder))
    if issued.is_new or not store.is_whole(folder, issued):
        store.save(folder, issued)
    return issued


def test_what_was_made_is_found_again(folder: StateFolder) -> None:
    first, second = provisioned(folder), provisioned(folder)

    assert first.is_new
    assert not second.is_new
    assert second.authority.certificate == first.authority.certificate
    assert second.server.key_pem == first.server.key_pem


def test_all_of_it_is_for_the_owner_and_clients_get_no_key(folder: StateFolder) -> None:
    issued = provisioned(folder)

    assert stat.S_IMODE(folder.tls.stat().st_mode) == 0o700
    assert {file.name for file in folder.tls.iterdir()} == {"authority.pem", "server.pem", "workshop-ca.crt"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.tls.iterdir()} == {0o600}
    assert folder.ca_certificate.read_bytes() == issued.authority.certificate_pem


@pytest.mark.parametrize("writes", [0, 1, 2])
@pytest.mark.parametrize("torn", [False, True])
def test_a_run_that_was_cut_off_ends_with_one_authority(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch, writes: int, torn: bool
) -> None:
    """Cut off after so many files, with or without a half-written one beside."""
    real, written = store.write_private, list[Path]()

    def write(path: Path, content: bytes) -> None:
        if len(written) == writes:
            if torn:
                name_aside(path).write_bytes(content[:50])
            raise KeyboardInterrupt
        real(path, content)
        written.append(path)

    monkeypatch.setattr(store, "write_private", write)
    with pytest.raises(KeyboardInterrupt):
        provisioned(folder)
    kept = store.load(folder)[0]
    monkeypatch.undo()

    first, second = provisioned(folder), provisioned(folder)

    assert not second.is_new
    assert first.authority.certificate == second.authority.certificate
    assert kept is None or kept.certificate == first.authority.certificate
    assert folder.ca_certificate.read_bytes() == first.authority.certificate_pem
    assert not list(folder.tls.glob(".*"))


def test_a_key_that_others_can_read_is_not_used(folder: StateFolder) -> None:
    provisioned(folder)
    store.authority_file(folder).chmod(0o644)

    with pytest.raises(UserError, match="other users") as refused:
        provisioned(folder)
    assert refused.value.code == "tls_exposed"


def test_a_damaged_authority_is_not_replaced_in_silence(folder: StateFolder) -> None:
    """Everybody would have to take a new one into their devices."""
    provisioned(folder)
    store.authority_file(folder).write_bytes(b"-----BEGIN NOTHING-----")

    with pytest.raises(UserError, match="not a certificate with its key") as refused:
        provisioned(folder)
    assert refused.value.code == "tls_damaged"
    assert refused.value.where.file == store.authority_file(folder)


def test_it_goes_with_the_state(folder: StateFolder) -> None:
    provisioned(folder)
    folder.forget()

    assert not folder.tls.exists()


def test_a_folder_that_was_handed_over_goes_on_with_the_same(folder: StateFolder, tmp_path: Path) -> None:
    first = provisioned(folder)
    moved = StateFolder(folder.path.rename(tmp_path / "elsewhere"))

    assert not provisioned(moved).is_new
    assert provisioned(moved).authority.certificate == first.authority.certificate
