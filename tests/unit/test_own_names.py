"""Open WebUIs of people's own by name: which names, in which certificate, and what is said where they lead nowhere."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.plan.deployment import Deployment, Instance
from orchestrator.plan.gateway import WEBUI_PORT
from orchestrator.plan.instances import instances, own_ports, with_instances
from orchestrator.plan.policy import gateway_config
from orchestrator.plan.stacks import plan_stacks
from orchestrator.render.contradictions import contradictions
from orchestrator.render.gateway import render_gateway
from orchestrator.spec.loader import Spec
from orchestrator.state.folder import StateFolder
from orchestrator.workflow.gateway.certificates import served
from orchestrator.workflow.validate import problems
from orchestrator.workflow.wanted.address import Addresses, addresses
from orchestrator.workflow.wanted.dns import by_name_nowhere, name_findings, name_notes
from tests.unit.spec_samples import VALID, spec_of

SECRET = b"s" * 32
REMOTE = "hosts: [{name: front, address: 192.0.2.10, gpus: {count: 1, memory_gib: 80}}]\n"
NAMED = VALID + "webui: {mode: per_participant, port: 443, domain: Chat.Example.org}\n" + REMOTE
TLS = NAMED + "public: {host: llm.example.org, tls: {cert: cert.pem, key: key.pem}}\n"
PEOPLE = tuple(Participant(f"p0{number}", team="a b") for number in (1, 2, 3))


def of(spec: Spec) -> tuple[Instance, ...]:
    return instances(spec.workshop, PEOPLE)


def deployed(spec: Spec) -> Deployment:
    return with_instances(plan_stacks(spec.workshop, 3, {})[0], spec.workshop, PEOPLE)


def write_certificate(folder: Path, *names: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "unit test")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    if names:
        found = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(found, critical=False)
    (folder / "cert.pem").write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def pages(spec: Spec) -> list[str]:
    where = addresses(spec.workshop)
    return [where.page(one) for one in of(spec)]


# names


def test_each_is_told_by_name_at_the_one_port_over_tls_or_not(tmp_path: Path) -> None:
    plain = spec_of(tmp_path, NAMED.replace("port: 443, ", ""))
    assert pages(plain) == [f"http://p0{number}.chat.example.org:3000" for number in (1, 2, 3)]
    assert pages(spec_of(tmp_path, TLS)) == [f"https://p0{number}.chat.example.org" for number in (1, 2, 3)]


def test_a_teams_name_says_that_it_is_one(tmp_path: Path) -> None:
    """A team may be called p01."""
    (tmp_path / "people.csv").write_text("name,email,team\nAda,ada@x.org,a b\n", encoding="utf-8")
    text = TLS.replace("{count: 3}", "{roster: people.csv}").replace("per_participant", "per_team")
    assert pages(spec_of(tmp_path, text)) == ["https://team-a-b.chat.example.org"]


def test_they_take_the_gateways_host_one_port(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, TLS)
    assert own_ports(of(spec)) == ()
    assert spec.workshop.published == {"gateway.port": 8080, "webui.port": 443}
    assert {one.page.port for one in of(spec)} == {WEBUI_PORT}


def test_practice_uses_a_name_that_every_browser_takes_for_its_own_machine(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, VALID + "practice: true\nwebui: {mode: per_participant, domain: chat.invalid}\n")
    where, first = addresses(spec.workshop), of(spec)[0]
    assert where.page(first) == "http://p01.class.localhost:3000"
    assert where.other_pages(first) == ("http://p01.chat.invalid:3000",)
    assert first.page.names == ("p01.chat.invalid", "p01.class.localhost")


def test_nginx_tells_them_apart_by_name_and_has_no_page_for_who_asks_otherwise(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, TLS)
    config = gateway_config(Identity(SECRET, spec.workshop, PEOPLE), deployed(spec), {})
    text = render_gateway(config)["nginx.conf"]
    servers = text.split("    server {\n")
    at_port = [server for server in servers if f"listen  {WEBUI_PORT} ssl" in server]
    (default,) = [server for server in at_port if "default_server" in server]
    assert "proxy_pass" not in default
    assert [f"server_name  p0{n}.chat.example.org;" in one for n, one in enumerate(at_port[1:], 1)] == [True] * 3
    assert text.count("set  $cookie_mark  __Host-;") == 3


def test_a_name_that_nginx_could_misread_or_that_two_have_is_refused(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, TLS)
    config = gateway_config(Identity(SECRET, spec.workshop, PEOPLE), deployed(spec), {})
    first = config.pages[0]
    for name in ("~p01", "*.example.org", "P01.example.org", ""):
        changed = replace(config, pages=(replace(first, names=(name,)),))
        assert list(contradictions(changed)) == [f"{name!r} is no name for a page"]
    twice = replace(config, pages=(first, first))
    assert list(contradictions(twice)) == ["name 'p01.chat.example.org' is there 2 times"]


# certificates


def test_an_own_authority_signs_for_all_of_them_at_once(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, NAMED + "public: {host: llm.example.org, tls: auto}\n")
    pem = served(spec, StateFolder(tmp_path / "state")).files["cert.pem"]
    found = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in found] == ["llm.example.org", "192.0.2.10", "*.chat.example.org"]


@pytest.mark.parametrize(
    "names",
    [("*.chat.example.org",), ("*.CHAT.example.org",), tuple(f"p0{number}.chat.example.org" for number in (1, 2, 3))],
    ids=["all", "in capitals", "each"],
)
def test_a_certificate_for_all_of_them_is_taken(tmp_path: Path, names: tuple[str, ...]) -> None:
    write_certificate(tmp_path, *names)
    assert problems(spec_of(tmp_path, TLS)) == []


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("llm.example.org", "chat.example.org"), "p01.chat.example.org and 2 others"),
        (("*.example.org",), "p01.chat.example.org and 2 others"),
        (("p01.chat.example.org", "p03.chat.example.org"), "p02.chat.example.org"),
        ((), "p01.chat.example.org and 2 others"),
    ],
    ids=["others", "one label too few", "one missing", "none"],
)
def test_a_certificate_that_leaves_somebody_out_is_told_with_its_line(
    tmp_path: Path, names: tuple[str, ...], said: str
) -> None:
    write_certificate(tmp_path, *names)
    (problem,) = problems(spec_of(tmp_path, TLS))
    assert (problem.code, problem.where.line) == ("tls_names", 10)
    assert problem.message == f"cert.pem is no certificate for {said}"
    assert problem.hint == "Have one made for *.chat.example.org, or write tls: auto"


# where the names lead


def named_at(folder: Path, api: str) -> tuple[Addresses, Deployment]:
    """Of a gateway that participants reach by this address."""
    spec = spec_of(folder, NAMED)
    return replace(addresses(spec.workshop), api=api), deployed(spec)


@pytest.mark.parametrize(
    ("api", "record"),
    [
        ("http://llm.example.org:8080", "CNAME llm.example.org."),
        ("http://192.0.2.10:8080", "A 192.0.2.10"),
        ("http://[2001:db8::7]:8080", "AAAA 2001:db8::7"),
    ],
)
def test_names_that_nobody_knows_are_a_remark_with_the_record_to_set(tmp_path: Path, api: str, record: str) -> None:
    where, deployment = named_at(tmp_path, api)
    (finding,) = name_findings(where, deployment, lambda _: set())
    assert finding.level == "warn"
    assert finding.what.startswith("nobody knows p01.chat.example.org here, and the gateway is ")
    assert finding.remedy == f"Set in the DNS of the class: *.chat.example.org. {record}"


def test_names_that_lead_elsewhere_are_told_with_where(tmp_path: Path) -> None:
    where, deployment = named_at(tmp_path, "http://llm.example.org:8080")
    dns = {"llm.example.org": {"192.0.2.10"}, "p01.chat.example.org": {"192.0.2.10"}}
    told = list(name_findings(where, deployment, lambda name: dns.get(name, {"192.0.2.99"})))
    assert [(one.level, one.what) for one in told] == [
        ("ok", "p01.chat.example.org leads to the gateway"),
        ("warn", "p03.chat.example.org leads to 192.0.2.99, and the gateway is llm.example.org"),
    ]


def test_names_that_lead_to_the_gateway_are_well(tmp_path: Path) -> None:
    where, deployment = named_at(tmp_path, "http://llm.example.org:8080")
    found = list(name_findings(where, deployment, lambda _: {"192.0.2.10", "2001:db8::7"}))
    assert [one.level for one in found] == ["ok", "ok"]


def test_while_nobody_knows_the_name_this_machine_asks_at_the_gateways_address(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, NAMED.replace("Chat.Example.org", "chat.invalid"))
    where, first = addresses(spec.workshop), of(spec)[0]
    assert by_name_nowhere(where, first)
    assert where.local_page(first) == "http://192.0.2.10:443"
    assert len(name_notes(where, deployed(spec))) == 1


def test_one_at_a_port_of_its_own_has_no_name_to_look_for(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, VALID + "webui: {mode: per_participant}\n" + REMOTE)
    where = addresses(spec.workshop)
    assert name_notes(where, deployed(spec)) == ()
    assert not by_name_nowhere(where, of(spec)[0])
