"""Whom the gateway trusts to vouch for providers: the public authorities and those of the spec, and nothing else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from orchestrator.errors import UserError
from orchestrator.identity.identity import Identity
from orchestrator.plan.images import REFERENCES
from orchestrator.spec.loader import Spec
from orchestrator.workflow.validate import problems
from orchestrator.workflow.wanted.authorities import authorities
from orchestrator.workflow.wanted.desired import desired, planned
from tests.unit.spec_samples import spec_of, with_models

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
PLAIN = "name: m, engine: external, source: x, base_url: 'https://a.example/v1'"
WITH_CA = PLAIN + ", ca: own/ca.pem"


def certificates(text: str) -> list[str]:
    return [part.partition(END)[0] for part in text.split(BEGIN)[1:]]


def spec_with(folder: Path, pem: str | bytes, *models: str) -> Spec:
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / "ca.pem").write_bytes(pem if isinstance(pem, bytes) else pem.encode())
    return spec_of(folder, with_models(*(models or (WITH_CA,))))


@pytest.fixture(scope="module")
def certificate() -> str:
    """A real one, of the bundle: what matters here is its form."""
    return f"{BEGIN}{certificates(certifi.contents())[0]}{END}"


def test_the_public_authorities_are_there_and_the_bundle_is_read_by_a_tls_library(tmp_path: Path) -> None:
    bundle = authorities(spec_of(tmp_path, with_models(PLAIN))).decode()
    assert certificates(bundle) == certificates(certifi.contents())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=bundle)
    assert len(context.get_ca_certs()) > 50


def test_an_authority_of_the_spec_is_added_once_and_a_key_beside_it_is_left_out(
    tmp_path: Path, certificate: str
) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nSENTINEL\n-----END PRIVATE KEY-----\n"
    spec = spec_with(tmp_path, f"# ours\n{key}{certificate}\n", WITH_CA, WITH_CA.replace("name: m", "name: n"))
    bundle = authorities(spec).decode()
    assert len(certificates(bundle)) == len(certificates(certifi.contents())) + 1
    assert "SENTINEL" not in bundle
    assert "# ours" not in bundle


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        ("", "own/ca.pem holds no certificate"),
        ("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "own/ca.pem holds no certificate"),
        (f"{BEGIN}\nAAAA\n{END}\n", "a certificate in own/ca.pem is damaged"),
        (b"\xff\xfe", "cannot read own/ca.pem: not pem text"),
    ],
)
def test_a_file_without_a_good_certificate_is_told_with_its_line(tmp_path: Path, pem: str | bytes, said: str) -> None:
    spec = spec_with(tmp_path, pem)
    with pytest.raises(UserError) as caught:
        authorities(spec)
    assert caught.value.code == "ca_unreadable"
    assert (caught.value.where.line, caught.value.message) == (5, said)
    assert [problem.message for problem in problems(spec)] == [said]


def test_a_file_that_is_not_there_is_told_and_not_missed_in_practice(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, with_models(WITH_CA))
    assert [problem.message for problem in problems(spec)] == ["cannot read own/ca.pem: no such file or directory"]
    assert problems(spec_of(tmp_path, with_models(WITH_CA) + "practice: true\n")) == []


def gateway_files(spec: Spec, folder: Path) -> Iterator[str]:
    deployment = planned(spec, {})
    nobody = Identity(b"s" * 32, spec.workshop, ())
    made = desired(spec, deployment, nobody, deployment_id="d", images=REFERENCES, cache=folder, tls={})
    return (path for path in made.files["here"] if path.startswith("gateway/"))


def test_the_bundle_lies_beside_the_rules_where_a_provider_is_asked_over_tls_and_nowhere_else(tmp_path: Path) -> None:
    bundle = "gateway/authorities.pem"
    assert bundle in gateway_files(spec_of(tmp_path, with_models(PLAIN)), tmp_path)
    assert bundle not in gateway_files(spec_of(tmp_path, with_models(PLAIN.replace("https", "http"))), tmp_path)
    assert bundle not in gateway_files(spec_of(tmp_path, with_models(PLAIN) + "practice: true\n"), tmp_path)
