"""The gateway's files: what gets in, and what can't break out."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError, WorkshopError
from orchestrator.identity.callers import Caller
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import GatewayConfig, RoutedModel, Server, Upstream, Window
from orchestrator.render.gateway import render_gateway

HASH = "a" * 64
OTHER_HASH = "b" * 64
PLAIN = GatewayConfig(
    workshop="class",
    title="The class",
    callers=(
        Caller("p01", (HASH,), ("chat",), email="Ada@Example.org"),
        Caller("p02", (OTHER_HASH,), (), limits=CallerLimits(requests_per_minute=7)),
    ),
    models=(RoutedModel("chat", ("chat",), "llamacpp"),),
    upstreams=(Upstream("chat", (Server("class-chat-1", 8080), Server("10.0.0.7", 80), Server("fd00::7", 80)), "m"),),
    window=Window(100, 200, "one", "two"),
    limits=CallerLimits(requests_per_minute=60),
    webui=Server("open-webui", 8080),
)


def policy(config: GatewayConfig) -> Any:
    return json.loads(render_gateway(config)["policy.json"])


def nginx_conf(config: GatewayConfig) -> str:
    return render_gateway(config)["nginx.conf"]


def test_the_files_are_nginxs_the_policy_and_the_rules() -> None:
    files = render_gateway(PLAIN)
    assert {"nginx.conf", "policy.json", "gateway.js"} < set(files)
    assert all(name.endswith(".js") for name in files.keys() - {"nginx.conf", "policy.json", "start.sh"})
    for text in files.values():
        assert text.endswith("\n")


def test_the_same_configuration_gives_the_same_bytes() -> None:
    shuffled = replace(PLAIN, callers=PLAIN.callers[::-1])
    assert render_gateway(PLAIN)["policy.json"] == render_gateway(shuffled)["policy.json"]


def test_a_caller_has_own_limits_or_the_workshops() -> None:
    callers = policy(PLAIN)["callers"]
    assert callers["p01"]["limits"]["requests_per_minute"] == 60
    assert callers["p02"]["limits"] == {
        "requests_per_minute": 7,
        "concurrent_requests": None,
        "tokens_per_minute": None,
        "token_budget": None,
    }


def test_mails_are_compared_in_lower_case() -> None:
    assert policy(PLAIN)["emails"] == {"ada@example.org": "p01"}


def test_minutes_begin_at_different_seconds_for_different_people() -> None:
    many = replace(PLAIN, callers=tuple(Caller(f"p{n}", (f"{n:064x}",), ()) for n in range(200)))
    offsets = {caller["minute_offset"] for caller in policy(many)["callers"].values()}
    assert len(offsets) > 40
    assert offsets <= set(range(60))


def test_servers_with_a_name_are_resolved_again_and_addresses_are_not() -> None:
    text = nginx_conf(PLAIN)
    assert "server  class-chat-1:8080 resolve max_fails" in text
    assert "server  10.0.0.7:80 max_fails" in text
    assert "server  [fd00::7]:80 max_fails" in text


def test_without_open_webui_nobody_listens_for_it() -> None:
    assert "3000" in nginx_conf(PLAIN)
    assert "3000" not in nginx_conf(replace(PLAIN, webui=None))


def test_tls_is_there_when_asked_for() -> None:
    assert "ssl_certificate" not in nginx_conf(PLAIN)
    assert nginx_conf(replace(PLAIN, tls=True)).count("ssl_certificate_key") == 2


def test_a_providers_key_is_in_the_policy_only() -> None:
    secret = replace(PLAIN.upstreams[0], headers=(("Authorization", SecretStr("Bearer sentinel")),))
    files = render_gateway(replace(PLAIN, upstreams=(secret,)))
    assert [name for name, text in files.items() if "sentinel" in text] == ["policy.json"]


HOSTILE = ['";}', "{{ 7*7 }}", "$request_uri", "a\nb", "a b", "#", "'", "\\", "łódź", "{% raw %}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_title_or_name_stays_inside_its_string(text: str) -> None:
    hostile = replace(
        PLAIN,
        title=text,
        models=(RoutedModel(text, ("chat",), text),),
        callers=(Caller("p01", (HASH,), (text,), email=text),),
        upstreams=(replace(PLAIN.upstreams[0], model=text),),
    )
    assert nginx_conf(hostile) == nginx_conf(PLAIN)
    assert policy(hostile)["title"] == text
    assert list(policy(hostile)["models"]) == [text]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_server_name_is_refused(text: str) -> None:
    for hostile in (
        replace(PLAIN, upstreams=(replace(PLAIN.upstreams[0], servers=(Server(text, 80),)),)),
        replace(PLAIN, webui=Server(text, 80)),
    ):
        with pytest.raises(WorkshopError):
            render_gateway(hostile)


CHAT = PLAIN.upstreams[0]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (replace(PLAIN, callers=(*PLAIN.callers, Caller("p01", (), ()))), "caller 'p01' is there 2 times"),
        (replace(PLAIN, callers=(*PLAIN.callers, Caller("p03", (HASH,), ()))), "key .* is there 2 times"),
        (
            replace(PLAIN, callers=(*PLAIN.callers, Caller("p03", (), (), email="ADA@example.org"))),
            "mail 'ada@example.org'",
        ),
        (replace(PLAIN, callers=(Caller("p\n", (HASH,), ()),)), "can't name a caller"),
        (replace(PLAIN, callers=(Caller("", (HASH,), ()),)), "can't name a caller"),
        (replace(PLAIN, callers=(Caller("p", ("sk-clear",), ()),)), "not a SHA-256"),
        (replace(PLAIN, callers=(Caller("p", (HASH,), ("other",)),)), "the model 'other', which is not there"),
        (replace(PLAIN, models=PLAIN.models * 2), "model 'chat' is there 2 times"),
        (replace(PLAIN, models=(RoutedModel("chat", (), "vllm"),)), "no upstream"),
        (replace(PLAIN, models=(RoutedModel("chat", ("x",), "vllm"),)), "the upstream 'x', which is not there"),
        (replace(PLAIN, upstreams=(CHAT, CHAT)), "upstream 'chat' is there 2 times"),
        (replace(PLAIN, upstreams=(CHAT, replace(CHAT, name="Chat_2"))), "can't name an upstream"),
        (replace(PLAIN, upstreams=(replace(CHAT, servers=()),)), "no server"),
        (replace(PLAIN, upstreams=(replace(CHAT, servers=(Server("", 80),)),)), "a server at ''"),
        (replace(PLAIN, upstreams=(replace(CHAT, servers=(Server("chat:80", 80),)),)), "a server at 'chat:80'"),
        (replace(PLAIN, webui=Server("", 80)), "Open WebUI is not to be found at ''"),
        (
            replace(PLAIN, upstreams=(replace(CHAT, servers=(Server("a", 80, host_header="a\r\nX-Evil: 1"),)),)),
            "control character in its host header",
        ),
        (replace(PLAIN, upstreams=(replace(CHAT, base_path="/v1\n"),)), "control character in its base path"),
        (
            replace(PLAIN, upstreams=(replace(CHAT, headers=(("Authorization", SecretStr("a\nb")),)),)),
            "control character in its headers",
        ),
        (replace(PLAIN, window=Window(float("nan"), None)), "opening time is no time"),  # type: ignore[arg-type]
    ],
)
def test_a_configuration_that_contradicts_itself_is_not_written(broken: GatewayConfig, problem: str) -> None:
    with pytest.raises(WorkshopError, match=problem) as error:
        render_gateway(broken)
    assert not isinstance(error.value, UserError)


def test_every_problem_is_named_at_once_and_no_secret_with_it() -> None:
    broken = replace(
        PLAIN,
        callers=(Caller("p", ("sk-clear",), ("x",)),),
        upstreams=(replace(CHAT, servers=(), headers=(("Authorization", SecretStr("sentinel\n")),)),),
    )
    with pytest.raises(WorkshopError) as error:
        render_gateway(broken)
    assert str(error.value).count(";") == 3
    assert "sentinel" not in str(error.value)
    assert "sk-clear" not in str(error.value)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js as a second reader of the rules' syntax")
def test_the_rules_are_javascript_that_another_engine_reads_too() -> None:
    rules = {name: text for name, text in render_gateway(PLAIN).items() if name.endswith(".js")}
    assert read_by_node(rules) == dict.fromkeys(rules)
    assert "SyntaxError" in str(read_by_node({"broken.js": "export default {"})["broken.js"])


def read_by_node(modules: dict[str, str]) -> dict[str, str | None]:
    """Each -> None, or what is wrong with its syntax."""
    program = """
        const { SourceTextModule } = require('node:vm');
        const wrong = ([name, text]) => {
            try { new SourceTextModule(text); return [name, null]; } catch (error) { return [name, String(error)]; }
        };
        const modules = JSON.parse(require('node:fs').readFileSync(0, 'utf-8'));
        console.log(JSON.stringify(Object.fromEntries(Object.entries(modules).map(wrong))));
    """
    command = ["node", "--no-warnings", "--experimental-vm-modules", "-e", program]
    done = subprocess.run(command, input=json.dumps(modules), text=True, check=True, capture_output=True)
    found: dict[str, str | None] = json.loads(done.stdout)
    return found
