"""What the state remembers of accounts, hosts, images and events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from pydantic import SecretStr

from orchestrator.state.accounts import AccountRecord
from orchestrator.state.deployed import DeployedHost, ImageRecord
from orchestrator.state.events import Event
from orchestrator.state.folder import StateFolder
from orchestrator.state.seats import CountedSeats
from orchestrator.state.state import State

NOW = "2026-12-01T08:30:00+00:00"
LOCAL = DeployedHost(name="here", project="llm-here", folder=PurePosixPath("/srv/llm"))
GPU = DeployedHost(
    name="gpu-1",
    connection="ssh",
    address="10.0.0.11",
    user="ubuntu",
    port=2222,
    project="llm-gpu-1",
    folder=PurePosixPath("/srv/llm"),
)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder.for_spec(tmp_path / "workshop.yaml", "llm")


@pytest.fixture
def state(folder: StateFolder) -> Iterator[State]:
    with State.open(folder, now=lambda: NOW) as opened:
        yield opened


def test_a_workshop_gets_its_id_once_and_follows_its_spec(state: State) -> None:
    first = state.begin("llm", Path("/one/workshop.yaml"))
    second = state.begin("llm", Path("/two/workshop.yaml"))
    assert len(first.deployment_id) == 32
    assert second.deployment_id == first.deployment_id
    assert second.spec_path == Path("/two/workshop.yaml")
    assert (second.created, second.provisioned) == (NOW, None)


def test_a_workshop_knows_when_it_was_last_brought_to_its_end(state: State) -> None:
    state.begin("llm", Path("workshop.yaml"))
    state.mark_provisioned()
    assert state.meta is not None
    assert state.meta.provisioned == NOW
    assert state.begin("llm", Path("workshop.yaml")).provisioned == NOW


def test_an_account_is_on_the_disk_when_put_returns(folder: StateFolder, state: State) -> None:
    state.people.reconcile(CountedSeats(2))
    account = AccountRecord("u-1", "p01@llm.workshop.local", SecretStr("sk-x"), 2, password_changed=True)
    state.accounts.put("p01", account)
    with State.read(folder) as other:
        assert other.accounts.get("p01") == account
        assert other.accounts.get("p02") is None


def test_an_account_is_replaced_and_removed(state: State) -> None:
    state.people.reconcile(CountedSeats(1))
    state.accounts.put("p01", AccountRecord("u-1", "mail"))
    state.accounts.put("p01", AccountRecord("u-1", "mail", SecretStr("sk-x")))
    assert state.accounts.all() == {"p01": AccountRecord("u-1", "mail", SecretStr("sk-x"))}
    state.accounts.remove("p01")
    state.accounts.remove("p01")
    assert state.accounts.all() == {}


def test_an_account_outlives_its_participants_removal_so_that_it_can_be_deleted(state: State) -> None:
    state.people.reconcile(CountedSeats(1))
    state.accounts.put("p01", AccountRecord("u-1", "mail"))
    state.people.reconcile(CountedSeats(0))
    assert "p01" in state.accounts.all()


def test_hosts_are_remembered_with_all_that_teardown_needs(state: State) -> None:
    state.deployed.record_host(LOCAL)
    state.deployed.record_host(GPU)
    state.deployed.record_host(GPU)
    assert state.deployed.hosts() == (GPU, LOCAL)


def test_what_was_applied_is_kept_by_host_and_step_and_forgotten_with_the_host(state: State) -> None:
    state.deployed.record_host(LOCAL)
    state.deployed.record_applied("here", "files", "a1")
    state.deployed.record_applied("here", "images", "b1")
    state.deployed.record_applied("here", "files", "a2")
    state.deployed.record_applied("gpu-1", "files", "c1")
    assert state.deployed.applied("here") == {"files": "a2", "images": "b1"}
    state.deployed.remove_host("here")
    assert state.deployed.applied("here") == {}
    assert state.deployed.applied("gpu-1") == {"files": "c1"}
    assert state.deployed.hosts() == ()


def test_the_image_first_chosen_is_remembered(state: State) -> None:
    image = ImageRecord("nginx:1.30", "sha256:0", "registry")
    state.deployed.record_image("gateway", image)
    state.deployed.record_image("webui", ImageRecord("webui:local", None, "packages"))
    assert state.deployed.images()["gateway"] == image
    assert state.deployed.images()["webui"].digest is None


def test_events_are_kept_in_their_order(state: State) -> None:
    state.events.add("provisioned", "1 host")
    state.events.add("key_rotated", "p01")
    assert state.events.all() == (Event(NOW, "provisioned", "1 host"), Event(NOW, "key_rotated", "p01"))
