"""What simulated people say: never the same twice, short and long, and the budget counts the most it can cost."""

from __future__ import annotations

from orchestrator.checks.rehearsal.budget import Budget
from orchestrator.checks.rehearsal.conversation import going_on, most_tokens, opening


def test_nobody_says_what_somebody_else_said_or_what_was_said_in_another_step() -> None:
    said = [opening(person, step, 800)[0]["content"][:60] for person in range(200) for step in range(8)]
    assert len(set(said)) > 0.99 * len(said)


def test_the_same_rehearsal_says_the_same_again() -> None:
    assert opening(7, 2, 800) == opening(7, 2, 800)


def test_every_third_brings_a_long_text_of_the_length_that_fits() -> None:
    lengths = [len(opening(person, 0, 900)[0]["content"]) for person in range(9)]
    assert [length > 850 for length in lengths] == [False, False, True] * 3
    assert max(lengths) < 1000


def test_a_conversation_goes_on_from_the_answer() -> None:
    first = opening(1, 0, 800)
    second = going_on(first, "It is blue.", 1, 0)
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert second[:1] == first
    assert second[1]["content"] == "It is blue."


def test_no_tokenizer_makes_more_of_it_than_is_held_back() -> None:
    messages = [{"role": "user", "content": "Grüße 👩🏽\u200d🔬"}]
    assert most_tokens(messages) >= len(messages[0]["content"].encode())


def test_the_budget_is_never_exceeded() -> None:
    budget = Budget(100)
    assert budget.take(60)
    assert not budget.take(41)
    assert budget.take(40)
    budget.settle(60, 10, 20)
    assert (budget.spent, budget.held_back) == (30, 40)
    assert budget.take(30)
    assert not budget.take(1)
