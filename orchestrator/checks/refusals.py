"""What must fail at the gateway: keys that are none, models of others, routes of model servers, the wrong time.

A refusal counts only with the gateway's own code: a model server that says no has already been reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import SecretStr

from orchestrator.checks.answers import body, names
from orchestrator.checks.asking import OK, Answer, Server
from orchestrator.checks.check import Lane, Outcome, Question
from orchestrator.checks.subject import Subject, Verifier
from orchestrator.identity import keys
from orchestrator.identity.identity import strangers_key

UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
NO_SUCH_MODEL = "no-such-model"  # if a route were open after all, nothing of the workshop's is pulled or deleted
CLOSED = {"unknown_url", "path_forbidden", "method_not_allowed"}

# GET where a POST that came through would stop the engine for everybody: the gateway decides by path first
OLLAMA_ADMIN = (
    ("POST", "/ollama/api/pull"),
    ("POST", "/ollama/api/push"),
    ("POST", "/ollama/api/create"),
    ("POST", "/ollama/api/copy"),
    ("DELETE", "/ollama/api/delete"),
    ("GET", "/ollama/api/ps"),
)
ENGINE_ROUTES = (
    ("POST", "/tokenize"),
    ("POST", "/detokenize"),
    ("POST", "/invocations"),
    ("POST", "/pooling"),
    ("POST", "/classify"),
    ("POST", "/score"),
    ("POST", "/rerank"),
    ("POST", "/generate"),
    ("POST", "/completion"),
    ("POST", "/v1/load_lora_adapter"),
    ("GET", "/pause"),
    ("GET", "/resume"),
    ("GET", "/sleep"),
    ("GET", "/abort_requests"),
    ("GET", "/update_weights"),
    ("GET", "/metrics"),
    ("GET", "/slots"),
    ("GET", "/props"),
    ("GET", "/server_info"),
)
DETOURS = (
    ("POST", "/v1/../tokenize"),
    ("POST", "/v1/%2E%2E/tokenize"),
    ("POST", "/v1/chat/completions/../../../tokenize"),
    ("POST", "/ollama/api/chat/../pull"),
    ("POST", "/ollama/..%2Fapi/pull"),
)


def lanes(subject: Subject, api: Server) -> Iterator[Lane]:
    verifier = subject.verifiers[0]
    model = verifier.models[0] if verifier.models else NO_SUCH_MODEL
    unknown = strangers_key()
    yield (_refused_key("No key", None, "missing_api_key", model, api),)
    yield (_refused_key("Unknown key", unknown, "invalid_api_key", model, api),)
    yield (_refused_key("Mistyped key", mistyped(verifier.key), "mistyped_api_key", model, api),)
    yield (_refused_key("Removed participant's key", subject.removed, "invalid_api_key", model, api),)
    for each in subject.verifiers:
        others = others_models(each, subject)
        if others:
            yield (_not_found("Another team's model", each, others, api),)
    if subject.hidden:
        yield (_not_found("Hidden model", subject.verifiers[-1], subject.hidden, api),)
    yield (_routes("Ollama's admin routes", OLLAMA_ADMIN, verifier.key, api),)
    yield (_routes("Unguarded routes of model servers", ENGINE_ROUTES, verifier.key, api),)
    yield (_routes("Detours to them", DETOURS, verifier.key, api),)
    if subject.ordinary is not None:
        yield (_window(subject, *subject.ordinary, api),)


def others_models(verifier: Verifier, subject: Subject) -> tuple[str, ...]:
    """Models of the workshop that this verifier must not have."""
    return tuple(model.name for model in subject.models if model.name not in verifier.models)


def mistyped(key: SecretStr) -> SecretStr:
    """The key with another first character after the prefix."""
    text = keys.normalise(key.get_secret_value())
    at = len(keys.PREFIX)
    other = keys.ALPHABET[(keys.ALPHABET.index(text[at]) + 1) % len(keys.ALPHABET)]
    return SecretStr(text[:at] + other + text[at + 1 :])


def _refused_key(name: str, key: SecretStr | None, code: str, model: str, api: Server) -> Question:
    def ask() -> Outcome:
        answers = (
            api.get("/v1/models", key),
            api.get("/ollama/api/tags", key),
            api.post("/v1/chat/completions", key, body(model, tokens=1)),
        )
        return _first_wrong(answers, lambda answer: answer.status == UNAUTHORIZED and answer.code == code)

    return Question(name, "API", f"{UNAUTHORIZED} {code}", ask)


def _not_found(name: str, verifier: Verifier, models: tuple[str, ...], api: Server) -> Question:
    def ask() -> Outcome:
        for model in models:
            answer = api.post("/v1/chat/completions", verifier.key, body(model, tokens=1))
            if (answer.status, answer.code) != (NOT_FOUND, "model_not_found"):
                return Outcome(ok=False, got=f"{model}: {answer.words}")
        return Outcome(ok=True, got=answer.words)

    target = f"API, {verifier.label}: {names(models)}"
    return Question(name, target, f"{NOT_FOUND} model_not_found", ask)


def _routes(name: str, routes: tuple[tuple[str, str], ...], key: SecretStr, api: Server) -> Question:
    def ask() -> Outcome:
        wanted = {"model": NO_SUCH_MODEL, "name": NO_SUCH_MODEL, "prompt": "Hello", "input": "Hello"}
        leaks = []
        for method, path in routes:
            answer = api.ask(method, path, key, None if method == "GET" else wanted, seconds=api.patience.look)
            if not _is_closed(answer):
                leaks.append(f"{method} {path}: {answer.words}")
        return Outcome(not leaks, "; ".join(leaks) or "all closed")

    return Question(name, f"API, {len(routes)} routes", "all closed", ask)


def _is_closed(answer: Answer) -> bool:
    """By the gateway's rules, or by nginx itself, which answers bad addresses 400 in the same form."""
    return answer.code in CLOSED or (answer.status, answer.code) == (400, "bad_request")


def _window(subject: Subject, person: str, key: SecretStr, api: Server) -> Question:
    window = subject.window
    if window.opens is not None and subject.now < window.opens:
        return _told(person, key, "event_not_open", api)
    if window.closes is not None and subject.now >= window.closes:
        return _told(person, key, "event_closed", api)

    def ask() -> Outcome:
        answer = api.get("/v1/models", key)
        return Outcome(answer.status == OK, answer.words)

    return Question("Participant's key", f"API, {person}", str(OK), ask)


def _told(person: str, key: SecretStr, code: str, api: Server) -> Question:
    def ask() -> Outcome:
        answers = (api.get("/v1/models", key), api.post("/v1/chat/completions", key, body(NO_SUCH_MODEL, tokens=1)))
        return _first_wrong(answers, lambda answer: answer.status == FORBIDDEN and answer.code == code)

    return Question("Participant's key now", f"API, {person}", f"{FORBIDDEN} {code}", ask)


def _first_wrong(answers: tuple[Answer, ...], is_right: Callable[[Answer], bool]) -> Outcome:
    wrong = next((answer for answer in answers if not is_right(answer)), None)
    return Outcome(wrong is None, (wrong or answers[0]).words)
