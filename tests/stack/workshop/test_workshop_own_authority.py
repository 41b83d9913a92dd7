"""`tls: auto`: an authority of the workshop's own, made once; who trusts it and nobody else believes the gateway."""

from __future__ import annotations

import datetime as dt
import signal
import socket
import ssl
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import openai
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from orchestrator.plan.gateway import HTTP2_FILE
from orchestrator.state.folder import StateFolder
from orchestrator.tls import store
from orchestrator.tls.issue import Issued, Wanted, issue
from orchestrator.tls.names import Names
from orchestrator.tls.pair import make_server
from tests.stack.workshop.bed import Workshop, ask

pytestmark = pytest.mark.full("a whole class with an authority of its own; tests/unit/test_tls_authority makes one")

HOUR = dt.timedelta(hours=1)


def folder(workshop: Workshop) -> StateFolder:
    return StateFolder(workshop.state)


def authority(workshop: Workshop) -> bytes:
    return folder(workshop).ca_certificate.read_bytes()


def foreseen(workshop: Workshop) -> list[tuple[str, str, str]]:
    changes = workshop.workshop("plan", "--output", "json").json["changes"]
    return [(change["action"], change["what"], change["name"]) for change in changes]


@pytest.fixture(scope="module")
def workshop(make_workshop: Callable[..., Workshop]) -> Workshop:
    """The gateway alone. Its first run was killed right after the authority was made."""
    made = make_workshop("authority", public={"host": "127.0.0.1", "tls": "auto"})
    expected = [("make", "certificate authority", "127.0.0.1"), ("make", "certificate", "127.0.0.1")]
    assert [change for change in foreseen(made) if "certificate" in change[1]] == expected
    assert not made.state.exists()
    made.interrupt("Images", signal.SIGKILL)
    made.settle()
    first = authority(made)

    told = made.provision()

    assert told["ok"] is True
    assert not [change for change in told["changes"] if "certificate" in change]
    assert authority(made) == first
    return made


def shown(workshop: Workshop, trusted: Path, host: str = "127.0.0.1") -> x509.Certificate:
    """What is shown to who believes this authority and nobody else, at their strictest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(trusted)
    with (
        socket.create_connection(("127.0.0.1", workshop.spec["gateway"]["port"]), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_trusts_the_authority_and_nobody_else_believes_the_gateway(workshop: Workshop, host: str) -> None:
    certificate = shown(workshop, folder(workshop).ca_certificate, host)

    assert dt.datetime.now(dt.UTC) - certificate.not_valid_before_utc > HOUR


def test_who_trusts_another_workshops_authority_does_not(workshop: Workshop, tmp_path: Path) -> None:
    other = issue(wanted("127.0.0.1"), None, None).authority
    (tmp_path / "other.crt").write_bytes(other.certificate_pem)

    with pytest.raises(ssl.SSLCertVerificationError):
        shown(workshop, tmp_path / "other.crt")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{workshop.api}/healthz", timeout=30)


def wanted(host: str) -> Wanted:
    return Wanted("other", Names.of(host), None, dt.datetime.now(dt.UTC).replace(microsecond=0))


def test_openais_client_is_told_as_the_guide_says(workshop: Workshop) -> None:
    person = workshop.people()[0]
    trust = ssl.create_default_context(cafile=str(workshop.state / "handouts" / "workshop-ca.crt"))
    client = openai.OpenAI(
        base_url=person["api_base"],
        api_key=person["api_key"],
        http_client=openai.DefaultHttpxClient(verify=trust),
        max_retries=0,
    )

    assert person["api_base"] == f"{workshop.api}/v1"
    assert ask(client, "tiny")
    client.close()


def test_guide_and_file_offer_the_authority_and_no_key(workshop: Workshop) -> None:
    handouts = workshop.state / "handouts"
    offered = (handouts / "workshop-ca.crt").read_bytes()
    fingerprint = x509.load_pem_x509_certificate(offered).fingerprint(hashes.SHA256()).hex(":").upper()

    assert offered == authority(workshop)
    assert fingerprint[:23] in (handouts / "guide.html").read_text(encoding="utf-8")
    assert b"PRIVATE" not in offered


def test_the_keys_are_the_owners_and_nowhere_else(workshop: Workshop) -> None:
    kept = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder(workshop).tls.iterdir()}
    secret = store.authority_file(folder(workshop)).read_bytes().splitlines()[1]

    assert kept == {"authority.pem": 0o600, "server.pem": 0o600, "workshop-ca.crt": 0o600}
    others = [file for file in workshop.folder.rglob("*") if file.is_file() and file.name != "authority.pem"]
    assert [file for file in others if secret in file.read_bytes()] == []
    assert secret.decode() not in "".join(workshop.said)


def test_the_second_time_nothing_changes(workshop: Workshop) -> None:
    before, files = workshop.starts(), {file: file.stat().st_mtime_ns for file in folder(workshop).tls.iterdir()}

    assert foreseen(workshop) == []
    assert workshop.provision()["changes"] == []
    assert workshop.starts() == before
    assert {file: file.stat().st_mtime_ns for file in folder(workshop).tls.iterdir()} == files


def test_plain_http_is_sent_to_https(workshop: Workshop) -> None:
    port = workshop.spec["gateway"]["port"]
    answer = requests.get(f"http://127.0.0.1:{port}/v1/models?a=b", allow_redirects=False, timeout=30)

    assert (answer.status_code, answer.headers["location"]) == (308, f"https://127.0.0.1:{port}/v1/models?a=b")


def curl(workshop: Workshop, url: str, *options: str) -> str:
    command = ["curl", "-sS", "-o", "/dev/null", "--cacert", str(folder(workshop).ca_certificate), *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def newest_http(workshop: Workshop) -> str:
    """That the gateway may speak: not HTTP/2 where the image's nginx has a hole in it (templates/gateway/start.sh)."""
    told = workshop.container("gateway").exec_run(["cat", HTTP2_FILE]).output
    return "2" if b"http2 on;" in told else "1.1"


def test_curl_speaks_http_2_where_it_may(workshop: Workshop) -> None:
    told = ("-w", "%{http_version} %{http_code}")

    assert curl(workshop, f"{workshop.api}/healthz", "--http2", *told) == f"{newest_http(workshop)} 200"
    assert curl(workshop, f"{workshop.api}/healthz", "--http1.1", *told) == "1.1 200"


def test_a_throw_away_authority_asks_no_browser_to_remember_it(workshop: Workshop) -> None:
    """After the class the address is somebody else's, and a browser that insists on HTTPS could not be talked out of it."""
    answer = requests.get(f"{workshop.api}/healthz", verify=str(folder(workshop).ca_certificate), timeout=30)

    assert "strict-transport-security" not in answer.headers


def test_a_certificate_about_to_expire_is_renewed_under_the_same_authority(workshop: Workshop) -> None:
    before, first = workshop.starts(), authority(workshop)
    shorten(workshop)

    assert foreseen(workshop) == [("make", "certificate", "127.0.0.1"), ("update", "rules", "gateway")]
    told = workshop.provision()

    assert told["changes"][0] == "certificate: new, for 127.0.0.1 (the one before ends too soon)"
    assert told["ok"] is True
    assert authority(workshop) == first
    assert workshop.starts() == before
    ends = shown(workshop, folder(workshop).ca_certificate).not_valid_after_utc
    assert ends - dt.datetime.now(dt.UTC) > dt.timedelta(days=300)


def shorten(workshop: Workshop) -> None:
    """As it will be at the end of the certificate's life."""
    own, server = store.load(folder(workshop))
    assert own
    assert server
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    old = make_server("x", Names.of("127.0.0.1", "localhost"), own, now - 9 * HOUR, now + 9 * HOUR)
    store.save(folder(workshop), Issued(own, old, None, None))


def test_another_address_takes_a_new_authority_and_says_so(workshop: Workshop) -> None:
    before, first = workshop.starts(), authority(workshop)
    workshop.write(public={"host": "127.0.0.2", "tls": "auto"})

    told = workshop.provision()

    assert told["ok"] is True
    assert told["changes"][:2] == [
        "certificate authority: new, for 127.0.0.2 (the one before may not sign for this address)",
        "certificate: new, for 127.0.0.2 (the one before is another authority's)",
    ]
    assert authority(workshop) != first
    assert (workshop.state / "handouts" / "workshop-ca.crt").read_bytes() == authority(workshop)
    assert workshop.starts() == before
    assert shown(workshop, folder(workshop).ca_certificate, "127.0.0.2")


def test_open_webui_is_behind_it_too(make_workshop: Callable[..., Workshop]) -> None:
    made = make_workshop("authority-webui", public={"host": "127.0.0.1", "tls": "auto"}, webui={"mode": "shared"})
    told = made.provision()
    person, trusted = made.people()[0], str(folder(made).ca_certificate)
    form = {"email": person["webui_email"], "password": person["webui_password"]}

    answer = requests.post(f"{person['webui_url']}/api/v1/auths/signin", json=form, verify=trusted, timeout=60)

    assert told["ok"] is True
    assert [check["ok"] for check in told["checks"] if check["name"] == "Certificate"] == [True, True]
    assert person["webui_url"] == made.webui
    assert answer.status_code == 200
    assert "secure" in answer.headers["set-cookie"].lower()
    headers = requests.get(made.webui, verify=trusted, timeout=60).raw.headers
    assert headers.getlist("x-content-type-options") == ["nosniff"]
    assert headers.getlist("x-frame-options") == ["SAMEORIGIN"]
    assert curl(made, made.webui, "--http2", "-w", "%{http_version} %{http_code}") == f"{newest_http(made)} 200"
    made.workshop("participants rotate", person["id"])
    assert made.people()[0]["api_key"] != person["api_key"]
    assert "Warning" not in "".join(made.said)
    made.workshop("teardown", "--yes")
    assert not folder(made).tls.exists()
