"""Which certificate a workshop shows: for which addresses, whom clients must trust, and looking changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from orchestrator.errors import UserError
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.gateway.certificates import served, trusted, trusted_nearby
from orchestrator.workflow.people.print import handout
from tests.unit.spec_samples import VALID, spec_of

AUTO = VALID + "public: {host: llm.example.org, tls: auto}\n"
REMOTE = "hosts: [{name: front, address: 192.0.2.10}]\n"


def names(pem: bytes) -> list[str]:
    """As they stand in URLs."""
    found = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name.value) for name in found.value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AUTO, ["llm.example.org", "127.0.0.1", "localhost"]),
        (AUTO + REMOTE, ["llm.example.org", "192.0.2.10"]),
        (VALID + "public: {host: '2001:db8::7', tls: auto}\n" + REMOTE, ["2001:db8::7", "192.0.2.10"]),
        (VALID + "public: {tls: auto}\n" + REMOTE, ["192.0.2.10"]),
        (VALID + "public: {host: 127.0.0.1, tls: auto}\n", ["127.0.0.1", "localhost"]),
    ],
    ids=["this machine", "another machine", "IPv6", "no name", "loopback"],
)
def test_it_is_for_what_participants_type_and_for_how_the_program_gets_there(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    shown = served(spec_of(tmp_path, text), StateFolder(tmp_path / "state"))

    assert set(shown.files) == {"cert.pem", "key.pem"}
    assert names(shown.files["cert.pem"]) == expected


def test_looking_makes_nothing_and_tells_what_is_to_come(tmp_path: Path) -> None:
    shown = served(spec_of(tmp_path, AUTO), StateFolder(tmp_path / "state"))

    assert [str(new) for new in shown.new] == [
        "certificate authority: new, for llm.example.org (there is none yet)",
        "certificate: new, for llm.example.org (there is none yet)",
    ]
    assert not (tmp_path / "state").exists()
    assert "PRIVATE" not in repr(shown)


def test_without_tls_there_is_nothing(tmp_path: Path) -> None:
    spec, folder = spec_of(tmp_path, VALID), StateFolder(tmp_path / "state")

    assert (served(spec, folder).files, trusted(spec, folder)) == ({}, None)


def test_clients_trust_the_users_file_or_the_authority(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")

    assert trusted(spec_of(tmp_path, AUTO), folder) == folder.ca_certificate
    files = spec_of(tmp_path, VALID + "public: {tls: {cert: a.pem, key: b.pem}}\n")
    assert trusted(files, folder) == tmp_path / "a.pem"


def test_over_the_loopback_only_the_own_certificate_can_be_looked_at(tmp_path: Path) -> None:
    """One from files is for the public name; the own authority's is for both, once it was made."""
    folder, own = StateFolder(tmp_path / "state"), spec_of(tmp_path, AUTO)
    assert trusted_nearby(own, folder) is False
    folder.tls.mkdir(parents=True)
    folder.ca_certificate.touch()

    assert trusted_nearby(own, folder) == str(folder.ca_certificate)
    files = spec_of(tmp_path, VALID + "public: {tls: {cert: a.pem, key: b.pem}}\n")
    assert trusted_nearby(files, folder) is False


def test_no_guide_offers_an_authority_that_is_still_to_be_made(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, AUTO)
    folder = StateFolder(tmp_path / "state" / "class")
    with State.open(folder) as state, pytest.raises(UserError, match="no certificate was made yet"):
        handout(spec, state, (), frozenset())
