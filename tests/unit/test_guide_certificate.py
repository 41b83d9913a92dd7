"""The guide offers the authority's certificate: whole, without a key, with lines that programs obey.

The examples run against a stub that answers like the gateway: a stand-in, named as one.
"""

from __future__ import annotations

import base64
import datetime as dt
import html
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.errors import UserError
from orchestrator.handouts import GuideModel
from orchestrator.tls.issue import Issued, Wanted, issue
from orchestrator.tls.names import Names
from tests.unit.checks_stub import StubGateway, key_of, serving
from tests.unit.guide_samples import page, run, snippet

KEY = key_of("p01").get_secret_value()
MODELS = (GuideModel("chat", "llamacpp"),)


@pytest.fixture(scope="module")
def issued() -> Issued:
    wanted = Wanted("class", Names.of("127.0.0.1"), None, dt.datetime.now(dt.UTC).replace(microsecond=0))
    return issue(wanted, None, None)


@pytest.fixture
def ca_file(issued: Issued, tmp_path: Path) -> Path:
    """Saved where the examples expect it."""
    file = tmp_path / "workshop-ca.crt"
    file.write_bytes(issued.authority.certificate_pem)
    return file


@pytest.fixture
def api_base(issued: Issued, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("server") / "server.pem"
    file.write_bytes(issued.server.key_pem + issued.server.certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with serving(StubGateway(), tls=context) as server:
        yield f"{server.url}/v1"


def test_it_can_be_saved_and_a_key_beside_it_cannot(issued: Issued, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(issued.authority.key_pem + issued.authority.certificate_pem)

    text = page(ca_certificate=bundle)
    found = re.search(r'download="workshop-ca.crt" href="data:application/x-x509-ca-cert;base64,([^"]+)"', text)

    assert found
    assert base64.b64decode(html.unescape(found[1])) == issued.authority.certificate_pem


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_its_fingerprint_is_the_one_that_openssl_tells(ca_file: Path) -> None:
    command = ["openssl", "x509", "-in", str(ca_file), "-noout", "-fingerprint", "-sha256"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().partition("=")[2]

    assert ":".join(snippet(page(ca_certificate=ca_file), "ca-fingerprint").split()) == told


@pytest.mark.parametrize("device", ["Windows", "macOS", "iPhone, iPad", "Android", "Linux"])
def test_every_kind_of_device_is_told(ca_file: Path, device: str) -> None:
    assert f"<dt>{device}</dt>" in page(ca_certificate=ca_file)


def test_without_an_authority_nothing_is_said() -> None:
    assert "certificate" not in page()


@pytest.mark.parametrize("program", ["curl", "node", "python"])
def test_programs_obey_the_lines_that_the_page_shows(
    api_base: str, tmp_path: Path, ca_file: Path, program: str
) -> None:
    if program != "python" and not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    text = page(api_base=api_base, models=MODELS, ca_certificate=ca_file)
    (tmp_path / "ask.py").write_text(snippet(text, "python-chat"))
    (tmp_path / "ask.mjs").write_text(snippet(text, "javascript-fetch"))
    command = {"curl": f"{snippet(text, 'curl-chat')}", "node": "node ask.mjs", "python": f"{sys.executable} ask.py"}

    with ThreadPoolExecutor() as both:  # one waits between its tries
        failing = both.submit(run, ["sh", "-c", command[program]], tmp_path, KEY, check=False)
        told = run(["sh", "-c", snippet(text, "ca-shell") + command[program]], tmp_path, KEY)
        untold = failing.result()

    assert "certificate" in untold.stderr.lower()
    assert "Good day" in told.stdout


def test_a_program_can_be_told_in_itself(api_base: str, tmp_path: Path, ca_file: Path) -> None:
    text = page(api_base=api_base, models=MODELS, ca_certificate=ca_file)
    (tmp_path / "models.py").write_text(snippet(text, "ca-python"))

    assert run([sys.executable, "models.py"], tmp_path, KEY).stdout == "['chat', 'small']\n"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_can_be_told_once(api_base: str, tmp_path: Path, ca_file: Path) -> None:
    text = page(api_base=api_base, models=MODELS, ca_certificate=ca_file)

    assert '"small"' in run(["sh", "-c", snippet(text, "ca-curl")], tmp_path, KEY).stdout


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"-----BEGIN PRIVATE KEY-----",
        b"-----BEGIN CERTIFICATE-----\nMIIBA\n-----END CERTIFICATE-----",
    ],
)
def test_a_file_without_a_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(content)

    with pytest.raises(UserError) as refused:
        page(ca_certificate=bundle)

    assert refused.value.code == "certificate_unreadable"
    assert refused.value.where.file == bundle
