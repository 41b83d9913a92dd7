"""Any configuration of a gateway: those that hold together, and those with something wrong somewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from hypothesis import strategies as st
from pydantic import SecretStr

from orchestrator.identity.callers import Caller
from orchestrator.identity.limits import CallerLimits
from orchestrator.plan.gateway import Balance, GatewayConfig, RoutedModel, Server, Upstream, Window

T = TypeVar("T")

SENTINEL = "sentinel"  # begins each value of a provider's header, and nothing else
HOSTILE = (
    *('";}', "'", "\\", "#", "a b", "a;b{", "$request_uri", "${uri}", "{{ 7*7 }}", "{% raw %}", "</script>"),
    *("__proto__", "constructor", "\u202egnp.exe", "łódź", "\U0001f600", "include /etc/passwd;", "\u2028", ""),
)
BALANCES: tuple[Balance, ...] = ("least_connections", "participant", "prompt")

# No lone surrogates: no file holds them.
lines = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
texts = lines | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
upstream_names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,12}", fullmatch=True)
header_names = st.sampled_from(["Authorization", "authorization", "api-key", "x-api-key", "A"]) | st.from_regex(
    r"X-[A-Za-z0-9-]{1,12}", fullmatch=True
)
host_names = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,8})?", fullmatch=True)
hosts = host_names | st.ip_addresses().map(str)
ports = st.integers(1, 65535)
bounds = st.none() | st.integers(0, 10**9)
limits = st.builds(CallerLimits, bounds, bounds, bounds, bounds)
windows = st.builds(Window, bounds, bounds, texts, texts)
servers = st.builds(
    Server,
    hosts,
    ports,
    st.just("") | lines,
    health=st.none() | st.just("/health"),
    drained=st.booleans(),
    tls=st.booleans(),
    host_header=lines,
)
headers = st.tuples(header_names, lines.map(lambda text: SecretStr(f"{SENTINEL} {text}")))


def _some(values: st.SearchStrategy[T], least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(values, min_size=least, max_size=most).map(tuple)


@st.composite
def consistent_configs(draw: st.DrawFn) -> GatewayConfig:
    """One that must be rendered."""
    names = draw(st.lists(upstream_names, min_size=1, max_size=4, unique=True))
    models = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    aliases = draw(st.lists(texts.filter(lambda text: text not in models), max_size=4, unique=True))
    people = draw(st.lists(lines.filter(bool), max_size=4, unique=True))
    return GatewayConfig(
        workshop=draw(texts),
        title=draw(texts),
        callers=tuple(
            Caller(
                person,
                tuple(f"{number:032x}{other:032x}" for other in range(draw(st.integers(0, 2)))),
                draw(_some(st.sampled_from(models))),
                email=f"{number}-{draw(texts)}@example.org" if draw(st.booleans()) else None,
                limits=draw(st.none() | limits),
                exempt=draw(st.booleans()),
                service=draw(st.booleans()),
            )
            for number, person in enumerate(people)
        ),
        models=tuple(
            RoutedModel(
                model,
                draw(_some(st.sampled_from(names), 1)),
                draw(texts),
                ollama=draw(st.booleans()),
                aliases=tuple(aliases[number :: len(models)]),
                balance=draw(st.sampled_from(BALANCES)),
                limits=draw(limits),
            )
            for number, model in enumerate(models)
        ),
        upstreams=tuple(
            Upstream(
                name,
                draw(_some(servers, 1)),
                draw(texts),
                base_path=draw(lines),
                headers=draw(_some(headers)),
                query=draw(lines),
            )
            for name in names
        ),
        window=draw(windows),
        limits=draw(limits),
        webui=draw(st.none() | st.builds(Server, hosts, ports)),
        tls=draw(st.booleans()),
        authorities=draw(st.booleans()),
        revision=draw(st.integers(0, 10**9)),
    )


@st.composite
def any_configs(draw: st.DrawFn) -> GatewayConfig:
    """One with any text where a name, an address, or a reference belongs."""
    config = draw(consistent_configs())
    upstream, model = config.upstreams[0], config.models[0]
    server, caller = upstream.servers[0], Caller("someone", ("f" * 64,), ())
    odd = draw(texts)
    wrong: st.SearchStrategy[GatewayConfig] = st.sampled_from(
        [
            *(
                replace(config, upstreams=(changed, *config.upstreams[1:]))
                for changed in (
                    replace(upstream, name=odd),
                    replace(upstream, servers=(replace(server, host=odd),)),
                    replace(upstream, servers=(replace(server, host_header=odd),)),
                    replace(upstream, base_path=odd),
                    replace(upstream, query=odd),
                    replace(upstream, headers=((odd, SecretStr(SENTINEL)),)),
                    replace(upstream, headers=(("X-Odd", SecretStr(SENTINEL + odd)),)),
                )
            ),
            *(
                replace(config, models=(changed, *config.models[1:]))
                for changed in (
                    replace(model, name=odd),
                    replace(model, upstreams=(odd,)),
                    replace(model, aliases=(odd,)),
                )
            ),
            *(
                replace(config, callers=(*config.callers, changed))
                for changed in (
                    replace(caller, id=odd),
                    replace(caller, key_hashes=(odd,)),
                    replace(caller, models=(odd,)),
                    replace(caller, email=odd),
                )
            ),
            replace(config, webui=Server(odd, 80)),
        ]
    )
    return draw(wrong)
