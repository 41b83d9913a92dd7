"""Open WebUI's forms: what is ours is set, what is somebody else's stays."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from orchestrator.identity.accounts import Admin
from orchestrator.webui.connection_rows import normal
from orchestrator.webui.connections import FACTORY_URL, with_gateway
from orchestrator.webui.environment import SECRETS, webui_environment
from orchestrator.webui.settings import forms, merged
from orchestrator.webui.wanted import Seed, VisibleModel

GATEWAY = "http://gateway:8080/v1"
WANTED = Seed(
    title="LLMs on premise",
    url="https://chat.example.org",
    admin=Admin("admin@x.org", SecretStr("sentinel-password")),
    gateway_url=GATEWAY + "/",
    gateway_key=SecretStr("key"),
    models=(VisibleModel("a", "vllm"), VisibleModel("b", "ollama", ("red",))),
    people=(),
)


def connections(*rows: tuple[str, str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "ENABLE_OPENAI_API": True,
        "OPENAI_API_BASE_URLS": [row[0] for row in rows],
        "OPENAI_API_KEYS": [row[1] for row in rows],
        "OPENAI_API_CONFIGS": {str(index): row[2] for index, row in enumerate(rows)},
        **more,
    }


def test_the_factorys_dead_connection_makes_room_for_the_gateways() -> None:
    form = with_gateway(connections((FACTORY_URL, "", {})), WANTED)

    assert form["OPENAI_API_BASE_URLS"] == [GATEWAY]
    assert form["OPENAI_API_KEYS"] == ["key"]
    assert form["OPENAI_API_CONFIGS"]["0"]["model_ids"] == ["a", "b"]
    assert form["OPENAI_API_CONFIGS"]["0"]["headers"] == {"X-OpenWebUI-User-Email": "{{USER_EMAIL}}"}


def test_a_connection_to_the_same_provider_with_a_key_is_somebodys() -> None:
    form = with_gateway(connections((FACTORY_URL, "sk-mine", {"enable": True})), WANTED)

    assert form["OPENAI_API_BASE_URLS"] == [GATEWAY, FACTORY_URL]
    assert form["OPENAI_API_CONFIGS"]["1"] == {"enable": True}


def test_the_gateways_connection_is_the_same_the_second_time() -> None:
    once = with_gateway(connections(("http://mine/v1", "mine", {})), WANTED)

    assert with_gateway(once, WANTED) == once == normal(once)


def test_our_connection_is_known_by_its_tag_when_the_gateway_has_moved() -> None:
    once = with_gateway(connections(), WANTED)
    once["OPENAI_API_BASE_URLS"] = ["http://old-address/v1"]

    assert with_gateway(once, WANTED)["OPENAI_API_BASE_URLS"] == [GATEWAY]


def test_two_connections_to_the_gateway_become_one() -> None:
    form = with_gateway(connections((GATEWAY, "a", {}), (GATEWAY + "/", "b", {})), WANTED)

    assert form["OPENAI_API_BASE_URLS"] == [GATEWAY]


def test_options_kept_under_the_address_and_too_few_keys_are_understood() -> None:
    found = connections(
        OPENAI_API_BASE_URLS=["http://mine/v1"], OPENAI_API_CONFIGS={"http://mine/v1": {"enable": True}}
    )

    assert normal(found)["OPENAI_API_KEYS"] == [""]
    assert normal(found)["OPENAI_API_CONFIGS"] == {"0": {"enable": True}}


def test_a_form_keeps_what_nobody_asked_about_and_names_what_differs() -> None:
    found = {"A": 1, "B": {"x": True, "y": 1}, "C": "kept"}

    assert merged(found, {"A": 2, "B": {"x": False}}) == (
        {"A": 2, "B": {"x": False, "y": 1}, "C": "kept"},
        ["A", "B.x"],
    )
    assert merged(found, {"A": 1}) == (found, [])


def test_a_field_that_this_version_does_not_have_is_not_sent() -> None:
    assert merged({"A": 1}, {"NEW": True, "A": 1}) == ({"A": 1}, [])


def test_sign_up_is_closed_and_no_question_is_asked_twice() -> None:
    fields = {name: value for form in forms(WANTED) for name, value in form.fields.items()}

    assert fields["ENABLE_SIGNUP"] is False
    assert fields["DEFAULT_USER_ROLE"] == "pending"
    assert not any(value for name, value in fields.items() if name.endswith("_GENERATION"))


def test_the_environment_holds_text_only_and_no_secret() -> None:
    environment = webui_environment(
        "https://chat.example.org", title="T", admin_email="a@x.org", gateway_url=GATEWAY, origins=("http://10.0.0.1",)
    )

    assert all(isinstance(value, str) for value in environment.values())
    assert not set(SECRETS) & set(environment)
    assert environment["CORS_ALLOW_ORIGIN"] == "https://chat.example.org;http://10.0.0.1"
    assert environment["WEBUI_SESSION_COOKIE_SECURE"] == "true"


def test_cookies_work_without_tls_where_there_is_none() -> None:
    environment = webui_environment("http://10.0.0.1:3000", title="T", admin_email="a@x.org", gateway_url=GATEWAY)

    assert environment["WEBUI_SESSION_COOKIE_SECURE"] == "false"


def test_files_go_through_the_embedding_model_where_there_is_one() -> None:
    def environment(model: str | None) -> dict[str, str]:
        return webui_environment(
            "http://x", title="T", admin_email="a@x.org", gateway_url=GATEWAY, embedding_model=model
        )

    assert environment(None)["BYPASS_EMBEDDING_AND_RETRIEVAL"] == "true"
    assert environment("embedder")["BYPASS_EMBEDDING_AND_RETRIEVAL"] == "false"
    assert environment("embedder")["RAG_EMBEDDING_MODEL"] == "embedder"


def test_a_seed_does_not_print_its_secrets() -> None:
    assert "sentinel" not in repr(WANTED)
