"""Open WebUI as a participant meets it: the right models, answers, sign-in; closed to strangers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import SecretStr

from orchestrator.checks import ollama_connection, reading
from orchestrator.checks.answers import PIECES, WORDS, ask_model, body, judge, names, who_may_use
from orchestrator.checks.asking import OK, Server
from orchestrator.checks.check import Lane, Outcome, Question
from orchestrator.checks.subject import Subject, Verifier
from orchestrator.checks.wire import ModelList, SignedIn, ToolList

CHAT, EMBED, MODELS = "/api/chat/completions", "/api/embeddings", "/api/models"
TOOLS = "/api/v1/tools/"
NO_TOOLS = "no tool server"
UNAUTHORIZED = 401
FORBIDDEN = 403
TOO_MANY = 429
NO_ACCESS = {400, 403, 404}
NO_MAIL = "nobody"  # no address: even an open server makes no account of it
NOT_KNOWN = "not asked: no {} is known for this verifier; run `provision` again"


def webui_answers(webui: Server) -> Question:
    def ask() -> Outcome:
        answer = webui.get("/health", None)
        return Outcome(answer.status == OK and answer.is_json, answer.words)

    return Question("Open WebUI", webui.url, "200", ask)


def lanes(subject: Subject, webui: Server) -> Iterator[Lane]:
    """The list comes before the questions: it is what makes the server load new models.

    Who may sign up is for others to say where the server is theirs.
    """
    for verifier in subject.verifiers:
        questions = [_list_of_models(verifier, subject, webui)]
        for model in subject.models:
            if not model.embeds and who_may_use(model.name, subject) is verifier:
                questions += _questions(model.name, verifier, webui)
        for preset in verifier.presets:
            if next(one for one in subject.verifiers if preset in one.presets) is verifier:
                questions.append(_preset(preset, verifier, webui))
        questions += ollama_connection.questions(verifier, webui, _with_key)
        if any(one.tools for one in subject.verifiers):
            questions.append(_list_of_tools(verifier, subject, webui))
        if others := tuple(name for name in _menu(subject) if name not in _menu_of(verifier)):
            questions.append(_others(verifier, others, webui))
        yield tuple(questions)
        yield (_sign_in(verifier, webui),)
    yield (_no_key(webui),)
    if subject.page_prefix is None:
        yield (_sign_up(webui),)


def _list_of_models(verifier: Verifier, subject: Subject, webui: Server) -> Question:
    """What the instructor added in Open WebUI itself may be there too; it is named."""
    silent = {model.name for model in subject.models if model.embeds}
    workshops, wanted = _menu(subject), tuple(name for name in _menu_of(verifier) if name not in silent)

    def verdict(text: str) -> Outcome:
        found = reading.read(ModelList, text)
        if found is None:
            return reading.UNREADABLE
        listed = [model.id for model in found.data if model.id in workshops]
        others = [model.id for model in found.data if model.id not in workshops]
        known = {*subject.functions, *subject.provided}
        added = [name for name in others if name not in known and name.partition(".")[0] not in known]
        got = names(listed) + (f" (and, not of the workshop: {names(added)})" if added else "")
        return Outcome(sorted(listed) == sorted(wanted), got)

    ask = _with_key(verifier, lambda key: judge(webui.get(MODELS, key), verdict))

    return Question("List of models", f"Open WebUI, {verifier.label}", names(wanted), ask)


def _questions(model: str, verifier: Verifier, webui: Server) -> Iterator[Question]:
    def asked(*, stream: bool) -> Callable[[], Outcome]:
        return _with_key(verifier, lambda key: ask_model(webui, CHAT, EMBED, key, model, stream=stream))

    yield Question("Question", f"Open WebUI, {model}", WORDS, asked(stream=False))
    yield Question("Question, streamed", f"Open WebUI, {model}", PIECES, asked(stream=True))


def _menu(subject: Subject) -> tuple[str, ...]:
    """Every name of the workshop's that somebody sees in Open WebUI."""
    more = (name for verifier in subject.verifiers for name in (*verifier.presets, *verifier.provided))
    return tuple(dict.fromkeys((*(model.name for model in subject.models), *more)))


def _menu_of(verifier: Verifier) -> tuple[str, ...]:
    return (*verifier.models, *verifier.presets, *verifier.provided)


def _preset(name: str, verifier: Verifier, webui: Server) -> Question:
    ask = _with_key(verifier, lambda key: ask_model(webui, CHAT, EMBED, key, name, stream=False))
    return Question("Question to a preset", f"Open WebUI, {name}", WORDS, ask)


def _list_of_tools(verifier: Verifier, subject: Subject, webui: Server) -> Question:
    """Exactly the tool servers for it; those that the instructor added by hand are no matter."""
    workshops = {name for one in subject.verifiers for name in one.tools}

    def verdict(text: str) -> Outcome:
        found = reading.read(ToolList, text)
        if found is None:
            return reading.UNREADABLE
        listed = [one.id for one in found.root if one.id in workshops]
        return Outcome(sorted(listed) == sorted(verifier.tools), ", ".join(listed) or NO_TOOLS)

    ask = _with_key(verifier, lambda key: judge(webui.get(TOOLS, key), verdict))

    target, expected = f"Open WebUI, {verifier.label}", ", ".join(verifier.tools) or NO_TOOLS
    return Question("List of tool servers", target, expected, ask)


def _others(verifier: Verifier, others: tuple[str, ...], webui: Server) -> Question:
    def refused(key: SecretStr) -> Outcome:
        for model in others:
            answer = webui.post(CHAT, key, body(model, tokens=1))
            if answer.status not in NO_ACCESS:
                return Outcome(ok=False, got=f"{model}: {answer.words}")
        return Outcome(ok=True, got=answer.words)

    target = f"Open WebUI, {verifier.label}: {names(others)}"
    return Question("Another team's model", target, "refused", _with_key(verifier, refused))


def _sign_in(verifier: Verifier, webui: Server) -> Question:
    """Once: the server takes 15 in three minutes for each mail."""

    def ask() -> Outcome:
        password = verifier.webui_password
        if password is None:
            return _not_known("password")
        form = {"email": verifier.webui_email, "password": password.get_secret_value()}
        answer = webui.post("/api/v1/auths/signin", None, form)
        if answer.status == TOO_MANY:
            return Outcome(ok=False, got=f"{TOO_MANY}: too many sign-ins lately; ask again in three minutes")
        return judge(answer, _signed_in)

    def _signed_in(text: str) -> Outcome:
        found = reading.read(SignedIn, text)
        if found is None:
            return reading.UNREADABLE
        right = found.email.lower() == verifier.webui_email.lower() and found.role == "user" and bool(found.token)
        return Outcome(right, "signed in" if right else f"signed in as {found.email} with the role {found.role}")

    return Question("Sign-in with a password", f"Open WebUI, {verifier.label}", "signed in", ask)


def _no_key(webui: Server) -> Question:
    def ask() -> Outcome:
        answers = (webui.get(MODELS, None), webui.post(CHAT, None, body("any", tokens=1)))
        open_ = next((answer for answer in answers if answer.status not in {UNAUTHORIZED, FORBIDDEN}), None)
        return Outcome(open_ is None, (open_ or answers[0]).words)

    return Question("No key", "Open WebUI", str(UNAUTHORIZED), ask)


def _sign_up(webui: Server) -> Question:
    def ask() -> Outcome:
        form = {"name": NO_MAIL, "email": NO_MAIL, "password": "no-account-is-wanted"}
        answer = webui.post("/api/v1/auths/signup", None, form)
        return Outcome(answer.status == FORBIDDEN, answer.words)

    return Question("Sign-up by a stranger", "Open WebUI", f"{FORBIDDEN}, closed", ask)


def _with_key(verifier: Verifier, ask: Callable[[SecretStr], Outcome]) -> Callable[[], Outcome]:
    """To ask with the verifier's own key of Open WebUI."""
    key = verifier.webui_api_key
    return lambda: ask(key) if key is not None else _not_known("API key")


def _not_known(what: str) -> Outcome:
    return Outcome(ok=False, got=NOT_KNOWN.format(what))
