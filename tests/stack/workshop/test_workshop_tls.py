"""With a certificate from files everything speaks TLS, and a wrong one is one line."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.stack.workshop.bed import Workshop, ask

pytestmark = pytest.mark.full("one more class for TLS; test_gateway_webui has it in front of the gateway and the page")


def write_certificate(folder: Path, stem: str) -> dict[str, str]:
    """A self-signed one for 127.0.0.1, as `public.tls` names it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stack test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{stem}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / f"{stem}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"cert": f"{stem}.pem", "key": f"{stem}.key"}


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    made = make_workshop("tls", webui={"mode": "shared"})
    write_certificate(made.folder, "other")
    made.write(public={"host": "127.0.0.1", "tls": write_certificate(made.folder, "own")})
    told = made.provision()
    assert told["ok"] is True
    assert told["api_base"].startswith("https://")
    return made


@pytest.fixture
def person(workshop: Workshop) -> dict[str, Any]:
    return workshop.people()[0]


def test_provision_says_nothing_of_its_own_doubts(workshop: Workshop) -> None:
    """It asks Open WebUI over loopback without looking at the certificate, which no one needs to read about."""
    assert "Warning" not in "".join(workshop.said)


def test_the_api_speaks_tls(workshop: Workshop, person: dict[str, Any]) -> None:
    client = openai.DefaultHttpxClient(verify=ssl.create_default_context(cafile=str(workshop.folder / "own.pem")))
    asked = openai.OpenAI(base_url=person["api_base"], api_key=person["api_key"], http_client=client, max_retries=0)

    assert person["api_base"].startswith("https://127.0.0.1:")
    assert ask(asked, "tiny")
    client.close()


def test_open_webui_speaks_tls_and_signs_in(workshop: Workshop, person: dict[str, Any]) -> None:
    form = {"email": person["webui_email"], "password": person["webui_password"]}
    url, own = person["webui_url"], str(workshop.folder / "own.pem")
    answer = requests.post(f"{url}/api/v1/auths/signin", json=form, verify=own, timeout=60)

    assert url.startswith("https://127.0.0.1:")
    assert answer.status_code == 200
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("port", ["gateway", "webui"])
def test_plain_http_on_the_same_port_is_redirected(workshop: Workshop, port: str) -> None:
    number = workshop.spec[port]["port"]
    answer = requests.get(f"http://127.0.0.1:{number}/v1/models?a=b", allow_redirects=False, timeout=30)

    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://127.0.0.1:{number}/v1/models?a=b"


def test_verify_looks_at_the_certificates_and_is_green(workshop: Workshop) -> None:
    told = workshop.workshop("verify", "--output", "json").json

    assert told["ok"] is True
    assert len([check for check in told["checks"] if check["name"] == "Certificate"]) == 2


def test_a_key_of_another_certificate_is_one_line_and_changes_nothing(workshop: Workshop) -> None:
    right, before = workshop.spec["public"], workshop.starts()
    workshop.write(public={"host": "127.0.0.1", "tls": {"cert": "own.pem", "key": "other.key"}})
    try:
        ran = workshop.workshop("provision", code=1)
    finally:
        workshop.write(public=right)

    assert "own.pem and other.key do not belong together" in ran.line
    assert ran.line.startswith(f"{workshop.file}:")
    assert workshop.starts() == before


def test_a_new_certificate_is_shown_without_a_restart(workshop: Workshop) -> None:
    before = workshop.starts()
    write_certificate(workshop.folder, "own")

    told = workshop.provision()

    assert told["changes"] == ["here: gateway: new rules"]
    assert workshop.starts() == before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = requests.get(f"{workshop.api}/healthz", verify=str(workshop.folder / "own.pem"), timeout=30)
    assert answer.status_code == 200
