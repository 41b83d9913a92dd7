"""What must work at the gateway: it answers, lists the right models, and every model speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import SecretStr

from orchestrator.checks import reading
from orchestrator.checks.asking import OK, Answer, Server
from orchestrator.checks.check import Lane, Outcome, Question
from orchestrator.checks.subject import ModelUnderTest, Subject, Verifier
from orchestrator.checks.wire import ModelList, OllamaTags

TOKENS = 16
HELLO = [{"role": "user", "content": "Hello"}]
WORDS = "an answer"
NUMBERS = "an embedding"
PIECES = "an answer in pieces, and its end"


def gateway_answers(api: Server) -> Question:
    def ask() -> Outcome:
        answer = api.get("/healthz", None)
        return Outcome(answer.status == OK, answer.words)

    return Question("Gateway", api.url, "200", ask)


def lanes(subject: Subject, api: Server) -> Iterator[Lane]:
    for verifier in subject.verifiers:
        yield (_list_of_models(verifier, api),)
        own = tuple(model.name for model in subject.models if model.ollama and model.name in verifier.models)
        if own:
            yield (_ollama_tags(verifier, own, api),)
    for model in subject.models:
        verifier_ = who_may_use(model.name, subject)
        if verifier_ is None:
            yield (_nobody(model),)
        else:
            yield tuple(_questions(model, verifier_.key, api))


def who_may_use(model: str, subject: Subject) -> Verifier | None:
    return next((verifier for verifier in subject.verifiers if model in verifier.models), None)


def names(models: tuple[str, ...] | list[str]) -> str:
    return ", ".join(models) or "no model"


def body(model: str, *, stream: bool = False, tokens: int = TOKENS) -> dict[str, object]:
    return {"model": model, "messages": HELLO, "max_tokens": tokens, "stream": stream}


def ask_model(server: Server, chat: str, embed: str, key: SecretStr | None, model: str, *, stream: bool) -> Outcome:
    """Asks for words; a model that says that it only embeds is asked for an embedding."""
    answer = server.question(chat, key, body(model, stream=stream))
    if reading.has_no_chat(answer.status, answer.text):
        return ask_embedder(server, embed, key, model)
    if stream:
        return judge_stream(answer, reading.streamed_completion)
    return judge(answer, reading.completion)


def ask_embedder(server: Server, embed: str, key: SecretStr | None, model: str) -> Outcome:
    return judge(server.question(embed, key, {"model": model, "input": "Hello"}), reading.embeddings)


def judge(answer: Answer, verdict: Callable[[str], Outcome]) -> Outcome:
    return verdict(answer.text) if answer.status == OK else Outcome(ok=False, got=refused(answer))


def judge_stream(answer: Answer, verdict: Callable[[list[reading.Line]], Outcome]) -> Outcome:
    return verdict(list(answer.lines())) if answer.status == OK else Outcome(ok=False, got=refused(answer))


def _list_of_models(verifier: Verifier, api: Server) -> Question:
    def verdict(text: str) -> Outcome:
        found = reading.read(ModelList, text)
        if found is None:
            return reading.UNREADABLE
        listed = [model.id for model in found.data]
        return Outcome(sorted(listed) == sorted(verifier.models), names(listed))

    def ask() -> Outcome:
        return judge(api.get("/v1/models", verifier.key), verdict)

    return Question("List of models", f"API, {verifier.label}", names(verifier.models), ask)


def _ollama_tags(verifier: Verifier, own: tuple[str, ...], api: Server) -> Question:
    def verdict(text: str) -> Outcome:
        found = reading.read(OllamaTags, text)
        if found is None:
            return reading.UNREADABLE
        listed = [tag.name.removesuffix(":latest") for tag in found.models]
        return Outcome(sorted(listed) == sorted(own), names(listed))

    def ask() -> Outcome:
        return judge(api.get("/ollama/api/tags", verifier.key), verdict)

    return Question("List of models", f"Ollama API, {verifier.label}", names(own), ask)


def _questions(model: ModelUnderTest, key: SecretStr, api: Server) -> Iterator[Question]:
    def plain() -> Outcome:
        return ask_model(api, "/v1/chat/completions", "/v1/embeddings", key, model.name, stream=False)

    def streamed() -> Outcome:
        return ask_model(api, "/v1/chat/completions", "/v1/embeddings", key, model.name, stream=True)

    def native() -> Outcome:
        question = {"model": model.name, "messages": HELLO, "options": {"num_predict": TOKENS}}
        answer = api.question("/ollama/api/chat", key, question)
        if reading.has_no_chat(answer.status, answer.text):
            again = api.question("/ollama/api/embed", key, {"model": model.name, "input": "Hello"})
            return judge(again, reading.ollama_embeddings)
        return judge_stream(answer, reading.streamed_ollama)

    def embedding() -> Outcome:
        return ask_embedder(api, "/v1/embeddings", key, model.name)

    if model.embeds:
        yield Question("Question", model.name, NUMBERS, embedding)
        return
    yield Question("Question", model.name, WORDS, plain)
    yield Question("Question, streamed", model.name, PIECES, streamed)
    if model.ollama:
        yield Question("Question, Ollama API", model.name, PIECES, native)


def _nobody(model: ModelUnderTest) -> Question:
    def ask() -> Outcome:
        return Outcome(ok=False, got="nobody may use it: no verifier has it among its models")

    return Question("Question", model.name, WORDS, ask)


def refused(answer: Answer) -> str:
    detail = reading.error_in(answer.text)
    return f"{answer.words}: {detail}" if detail and answer.code else answer.words
