"""Providers that an external model may name: where their OpenAI-shaped API is, and what it asks of a client.

Read in their documentation, not tried with a key. `page` is where each is specified; `base_url` overrides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BEARER = "Authorization"  # the header that takes `Bearer KEY`; every other one takes the key alone


class Provider(StrEnum):
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    MISTRAL = "mistral"
    GROQ = "groq"
    DEEPSEEK = "deepseek"
    GEMINI = "gemini"
    GITHUB = "github"
    PERPLEXITY = "perplexity"
    MINIMAX = "minimax"
    OPENROUTER = "openrouter"


@dataclass(frozen=True, slots=True)
class Preset:
    """`base_url` is what clients put `/chat/completions` after."""

    base_url: str
    page: str
    lists_models: bool  # at base_url + /models, in OpenAI's shape
    headers: tuple[tuple[str, str], ...] = ()


PRESETS = {
    Provider.OPENAI: Preset(
        "https://api.openai.com/v1", "https://platform.openai.com/docs/api-reference/models/list", lists_models=True
    ),
    Provider.ANTHROPIC: Preset(  # Bearer for /chat/completions; /messages is documented with x-api-key
        "https://api.anthropic.com/v1",
        "https://platform.claude.com/docs/en/api/openai-sdk",
        lists_models=True,
        headers=(("anthropic-version", "2023-06-01"),),
    ),
    Provider.MISTRAL: Preset(
        "https://api.mistral.ai/v1", "https://docs.mistral.ai/api/endpoint/models", lists_models=True
    ),
    Provider.GROQ: Preset("https://api.groq.com/openai/v1", "https://console.groq.com/docs/openai", lists_models=True),
    Provider.DEEPSEEK: Preset(
        "https://api.deepseek.com", "https://api-docs.deepseek.com/api/list-models", lists_models=True
    ),
    Provider.GEMINI: Preset(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://ai.google.dev/gemini-api/docs/openai",
        lists_models=True,
    ),
    Provider.GITHUB: Preset(  # its list is at /catalog/models, in a shape of its own
        "https://models.github.ai/inference",
        "https://docs.github.com/en/github-models/quickstart",
        lists_models=False,
        headers=(("X-GitHub-Api-Version", "2022-11-28"),),
    ),
    Provider.PERPLEXITY: Preset(
        "https://api.perplexity.ai", "https://docs.perplexity.ai/docs/sonar/openai-compatibility", lists_models=False
    ),
    Provider.MINIMAX: Preset(  # accounts made in China: base_url https://api.minimaxi.com/v1
        "https://api.minimax.io/v1", "https://platform.minimax.io/docs/api-reference/text-openai-api", lists_models=True
    ),
    Provider.OPENROUTER: Preset(
        "https://openrouter.ai/api/v1", "https://openrouter.ai/docs/quickstart", lists_models=True
    ),
}
