"""The workshop's own authority: what it may sign, how long, and when a new one is made. Checked by OpenSSL."""

from __future__ import annotations

import datetime as dt
import ipaddress
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from orchestrator.tls.issue import Issued, Wanted, issue
from orchestrator.tls.lifetime import LEAST, LONGEST
from orchestrator.tls.names import Names
from orchestrator.tls.pair import Pair, make_server, read_pair

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)
CLASS = Wanted("class", Names.of("llm.example.org", "127.0.0.1", "localhost"), NOW + 3 * DAY, NOW)


def opinion(folder: Path, authority: Pair, server: Pair, *asked: str) -> str:
    """What OpenSSL says, at its strictest, who trusts this authority and nobody else."""
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    (folder / "server.crt").write_bytes(server.certificate_pem)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-no-CAfile", "-no-CApath", "-no-CAstore"]
    command += ["-trusted", str(folder / "ca.crt"), *asked, str(folder / "server.crt")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.stdout.split(": ")[-1].strip() if ran.returncode == 0 else ran.stderr


def again(before: Issued, **changes: object) -> Issued:
    return issue(replace(CLASS, **changes), before.authority, before.server)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("llm.example.org", "-verify_hostname"),
        ("LLM.Example.ORG", "-verify_hostname"),
        ("10.0.0.7", "-verify_ip"),
        ("2001:db8::7", "-verify_ip"),
        ("localhost", "-verify_hostname"),
    ],
)
def test_clients_that_trust_the_authority_believe_the_server(tmp_path: Path, host: str, asked: str) -> None:
    made = issue(replace(CLASS, names=Names.of(host)), None, None)

    assert opinion(tmp_path, made.authority, made.server, asked, host) == "OK"


def test_another_workshops_authority_is_another(tmp_path: Path) -> None:
    one, two = issue(CLASS, None, None), issue(CLASS, None, None)

    assert "unable to get local issuer" in opinion(tmp_path, two.authority, one.server)
    assert one.authority.certificate.subject != two.authority.certificate.subject


@pytest.mark.parametrize("own", ["llm.example.org", "10.0.0.7"])
@pytest.mark.parametrize("foreign", ["bank.example.com", "example.org", "10.0.0.8", "2001:db8::7"])
def test_what_it_signs_for_others_is_refused(tmp_path: Path, own: str, foreign: str) -> None:
    """Whoever steals its key gets this workshop's addresses, not everybody's bank."""
    authority = issue(replace(CLASS, names=Names.of(own)), None, None).authority
    rogue = make_server("class", Names.of(foreign), authority, NOW - DAY, NOW + DAY)

    assert "permitted subtree violation" in opinion(tmp_path, authority, rogue)


def test_it_can_make_neither_further_authorities_nor_certificates_for_mail() -> None:
    extensions = issue(CLASS, None, None).authority.certificate.extensions

    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    uses = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]
    assert extensions.get_extension_for_class(x509.NameConstraints).critical


def test_the_second_time_nothing_is_made() -> None:
    first = issue(CLASS, None, None)
    second = again(first, now=NOW + DAY)

    assert first.is_new
    assert not second.is_new
    assert second.authority is first.authority
    assert second.server is first.server


@pytest.mark.parametrize("closes", [None, NOW - 300 * DAY, NOW + DAY, NOW + 300 * DAY])
def test_it_begins_an_hour_ago_and_lasts_beyond_the_class(closes: dt.datetime | None) -> None:
    made = issue(replace(CLASS, closes=closes), None, None)
    shown = made.server.certificate

    assert shown.not_valid_before_utc == NOW - dt.timedelta(hours=1)
    assert shown.not_valid_after_utc > max(closes or NOW, NOW + LEAST)
    assert shown.not_valid_after_utc - shown.not_valid_before_utc <= LONGEST
    assert shown.not_valid_after_utc <= made.authority.certificate.not_valid_after_utc


def test_a_class_beyond_any_certificates_life_is_told() -> None:
    assert replace(CLASS, closes=NOW + 396 * DAY).is_possible
    assert not replace(CLASS, closes=NOW + 397 * DAY).is_possible


@pytest.mark.parametrize("closes", [None, NOW + 3 * DAY])
def test_a_certificate_about_to_expire_is_made_anew_under_the_same_authority(closes: dt.datetime | None) -> None:
    first = issue(replace(CLASS, closes=closes), None, None)
    later = again(first, closes=closes, now=first.server.certificate.not_valid_after_utc - dt.timedelta(hours=1))

    assert later.authority is first.authority
    assert (later.new_authority, later.new_server) == (None, "the one before ends too soon")


def test_a_class_that_was_put_off_gets_a_longer_one() -> None:
    first = issue(CLASS, None, None)

    assert again(first, closes=NOW + 20 * DAY).new_server is None
    assert again(first, closes=NOW + 200 * DAY).new_server == "the one before ends too soon"


def test_a_new_address_takes_a_new_authority_which_is_said() -> None:
    """The one before may not sign for it: that is what it was bound for."""
    first = issue(CLASS, None, None)
    moved = again(first, names=Names.of("other.example.org", "127.0.0.1"))

    assert moved.new_authority == "the one before may not sign for this address"
    assert moved.authority.signed(moved.server.certificate)


def test_an_address_less_keeps_the_authority() -> None:
    first = issue(CLASS, None, None)
    moved = again(first, names=Names.of("llm.example.org"))

    assert moved.new_authority is None
    assert moved.new_server == "the one before is for other addresses"


def test_an_authority_at_its_end_is_replaced() -> None:
    first = issue(CLASS, None, None)
    late = first.authority.certificate.not_valid_after_utc - DAY

    assert again(first, now=late, closes=late + 3 * DAY).new_authority == "the one before ends too soon"


def test_a_server_of_another_authority_is_replaced() -> None:
    first, other = issue(CLASS, None, None), issue(CLASS, None, None)
    mixed = issue(CLASS, first.authority, other.server)

    assert (mixed.new_authority, mixed.new_server) == (None, "the one before is another authority's")


def test_an_authority_of_another_program_is_not_trusted_with_it() -> None:
    first = issue(CLASS, None, None)

    assert issue(CLASS, first.server, first.server).new_authority


def test_all_names_are_there_each_once() -> None:
    names = issue(replace(CLASS, names=Names.of("127.0.0.1", "127.0.0.1", "localhost")), None, None)
    alternatives = names.server.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert list(alternatives) == [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]


def test_no_key_is_in_what_is_printed() -> None:
    made = issue(CLASS, None, None)

    assert "PRIVATE" not in repr(made)
    assert b"PRIVATE" not in made.server.certificate_pem


def test_a_key_and_a_certificate_that_do_not_belong_together_are_refused() -> None:
    made = issue(CLASS, None, None)
    assert read_pair(made.server.key_pem + made.server.certificate_pem).certificate == made.server.certificate

    for pem in (made.server.key_pem + made.authority.certificate_pem, made.server.key_pem, b"", b"nonsense"):
        with pytest.raises(ValueError, match=r".*"):
            read_pair(pem)
