"""The synthetic models' tokens: one per byte, a few merges, ChatML. Shared by every format. Pure."""

from __future__ import annotations

from itertools import count

END_OF_TEXT, TURN_START, TURN_END, PADDING = SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<pad>")
CONTEXT = 8192  # tokens

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + (message['content'] or '') + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def byte_characters() -> tuple[str, ...]:
    """The printable character that stands for each byte in a byte-level BPE (OpenAI's gpt-2 encoder.py)."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = count(0x100)
    return tuple(chr(byte if byte in printable else next(spare)) for byte in range(0x100))


BYTES = byte_characters()
_SPACE = BYTES[ord(" ")]
MERGES = (
    ("t", "h"),
    ("th", "e"),
    (_SPACE, "the"),
    ("i", "n"),
    ("a", "n"),
    ("an", "d"),
    (_SPACE, "and"),
    ("e", "r"),
    ("o", "n"),
    (_SPACE, "a"),
)
TEXT = (*BYTES, *(left + right for left, right in MERGES))
TOKENS = (*TEXT, *SPECIAL)
IDS = {token: number for number, token in enumerate(TOKENS)}
PRINTABLE = (*range(0x20, 0x7F), *range(len(BYTES), len(TEXT)))  # ids of the tokens that a model may say
