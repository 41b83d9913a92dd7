"""What goes wrong between the program and a real Open WebUI: one clear line, and the next run ends as it should."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.webui.client import WebUI
from orchestrator.webui.library import Library, LibraryCollection, LibraryFile
from orchestrator.webui.seed import seed
from tests.stack.webui.bed.faulty_way import Call, Cut, FaultyWay, Rule, Says, Slow, faulty_way

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

    NewClass = Callable[..., Class]

pytestmark = pytest.mark.full("every call fails once, minutes; test_webui_interrupted has one that is killed")

PEOPLE = 4
KEY = SecretStr("embeddings-key-of-the-gateway-77aa")
TEN = 10
MOST_RUNS = 20
NGINX = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body>\r\n</html>\r\n"
THROTTLED = Says(429, json.dumps({"detail": "API rate limit exceeded"}))


@pytest.fixture
def way(server: Server) -> Iterator[FaultyWay]:
    with faulty_way(server.url) as found:
        yield found


@pytest.fixture
def clean(server: Server) -> Iterator[None]:
    yield
    for row in server.as_admin.get("/api/v1/knowledge/")["items"]:
        server.as_admin.delete(f"/api/v1/knowledge/{row['id']}/delete")
    server.as_admin.delete("/api/v1/files/all")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A collection of two files."""
    files = []
    for name in ("one.md", "two.md"):
        (tmp_path / name).write_text(f"The text of {name}.\n")
        files.append(LibraryFile.at(name, tmp_path / name))
    return Library("embedder", KEY, (LibraryCollection("Notes", "All", None, tuple(files)),))


def through(workshop: Class, way: FaultyWay, rule: Rule, *, timeout: float = 60) -> None:
    """One run of the seeding, which asks the server on this way alone."""
    admin = workshop.server.as_admin
    way.begin(rule)
    webui = WebUI(way.url, timeout=timeout, token=admin.token)
    seed(webui, workshop.wanted, workshop.store, report=workshop.said.append, concurrency=2)


def told(run: Callable[[], None]) -> UserError:
    with pytest.raises(UserError) as caught:
        run()
    line = str(caught.value)
    assert "\n" not in line
    assert "Traceback" not in line
    assert len(line) < 700
    return caught.value


def is_right(workshop: Class) -> None:
    """As after a run without trouble: everybody and everything once, every key good, nothing left to do."""
    domain = workshop.wanted.people[0].email.split("@")[1]
    admin = workshop.server.as_admin
    mails = Counter(user["email"] for user in admin.get("/api/v1/users/all")["users"])
    assert {mail: number for mail, number in mails.items() if mail.endswith(domain)} == {
        person.email: 1 for person in workshop.wanted.people
    }
    for person in workshop.wanted.people:
        assert workshop.models(person.id)
    groups = Counter(group["name"] for group in admin.get("/api/v1/groups/"))
    assert set(groups.values()) == {1}
    if workshop.wanted.library:
        (collection,) = [row for row in admin.get("/api/v1/knowledge/")["items"] if row["name"] == "Notes"]
        rows = admin.get(f"/api/v1/knowledge/{collection['id']}/files")["items"]
        assert sorted(row["meta"]["name"] for row in rows) == ["one.md", "two.md"]
    again = workshop.seed()
    assert (again.created, again.changed) == (0, 0), workshop.said


def ended(workshop: Class, way: FaultyWay, cut: int, *, done: bool) -> str:
    """A run that is cut off at that call: how it ended."""
    try:
        through(workshop, way, lambda call: None if call.number < cut else Cut(done=done and call.number == cut))
    except UserError as problem:
        return problem.code
    return "done"


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_cut_off_at_every_tenth_call_and_resumed_it_ends_as_a_run_without_trouble(
    new_class: NewClass, way: FaultyWay, library: Library, done: bool
) -> None:
    """The whole way is gone from then on: what the client would try again is lost too."""
    workshop = new_class(PEOPLE, library=library)
    ends: list[str] = []
    while "done" not in ends:
        ends.append(ended(workshop, way, TEN * (len(ends) + 1), done=done))
        assert len(ends) < MOST_RUNS
    cuts = len(ends) - 1
    assert set(ends[:cuts]) == {"webui_unreachable"}
    print(f"cut {cuts} times, then {len(way.calls)} calls")
    assert cuts >= 3  # one more where a file is asked about more often until it is read
    is_right(workshop)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Says(500, "Internal Server Error", "text/plain"), "was answered 500: Internal Server Error"),
        (Says(200, "<!doctype html><title>Open WebUI</title>", "text/html"), "no JSON"),
        (Says(200, "{half", "application/json"), "said to be JSON and is not"),
        (Says(502, NGINX, "text/html"), "was answered 502: 502 Bad Gateway"),
        (Says(401, json.dumps({"detail": "Your session has expired"})), "was answered 401: Your session has expired"),
    ],
    ids=["500", "html", "half", "502", "expired"],
)
def test_a_wrong_answer_in_the_middle_is_one_line_and_the_next_run_ends_right(
    new_class: NewClass, way: FaultyWay, fault: Says, words: str
) -> None:
    workshop = new_class(PEOPLE)
    problem = told(lambda: through(workshop, way, lambda call: fault if call.number >= 2 * TEN else None))

    assert words in problem.message
    assert problem.where.service == "Open WebUI"
    through(workshop, way, lambda _: None)
    is_right(workshop)


def test_a_session_that_has_expired_is_renewed(new_class: NewClass, server: Server, way: FaultyWay) -> None:
    workshop = new_class(1)
    webui = WebUI(way.url, token=SecretStr("expired"))
    seed(webui, workshop.wanted, workshop.store, report=print, concurrency=1)
    assert [call.path for call in way.calls if call.path.endswith("signin")] == ["/api/v1/auths/signin"]
    is_right(workshop)


def test_a_server_that_is_slow_is_waited_for(new_class: NewClass, way: FaultyWay) -> None:
    workshop = new_class(1)
    through(workshop, way, lambda _: Slow(0.1))
    is_right(workshop)


def test_a_server_that_is_too_slow_is_named_with_the_call(new_class: NewClass, way: FaultyWay) -> None:
    workshop = new_class(PEOPLE)
    hang: Rule = lambda call: Slow(12) if call.path.endswith("/auths/add") else None  # noqa: E731
    problem = told(lambda: through(workshop, way, hang, timeout=10))

    assert problem.code == "webui_timeout"
    assert "POST /api/v1/auths/add was not answered within 10 seconds" in problem.message
    through(workshop, way, lambda _: None)
    is_right(workshop)


def test_sign_ins_that_are_throttled_say_how_long_to_wait(new_class: NewClass, way: FaultyWay) -> None:
    workshop = new_class(1)
    way.begin(lambda call: THROTTLED if call.path.endswith("signin") else None)
    problem = told(
        lambda: (seed(WebUI(way.url), workshop.wanted, workshop.store, report=print, concurrency=1), None)[1]
    )

    assert problem.code == "webui_throttled"
    assert "three minutes" in str(problem)


def test_an_account_whose_sign_in_is_throttled_is_named_and_the_others_are_done(
    new_class: NewClass, server: Server, way: FaultyWay
) -> None:
    workshop = new_class(2)
    person = workshop.person("p01")
    form = {"name": person.name, "email": person.email, "password": person.password.get_secret_value(), "role": "user"}
    server.as_admin.post("/api/v1/auths/add", form)  # as a run that was killed leaves it: without a known key
    problem = told(lambda: through(workshop, way, lambda call: THROTTLED if call.path.endswith("signin") else None))

    assert problem.code == "webui_accounts"
    assert "p01: API rate limit exceeded" in problem.message
    assert workshop.models("p02")
    through(workshop, way, lambda _: None)
    is_right(workshop)


@pytest.mark.usefixtures("clean")
def test_restarted_in_the_middle_the_next_run_ends_right(
    new_class: NewClass, server: Server, way: FaultyWay, library: Library
) -> None:
    workshop = new_class(PEOPLE, library=library)

    def rule(call: Call) -> None:
        if call.number == 3 * TEN:
            server.container.restart(timeout=1)

    problem = told(lambda: through(workshop, way, rule))
    assert problem.code in {"webui_unreachable", "webui_accounts"}
    server.client().wait_ready(180)
    through(workshop, way, lambda _: None)
    is_right(workshop)
