"""Open WebUIs of participants' or teams' own: each for its people, and on a network with the gateway alone.

All are looked at. A few are asked a question, which counts for their people, and from inside them everything else is
tried, which waits seconds for each thing that must not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import SecretStr

from orchestrator.checks import isolation, knowledge, reading
from orchestrator.checks.answers import WORDS, body, judge, names
from orchestrator.checks.asking import OK, Server
from orchestrator.checks.check import Lane, Outcome, Question
from orchestrator.checks.subject import EngineUnderTest, InstanceUnderTest, Subject
from orchestrator.checks.wire import ModelList, SignedIn
from orchestrator.fleet.docker_host import SERVICE_LABEL, DockerHost
from orchestrator.identity.credentials import Credentials
from orchestrator.plan.deployment import GATEWAY_SERVICE, WEBUI_CONTAINER_PORT

CHAT, MODELS, SIGN_IN = "/api/chat/completions", "/api/models", "/api/v1/auths/signin"
SAMPLE = 3  # the first, one in the middle, the last
TOKENS = 4
ADMIN = "admin"
ALONE = "with the gateway alone, bounded"
NOT_OPEN = ("event_not_open", "event_closed")
CLOSED = "told that the workshop is closed"


def lanes(subject: Subject, at: Callable[[str, str | None], Server]) -> Iterator[Lane]:
    """`at` gives the server of a URL, which may be asked elsewhere."""
    sampled = {instance.service for instance in sample(subject.instances)}
    for number, instance in enumerate(subject.instances):
        server = at(instance.url, instance.near)
        questions = [_answers(instance, server)]
        questions += [_sign_in(instance, account, server) for account in instance.accounts]
        known = next((account for account in instance.accounts if account.webui_api_key), None)
        if known is not None and instance.entries is not None:
            questions.append(_list_of_models(instance, known, subject, server))
            if instance.question is not None and instance.service in sampled:
                questions.append(_question(instance, known, instance.question, subject, server))
            if known.webui_api_key is not None and instance.service in sampled:
                questions += _knowledge(instance, known.webui_api_key, subject, server)
        yield tuple(questions)  # one after the other: the person may be allowed one at a time
        if subject.docker is not None:
            published = isolation.published(subject.docker, _who(instance), instance.container)
            yield (_alone(instance, subject.docker), published)
            if instance.service in sampled:
                other = subject.instances[number - 1] if len(subject.instances) > 1 else None
                yield tuple(_from_inside(instance, other, subject, subject.docker))


def sample(instances: Sequence[InstanceUnderTest]) -> tuple[InstanceUnderTest, ...]:
    """Spread over all of them."""
    last = len(instances) - 1
    chosen = sorted({round(number * last / (SAMPLE - 1)) for number in range(SAMPLE)} if instances else set())
    return tuple(instances[number] for number in chosen)


def _who(instance: InstanceUnderTest) -> str:
    return f"Open WebUI ({instance.service})"


def _knowledge(instance: InstanceUnderTest, key: SecretStr, subject: Subject, server: Server) -> Iterator[Question]:
    """Each file is looked up; the first collection is asked about too, which counts for the person."""
    own = {collection.name for collection in instance.knowledge}
    for collection in subject.knowledge:
        first = bool(instance.knowledge) and collection.name == instance.knowledge[0].name
        model = instance.question if first and not _outside(subject) else None
        theirs = collection.name in own
        yield from knowledge.own_questions(collection, key, server, _who(instance), theirs=theirs, model=model)


def _outside(subject: Subject) -> bool:
    """Its own key is refused then, as it should be; its key for embeddings is not."""
    window = subject.window
    return (window.opens is not None and subject.now < window.opens) or (
        window.closes is not None and subject.now >= window.closes
    )


def _answers(instance: InstanceUnderTest, server: Server) -> Question:
    def ask() -> Outcome:
        answer = server.get("/health", None)
        return Outcome(answer.status == OK and answer.is_json, answer.words)

    return Question(_who(instance), server.url, str(OK), ask)


def _sign_in(instance: InstanceUnderTest, account: Credentials, server: Server) -> Question:
    def ask() -> Outcome:
        if account.webui_password is None:
            return Outcome(ok=True, got="a password of the person's own")
        form = {"email": account.webui_email, "password": account.webui_password.get_secret_value()}
        return judge(server.post(SIGN_IN, None, form), signed_in)

    def signed_in(text: str) -> Outcome:
        found = reading.read(SignedIn, text)
        if found is None:
            return reading.UNREADABLE
        right = found.email.lower() == (account.webui_email or "").lower() and found.role == ADMIN and bool(found.token)
        return Outcome(right, f"signed in as {found.role}")

    return Question(
        "Sign-in with a password", f"{_who(instance)}, {account.participant.id}", f"signed in as {ADMIN}", ask
    )


def _list_of_models(instance: InstanceUnderTest, account: Credentials, subject: Subject, server: Server) -> Question:
    """What its administrators added is theirs."""
    wanted = instance.entries or ()
    workshops = {name for one in subject.instances for name in one.entries or ()}

    def verdict(text: str) -> Outcome:
        found = reading.read(ModelList, text)
        if found is None:
            return reading.UNREADABLE
        listed = [model.id for model in found.data if model.id in workshops]
        return Outcome(sorted(listed) == sorted(wanted), names(listed))

    def ask() -> Outcome:
        return judge(server.get(MODELS, account.webui_api_key), verdict)

    return Question("List of models", _who(instance), names(wanted), ask)


def _question(
    instance: InstanceUnderTest, account: Credentials, model: str, subject: Subject, server: Server
) -> Question:
    outside = _outside(subject)

    def ask() -> Outcome:
        answer = server.question(CHAT, account.webui_api_key, body(model, tokens=TOKENS))
        if outside:
            refused = answer.status != OK and any(code in answer.text for code in NOT_OPEN)
            return Outcome(refused, CLOSED if refused else answer.words)
        return judge(answer, reading.completion)

    return Question("Question", f"{_who(instance)}, {model}", CLOSED if outside else WORDS, ask)


def _alone(instance: InstanceUnderTest, docker: DockerHost) -> Question:
    def ask() -> Outcome:
        found = isolation.inspect(docker, instance.container)
        wrong = [*_bounds(found), *_company(docker, found, instance)]
        return Outcome(not wrong, "; ".join(wrong) or ALONE)

    return Question("Its network and limits", _who(instance), ALONE, ask)


def _bounds(found: dict[str, Any]) -> Iterator[str]:
    host = found["HostConfig"]
    if not host.get("Memory") or not host.get("PidsLimit"):
        yield "no limit of memory or processes"
    if host.get("Privileged") or not any("no-new-privileges" in option for option in host.get("SecurityOpt") or ()):
        yield "it may gain privileges"
    if any("docker.sock" in str(mount.get("Source")) for mount in found.get("Mounts") or ()):
        yield "it has Docker's socket"


def _company(docker: DockerHost, found: dict[str, Any], instance: InstanceUnderTest) -> Iterator[str]:
    for name, network in (found["NetworkSettings"]["Networks"] or {}).items():
        with docker.explained():
            members = docker.client.api.inspect_network(network["NetworkID"])["Containers"]
            services = {
                docker.client.api.inspect_container(member)["Config"]["Labels"].get(SERVICE_LABEL, "?")
                for member in members
            }
        if others := services - {instance.service, GATEWAY_SERVICE}:
            yield f"{', '.join(sorted(others))} is on its network {name}"


def _from_inside(
    instance: InstanceUnderTest, other: InstanceUnderTest | None, subject: Subject, docker: DockerHost
) -> Iterator[Question]:
    name, inside = f"From inside {_who(instance)}", instance.container
    yield isolation.the_probe_works(docker, inside, name)
    for engine in subject.engines:
        if engine.docker is None:
            yield isolation.from_inside(docker, inside, engine, name)
    for edge in subject.edges:
        yield isolation.edge_from_inside(docker, inside, edge, name)
    yield isolation.counters_from_inside(docker, inside, name)
    if other is not None and other.service != instance.service:
        page = EngineUnderTest(other.service, WEBUI_CONTAINER_PORT, other.container)
        yield isolation.from_inside(docker, inside, page, name, "somebody else's")
