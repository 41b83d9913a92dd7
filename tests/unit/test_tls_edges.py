"""The certificates between hosts: what each is good for, how long, and when a new one is made. Checked by OpenSSL."""

from __future__ import annotations

import datetime as dt
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import UserError
from orchestrator.state.folder import StateFolder
from orchestrator.tls.edge_store import authority_file, forget_edges, gateway_file, host_file, load_edges, save_edges
from orchestrator.tls.edges import IssuedEdges, KeptEdges, WantedEdges, issue_edges, names_of
from orchestrator.tls.names import Names
from orchestrator.tls.pair import SERVERS_ONLY, Pair, make_leaf, make_server

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)
CLASS = WantedEdges("class", ("gpu-1", "gpu-2"), NOW + 3 * DAY, NOW)
NOTHING = KeptEdges()


def opinion(folder: Path, authority: Pair, shown: Pair, *asked: str) -> str:
    """What OpenSSL says, at its strictest, who trusts this authority and nobody else."""
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    (folder / "shown.crt").write_bytes(shown.certificate_pem)
    command = ["openssl", "verify", "-x509_strict", "-no-CAfile", "-no-CApath", "-no-CAstore"]
    command += ["-trusted", str(folder / "ca.crt"), *asked, str(folder / "shown.crt")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.stdout.split(": ")[-1].strip() if ran.returncode == 0 else ran.stderr


def again(before: IssuedEdges, **changes: object) -> IssuedEdges:
    kept = KeptEdges(before.authority, before.gateway, before.hosts)
    return issue_edges(replace(CLASS, **changes), kept)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "class")
    made.create()
    return made


def test_an_edge_stands_for_each_backend_of_its_host_and_for_no_other(tmp_path: Path) -> None:
    made = issue_edges(CLASS, NOTHING)

    def judged(name: str) -> str:
        asked = ("-purpose", "sslserver", "-verify_hostname", name)
        return opinion(tmp_path, made.authority, made.hosts["gpu-1"], *asked)

    assert judged("model-m-1.gpu-1.edge.internal") == "OK"
    for other in ("model-m-1.gpu-2.edge.internal", "gpu-1.edge.internal", "a.b.gpu-1.edge.internal", "edge.internal"):
        assert "hostname mismatch" in judged(other)


def test_an_edge_can_not_pose_as_the_gateway_nor_the_gateway_as_an_edge(tmp_path: Path) -> None:
    made = issue_edges(CLASS, NOTHING)

    def judged(shown: Pair, purpose: str) -> str:
        return opinion(tmp_path, made.authority, shown, "-purpose", purpose)

    assert judged(made.gateway, "sslclient") == "OK"
    assert "purpose" in judged(made.hosts["gpu-1"], "sslclient")
    assert "purpose" in judged(made.gateway, "sslserver")


@pytest.mark.parametrize("foreign", ["bank.example.com", "internal", "10.0.0.8", "2001:db8::7"])
def test_what_the_authority_signs_for_others_is_refused(tmp_path: Path, foreign: str) -> None:
    authority = issue_edges(CLASS, NOTHING).authority
    rogue = make_server("class", Names.of(foreign), authority, NOW - DAY, NOW + DAY)

    assert "subtree violation" in opinion(tmp_path, authority, rogue)


def test_another_workshops_edges_are_strangers(tmp_path: Path) -> None:
    one, two = issue_edges(CLASS, NOTHING), issue_edges(CLASS, NOTHING)

    assert "unable to get local issuer" in opinion(tmp_path, two.authority, one.gateway)


def test_the_second_time_nothing_is_made() -> None:
    first = issue_edges(CLASS, NOTHING)
    second = again(first, now=NOW + DAY)

    assert {who for who, _ in first.new} == {"the edges' authority", "gateway", "gpu-1", "gpu-2"}
    assert second.new == ()
    assert (second.authority, second.gateway, second.hosts) == (first.authority, first.gateway, first.hosts)


def test_a_host_that_comes_gets_one_and_the_others_keep_theirs() -> None:
    first = issue_edges(CLASS, NOTHING)
    second = again(first, hosts=("gpu-2", "gpu-3"))

    assert second.new == (("gpu-3", "there is none yet"),)
    assert set(second.hosts) == {"gpu-2", "gpu-3"}
    assert second.hosts["gpu-2"] is first.hosts["gpu-2"]


@pytest.mark.parametrize("closes", [None, NOW + 3 * DAY, NOW + 2000 * DAY])
def test_all_but_the_authority_are_made_anew_when_they_end_too_soon(closes: dt.datetime | None) -> None:
    first = issue_edges(replace(CLASS, closes=closes), NOTHING)
    ends = first.gateway.certificate.not_valid_after_utc
    assert ends > (closes or NOW) + 29 * DAY

    later = again(first, closes=None, now=ends - 10 * DAY)
    if closes != NOW + 2000 * DAY:
        assert {who for who, _ in later.new} == {"gateway", "gpu-1", "gpu-2"}
    assert {reason for _, reason in later.new} <= {
        "the one before ends too soon",
        "the one before is another authority's",
    }
    assert later.gateway.certificate.not_valid_after_utc > ends


def test_a_class_that_was_put_off_gets_longer_ones() -> None:
    first = issue_edges(CLASS, NOTHING)

    assert again(first, closes=NOW + 20 * DAY).new == ()
    assert len(again(first, closes=NOW + 200 * DAY).new) == 3


def test_without_the_authority_all_are_new() -> None:
    first = issue_edges(CLASS, NOTHING)
    second = issue_edges(CLASS, KeptEdges(None, first.gateway, first.hosts))

    assert len(second.new) == 4
    assert second.gateway.certificate != first.gateway.certificate


def test_a_certificate_for_other_names_is_replaced() -> None:
    first = issue_edges(CLASS, NOTHING)
    swapped = KeptEdges(first.authority, first.gateway, {"gpu-1": first.hosts["gpu-2"], "gpu-2": first.hosts["gpu-2"]})

    assert issue_edges(CLASS, swapped).new == (("gpu-1", "the one before is for other names"),)


def test_what_was_made_is_found_again_and_is_for_its_owner_only(folder: StateFolder) -> None:
    first = issue_edges(CLASS, load_edges(folder))
    save_edges(folder, first)

    assert issue_edges(CLASS, load_edges(folder)).new == ()
    files = [path for path in folder.tls.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"authority.pem", "gateway.pem", "gpu-1.pem", "gpu-2.pem"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [folder.tls, *(path for path in folder.tls.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_a_host_that_leaves_loses_its_file(folder: StateFolder) -> None:
    save_edges(folder, issue_edges(CLASS, load_edges(folder)))
    save_edges(folder, issue_edges(replace(CLASS, hosts=("gpu-2",)), load_edges(folder)))

    assert not host_file(folder, "gpu-1").exists()
    assert host_file(folder, "gpu-2").exists()
    forget_edges(folder)
    assert not folder.edges.exists()
    forget_edges(folder)


def test_files_that_are_right_are_not_touched(folder: StateFolder) -> None:
    save_edges(folder, issue_edges(CLASS, load_edges(folder)))
    before = authority_file(folder).stat()
    save_edges(folder, issue_edges(CLASS, load_edges(folder)))

    assert authority_file(folder).stat().st_ino == before.st_ino


def test_a_key_that_others_can_read_is_not_used(folder: StateFolder) -> None:
    save_edges(folder, issue_edges(CLASS, load_edges(folder)))
    gateway_file(folder).chmod(0o644)

    with pytest.raises(UserError, match="other users") as refused:
        load_edges(folder)
    assert refused.value.code == "tls_exposed"


def test_names_are_those_of_one_host() -> None:
    made = issue_edges(CLASS, NOTHING)
    rogue = make_leaf(
        "class workshop gpu-1", SERVERS_ONLY, names_of("gpu-3").alternatives, made.authority, NOW, NOW + DAY
    )

    kept = KeptEdges(made.authority, made.gateway, {**made.hosts, "gpu-1": rogue})
    assert [who for who, _ in issue_edges(CLASS, kept).new] == ["gpu-1"]
