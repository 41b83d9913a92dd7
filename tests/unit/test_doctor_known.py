"""One secret of each kind, planted: the redactor of a bundle lets none of them through, wherever it stands."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from orchestrator.doctor.known import known_secrets, people_by_id
from orchestrator.identity.identity import Identity
from orchestrator.identity.participant import Participant
from orchestrator.redaction.redactor import Redactor
from orchestrator.spec.kept import KeptSpec
from orchestrator.spec.loader import Spec
from orchestrator.state.accounts import AccountRecord
from orchestrator.state.connections import ConnectionOverride
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.context.open import identity_of, seats
from orchestrator.workflow.doctor import SHORTEST
from tests.unit.spec_samples import spec_of

SPEC = """\
name: class
title: A class
participants: {roster: people.csv}
models:
  - {name: m, engine: ollama, source: "llama3.2:3b", teams: [red], environment: {HF_TOKEN: planted-in-a-variable}}
  - {name: e, engine: ollama, source: nomic, embeds: true}
  - name: claude
    engine: external
    source: claude
    base_url: https://api.example.org/v1
    api_key: "${env:PLANTED}"
    query: {access_token: planted-in-a-query}
    headers: {X-File: "${file:planted.key}", X-Api-Key: planted-in-a-header, Authorization: "Bearer planted+bearer"}
    api_key_header: X-Other
images: {login: {user: u, password: "${file:registry.key}"}}
hosts: [{name: far, address: far.example.org, key: ssh.key}]
webui:
  embeddings: e
  mode: MODE
"""
SHARED = """\
  database: "${env:PLANTED_DATABASE}"
  tool_servers: [{name: t, kind: mcp, url: "http://t/mcp", api_key: "${file:tool.key}"}]
  connections: [{name: lab, url: "http://lab/v1", headers: {X-Token: planted-at-a-connection}}]
"""
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nplantedLine1{0}\nplantedLine2{0}\n-----END OPENSSH PRIVATE KEY-----\n"
ENVIRONMENT = {
    "PLANTED": "planted/by=variable",
    "PLANTED_DATABASE": "postgresql://ada:planted%2Fpassword@db/class",
    "MY_SHELL_TOKEN": "planted-in-the-shell",
}
FILES = {
    "planted.key": "planted-in-a-file",
    "registry.key": "planted-registry-password",
    "tool.key": "planted-tool-key",
    "ssh.key": PEM.format("ssh"),
    "earlier.key": "planted-in-an-earlier-spec",
    "people.csv": "name,email,team\nAda Lovelace,ada@x.org,red\nGrace Hopper,grace@y.org,blue\n",
    ".docker/config.json": json.dumps(
        {
            "auths": {
                "r.org": {"auth": base64.b64encode(b"u:planted-docker-login").decode()},
                "s": {"identitytoken": "planted-identity"},
            }
        }
    ),
}

Planted = Mapping[str, str]


@pytest.fixture(params=["shared", "per_participant", "per_team"])
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Spec:
    (tmp_path / ".docker").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return spec_of(tmp_path, SPEC.replace("MODE", request.param) + (SHARED if request.param == "shared" else ""))


@pytest.fixture
def state(spec: Spec) -> Iterator[State]:
    """A class that ran for a while: keys were changed, commands brought others, the spec was another one."""
    folder = StateFolder.for_spec(spec.file, "class")
    with State.open(folder) as state:
        state.begin("class", spec.file)
        state.people.reconcile(seats(spec))
        state.people.rotate_key("p01")
        state.people.rotate_password("p01")
        state.accounts.put("p01", AccountRecord("u1", "ada@x.org", SecretStr("planted-webui-key")))
        state.accounts.keep_session(SecretStr("planted-session"))
        state.connections.put(ConnectionOverride("lab", key_given=True))
        state.connections.keep_key("lab", SecretStr("planted-by-a-command"))
        earlier = SPEC.replace("MODE", "shared").replace("planted.key", "earlier.key")
        earlier = earlier.replace("planted-in-a-header", "planted-in-an-earlier-header")
        other = spec.folder / "earlier"
        other.mkdir()
        (other / "people.csv").write_text(FILES["people.csv"])
        state.spec.keep(KeptSpec.of(spec_of(other, earlier)), ())
    (folder.tls / "edges").mkdir(parents=True)
    (folder.tls / "edges" / "authority.pem").write_text(PEM.format("edge"))
    rendered = folder.rendered / "far"
    (rendered / "secrets").mkdir(parents=True)
    (rendered / "secrets" / "model-m-1.TOKEN").write_text("planted-when-rendered")
    (rendered / "gateway").mkdir()
    policy = {"upstreams": {"u": {"headers": ["planted-when-served", "2023-06-01", ""]}}}
    (rendered / "gateway" / "policy.json").write_text(json.dumps(policy))
    with State.read(folder) as state:
        yield state


def derived(identity: Identity) -> dict[str, str | SecretStr]:
    ada = next(person for person in identity.people if person.id == "p01")
    key, guest = identity.guest(17)
    found: dict[str, str | SecretStr] = {
        "the workshop's secret": identity.secret.hex(),
        "the same as it may be written": base64.b64encode(identity.secret).decode(),
        "a participant's key": identity.key(ada),
        "their key before": identity.key(replace(ada, key_generation=1)),
        "their password": identity.account(ada).password,
        "their password before": identity.account(replace(ada, password_generation=1)).password,
        "the key of verify": identity.key(Participant("_verify")),
        "its page password": identity.account(identity.verifiers[0]).password,
        "the key of verify for a team": identity.key(identity.verifiers[1]),
        "its page password for a team": identity.account(identity.verifiers[1]).password,
        "a guest's key": key,
        "a guest's password": guest.password,
        "the service key": identity.service_key,
        "the key for embeddings": identity.embeddings_key,
        "nobody's key": identity.nobodys_key,
        "the administrator's password": identity.admin().password,
        "what sessions are signed with": identity.session_secret(),
    }
    for page in identity.pages[:1]:
        found |= {
            "the key of an own page": identity.page_key(page),
            "its key for embeddings": identity.page_embeddings_key(page),
            "its administrator's password": identity.admin(page).password,
            "what its sessions are signed with": identity.session_secret(page),
        }
    return found


def planted(spec: Spec, state: State) -> Planted:
    """By what each is."""
    found: dict[str, str | SecretStr] = {
        **derived(identity_of(spec, state)),
        "Open WebUI's own key": "planted-webui-key",
        "the administrator's session": "planted-session",
        "a provider's key by command": "planted-by-a-command",
        "a reference by variable": ENVIRONMENT["PLANTED"],
        "a reference by file": FILES["planted.key"],
        "the registry's login": FILES["registry.key"],
        "a plain header": "planted-in-a-header",
        "a plain query": "planted-in-a-query",
        "a plain variable": "planted-in-a-variable",
        "a plain Authorization": "planted+bearer",
        "a key of SSH": "plantedLine2ssh",
        "a key of an authority": "plantedLine1edge",
        "a login of Docker": "planted-docker-login",
        "a token of Docker": "planted-identity",
        "the shell's": ENVIRONMENT["MY_SHELL_TOKEN"],
        "a secret of the spec that was applied": FILES["earlier.key"],
        "a plain one of the spec that was applied": "planted-in-an-earlier-header",
        "a secret as it was rendered": "planted-when-rendered",
        "a provider's key as it is served": "planted-when-served",
    }
    if spec.workshop.webui.is_shared:
        found |= {
            "a tool server's key": FILES["tool.key"],
            "a connection's plain header": "planted-at-a-connection",
            "the database": ENVIRONMENT["PLANTED_DATABASE"],
            "the database's password": "planted/password",
        }
    return {what: one.get_secret_value() if isinstance(one, SecretStr) else one for what, one in found.items()}


STANDS: dict[str, Callable[[str], str]] = {
    "a line": lambda value: f"12:00:01 p07 said {value}, and no more",
    "capitals": lambda value: f"SAID {value.upper()} AND",
    "a URL": lambda value: f"GET /x?k={quote(value, safe='')}&y=1",
    "JSON": lambda value: json.dumps({"x": [value]}),
    "a header": lambda value: "X: " + base64.b64encode(value.encode()).decode(),
    "a proxy": lambda value: "X: " + base64.b64encode(f"somebody:{value}".encode()).decode(),
}


def redactor_of(spec: Spec, state: State, *, by_look: bool, text: str | None = None) -> Redactor:
    secrets = known_secrets(spec, state, ENVIRONMENT, spec.folder, text=text)
    return Redactor(secrets, shortest=SHORTEST, by_look=by_look, people=people_by_id(spec, state))


@pytest.mark.parametrize("by_look", [False, True], ids=["by value alone", "as a bundle does"])
def test_none_of_any_kind_comes_through(spec: Spec, state: State, by_look: bool) -> None:
    redactor = redactor_of(spec, state, by_look=by_look)
    for what, value in planted(spec, state).items():
        for where, stands in STANDS.items():
            text = stands(value)
            told = redactor.text(text)
            assert redactor.knows(text), (what, where)
            assert "[secret]" in told, (what, where)
            assert value.lower() not in told.lower(), (what, where)
            assert not redactor.knows(told), (what, where)


def test_what_is_no_secret_stays(spec: Spec, state: State) -> None:
    text = "anthropic-version: 2023-06-01, api_key_header X-Other, source nomic, far.example.org, llama3.2:3b"
    assert redactor_of(spec, state, by_look=True).text(text) == text


def test_secrets_of_a_file_that_is_no_spec_now_are_known_by_their_names_and_references(
    spec: Spec, state: State
) -> None:
    text = """
name: class
key: ssh.key
tokens_per_minute: 20000
models: [
  {api_key: written-instead-of-a-reference, headers: {X-Auth: "written in a header"},
   environment: {HF_TOKEN: '${file:new.key}', TOKEN: written-in-a-variable # the new one
   api_key_header: X-Other-One, api_key: ${env:STAYS}
"""
    (spec.folder / "new.key").write_text("in-a-file-of-the-new-spec\n")
    redactor = redactor_of(spec, state, by_look=False, text=text)
    for value in (
        "written-instead-of-a-reference",
        "written in a header",
        "written-in-a-variable",
        "in-a-file-of-the-new-spec",
        FILES["planted.key"],
    ):
        assert redactor.text(f"x {value} y") == "x [secret] y"
    for other in ("ssh.key", "20000", "X-Other-One", "${env:STAYS}"):
        assert redactor.text(f"x {other} y") == f"x {other} y"


def test_a_spec_that_this_version_does_not_take_any_more_is_known_by_its_text(spec: Spec, state: State) -> None:
    with State.open(state.folder) as writing:
        writing.spec.keep(KeptSpec("api_token: of-another-version", {"name": 1}, None), ())
    with State.read(state.folder) as reading:
        assert redactor_of(spec, reading, by_look=False).knows("of-another-version")
