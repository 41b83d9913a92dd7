"""What simulated people say: short questions, long ones with a text, and questions that go on from the answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

Message = dict[str, str]

SUBJECTS = (
    *("a bicycle", "the tides", "a vaccine", "the Alps", "a compiler", "bread", "a violin", "glass", "the Moon", "tea"),
    *("a glacier", "honey bees", "a suspension bridge", "coral", "the printing press", "salt", "an orchard", "clouds"),
)
SHORT = (
    "What should somebody who has never seen it know about {}? Answer in one paragraph.",
    "How does {} work? Explain it to a student of another subject.",
    "Give five facts about {}, each with a reason.",
)
NEXT = (
    "Say that again for a child of ten.",
    "What did you leave out?",
    "Which of that is disputed, and why?",
    "Turn it into a table of three rows.",
)
LONG = "Here are my notes:\n\n{}\n\nSummarise them, and name the weakest point."
CLAUSES = (
    *(
        "as far as the measurements of that year can tell",
        "which nobody had expected",
        "with an error of a few percent",
    ),
    *("according to the second series", "although the sample was small", "before the instrument was repaired"),
    *("in the northern part of the valley", "as the older literature says", "when the method was changed"),
)
LONG_EVERY = 3  # every third person begins with a long text


def opening(person: int, step: int, characters: int) -> list[Message]:
    """The first question: never the same twice, so that no engine answers from what it has computed for another.

    `characters` is the length of a long one.
    """
    random = Random(f"{person} {step}")  # noqa: S311 - the same rehearsal asks the same
    subject = random.choice(SUBJECTS)
    text = f"Number {random.randrange(10**6)}: " + random.choice(SHORT).format(subject)
    if person % LONG_EVERY == LONG_EVERY - 1:
        text = LONG.format(_notes(random, subject, characters))
    return [{"role": "user", "content": text}]


def going_on(before: list[Message], answer: str, person: int, step: int) -> list[Message]:
    """The conversation so far and one more question."""
    random = Random(f"{person} {step} {len(before)}")  # noqa: S311 - likewise
    return [
        *before,
        {"role": "assistant", "content": answer},
        {"role": "user", "content": random.choice(NEXT)},
    ]


def most_tokens(messages: Sequence[Message]) -> int:
    """No tokenizer makes more of it; what a template adds is in there."""
    return sum(len(message["content"].encode()) + 16 for message in messages)


def _notes(random: Random, subject: str, characters: int) -> str:
    lines, length = [], 0
    while length < characters:
        line = f"{random.randrange(10**4)}. On {subject}: {random.choice(CLAUSES)}, {random.choice(CLAUSES)}."
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines)[:characters]
