"""A connection from Open WebUI to Ollama, as a participant asks it: Ollama's own routes, below Open WebUI's address."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import SecretStr

from orchestrator.checks import reading
from orchestrator.checks.answers import NUMBERS, TOKENS, WORDS, judge, names
from orchestrator.checks.asking import Server
from orchestrator.checks.check import Outcome, Question
from orchestrator.checks.subject import Verifier
from orchestrator.checks.wire import OllamaGenerated, OllamaTags

TAGS, GENERATE, EMBED = "/ollama/api/tags", "/ollama/api/generate", "/ollama/api/embed"
WithKey = Callable[[Verifier, Callable[[SecretStr], Outcome]], Callable[[], Outcome]]


def questions(verifier: Verifier, webui: Server, with_key: WithKey) -> Iterator[Question]:
    """`with_key` asks with the verifier's own key of Open WebUI."""
    if not verifier.ollama:
        return

    def listed(text: str) -> Outcome:
        found = reading.read(OllamaTags, text)
        if found is None:
            return reading.UNREADABLE
        there = [tag.name for tag in found.models if tag.name in verifier.ollama]
        return Outcome(sorted(there) == sorted(verifier.ollama), names(there))

    tags = with_key(verifier, lambda key: judge(webui.get(TAGS, key), listed))
    yield Question("List of models", f"Open WebUI's Ollama API, {verifier.label}", names(verifier.ollama), tags)
    for model in verifier.ollama:
        target = f"Open WebUI's Ollama API, {model}"
        yield Question("Question", target, f"{WORDS}, or {NUMBERS}", _asked(verifier, model, webui, with_key))


def _asked(verifier: Verifier, model: str, webui: Server, with_key: WithKey) -> Callable[[], Outcome]:
    def ask(key: SecretStr) -> Outcome:
        question = {"model": model, "prompt": "Hello", "stream": False, "options": {"num_predict": TOKENS}}
        answer = webui.question(GENERATE, key, question)
        if reading.has_no_chat(answer.status, answer.text):
            return judge(webui.question(EMBED, key, {"model": model, "input": "Hello"}), reading.ollama_embeddings)
        return judge(answer, _generated)

    return with_key(verifier, ask)


def _generated(text: str) -> Outcome:
    found = reading.read(OllamaGenerated, text)
    if found is None:
        return reading.UNREADABLE
    said = bool(found.response or found.thinking)
    return Outcome(said, WORDS if said else "no word")
