"""The answer in people, what limits it and what to do: sentences for five minutes before class."""

from __future__ import annotations

from orchestrator.checks.rehearsal.result import Rehearsal
from orchestrator.checks.rehearsal.values import SignIn
from orchestrator.checks.rehearsal.verdict import notes, verdict
from tests.unit.rehearsal_samples import answer, growing, late, rehearsal, step

WITHIN = "with the first token under 2 s and 15 tokens/s for 95 % of the answers"


def said(done: Rehearsal) -> str:
    return verdict(done).text


def test_a_class_that_is_served() -> None:
    done = rehearsal(step(16), step(30))
    assert done.ok
    assert said(done) == f"All 30 at once {WITHIN}."


def test_a_queue_that_grows_is_named_with_its_host() -> None:
    done = rehearsal(step(16), late(30, queue=growing(11)))
    assert not done.ok
    assert said(done) == (
        f"16 of 30 at once {WITHIN}. Beyond it the queue of model-x-1 on gpu-2 grows (up to 11 waiting)."
        " Add a replica of x or shorten its context."
    )


def test_a_full_memory_and_another_engine_have_advice_of_their_own() -> None:
    assert "memory for contexts is full: shorten the context of x" in said(
        rehearsal(step(16), late(30, queue=growing(11, cache=0.97)))
    )
    assert "vLLM, which computes more" in said(rehearsal(step(16), late(30, queue=growing(11)), engine="ollama"))


def test_a_short_wait_now_and_then_is_not_the_reason() -> None:
    assert "queue" not in said(rehearsal(step(16), late(30, queue=growing(0.8))))


def test_without_a_queue_it_says_what_is_slow() -> None:
    assert said(rehearsal(step(16), late(30))).endswith(
        "Beyond it the first tokens of x come late (first token after 3.5 s, 30 tokens/s)."
        " Add a replica of x, or let people paste shorter texts."
    )
    slow = step(30, [answer(number, rate=9) for number in range(30)])
    assert "Beyond it x computes too slowly for so many (first token after 0.5 s, 9 tokens/s)" in said(
        rehearsal(step(16), slow)
    )


def test_the_page_is_named_where_the_api_would_have_done() -> None:
    page = [answer(number, first=4, over="webui") for number in range(15)]
    api = [answer(number) for number in range(15, 30)]
    assert "Beyond it Open WebUI takes the time (in time: 0 % over the page, 100 % over the API)" in said(
        rehearsal(step(16), step(30, [*page, *api], queue=growing(11)))
    )


def test_the_limits_of_the_class_are_named() -> None:
    limited = [answer(number, first=None, tokens=0, error="429 rate_limit_exceeded") for number in range(4)]
    found = verdict(rehearsal(step(8), step(16, [*limited, answer(5)], stopped="errors")))
    assert found.limit == "beyond it the class's own limits refuse questions (4 of 5 were answered 429)"
    assert "limits.requests_per_minute" in found.advice[0]


def test_errors_are_named_by_the_most_frequent() -> None:
    failing = [answer(number, first=None, tokens=0, error="502 bad_gateway") for number in range(4)]
    found = verdict(rehearsal(step(8), step(16, [*failing, answer(5)], stopped="errors")))
    assert found.limit == "beyond it answers fail (4 of 5: 502 bad_gateway)"
    assert found.advice == ("look at the log: workshop logs SPEC x",)


def test_answers_that_never_came_are_the_queues_fault_where_there_is_one() -> None:
    never = [answer(number, first=None, tokens=0, error="no answer within 42 seconds") for number in range(16)]
    assert "the queue of model-x-1" in said(rehearsal(step(8), step(16, never, queue=growing(9))))


def test_not_even_one_person() -> None:
    assert said(rehearsal(late(1, queue=growing(3)))).startswith(
        f"Not even one person is served {WITHIN}. The queue of model-x-1 on gpu-2 grows"
    )


def test_what_ended_too_early_promises_no_more_than_was_seen() -> None:
    done = rehearsal(step(8), step(16, stopped="time"), stopped="time")
    assert not done.ok
    assert said(done) == (
        f"At least 8 of 30 at once {WITHIN}. The time was over before more were tried. Allow more: --minutes."
    )
    assert "--budget" in said(rehearsal(step(8), step(16, stopped="tokens"), stopped="tokens"))
    assert said(rehearsal(stopped="time")).startswith("It ended before one person's answers could be judged.")


def test_a_sign_in_that_fails_is_said_first_and_is_no_success() -> None:
    refused = (SignIn("_rehearse-001", 0.3), SignIn("_rehearse-002", 60, "no answer within 60 seconds"))
    done = rehearsal(step(30), sign_ins=refused)
    assert not done.ok
    assert "1 of 2 sign-ins at Open WebUI failed (no answer within 60 seconds)" in said(done)


def test_the_smallest_number_that_was_too_many_gives_the_reason() -> None:
    done = rehearsal(step(8), late(16), late(12, queue=growing(5)))
    assert done.capacity == 8
    assert "up to 5 waiting" in said(done)


def test_notes_say_what_the_figures_do_not() -> None:
    assert notes(rehearsal(step(30))) == ()
    assert "not" in notes(rehearsal(step(30), practice=True))[0]
    assert "late by 120 ms" in notes(rehearsal(step(30), lag=0.12))[0]
