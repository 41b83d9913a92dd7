"""What the first bytes of a GGUF file say of the model in it: a reader of its key-value pairs. Pure.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian. The file is somebody
else's: nothing in it leads to more work than its bytes are worth, and what is broken or cut off is not known.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

MAGIC = b"GGUF"
VERSIONS = {2, 3}
SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))  # type's number: struct's letter
STRING, ARRAY = 8, 9
LONGEST_KEY = 65535  # bytes, as the format has it
LONGEST_NAME = 64  # of an architecture
LONGEST_LIST = 1024  # numbers, one for each layer
ARCHITECTURE = "general.architecture"
TOKENIZER = "tokenizer."  # follows what is about the model, and is larger than all of it
WANTED = (  # with the architecture before it; a name that ends with a dot: all below
    *("block_count", "context_length", "embedding_length", "attention."),
    *("ssm.", "wkv.", "shortconv.", "full_attention_interval"),
)

Scalar = int | float | bool
Value = Scalar | str | list[Scalar]
Header = Mapping[str, Value]


class _CutError(Exception):
    """The bytes end here."""


class _BrokenError(Exception):
    """No GGUF file, or none of a kind that is known."""


def gguf_header(data: bytes) -> Header | None:
    """What is wanted of the model's own keys, without its architecture before them; None: not known."""
    reader, found, about_tokens = _Reader(data), {}, False
    try:
        if reader.take(4) != MAGIC or reader.scalar("I") not in VERSIONS:
            return None
        reader.scalar("Q")  # tensors
        for _ in range(int(reader.scalar("Q"))):
            key = reader.key()
            about_tokens = about_tokens or key.startswith(TOKENIZER)
            value = reader.value()
            if value is not None:
                found[key] = value
    except _CutError:
        if not about_tokens:  # more of the model may follow
            return None
    except _BrokenError:
        return None
    architecture = found.get(ARCHITECTURE)
    if not isinstance(architecture, str):
        return None
    own = {key.removeprefix(f"{architecture}."): value for key, value in found.items() if key != ARCHITECTURE}
    named = {name: value for name, value in own.items() if name.startswith(WANTED)}
    return {"architecture": architecture} | named


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = memoryview(data), 0

    def take(self, count: int) -> bytes:
        """The next bytes; what is past the end was cut off."""
        begin, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise _CutError
        return bytes(self._data[begin : self._at])

    def scalar(self, letter: str) -> Scalar:
        value: Scalar = struct.unpack(f"<{letter}", self.take(struct.calcsize(f"<{letter}")))[0]
        return value

    def key(self) -> str:
        length = int(self.scalar("Q"))
        if length > LONGEST_KEY:
            raise _BrokenError
        return self.take(length).decode("utf-8", "replace")

    def value(self) -> Value | None:
        """None: too long to be wanted."""
        kind = int(self.scalar("I"))
        if kind in SCALARS:
            return self.scalar(SCALARS[kind])
        length_or_kind = int(self.scalar("Q")) if kind == STRING else int(self.scalar("I"))
        if kind == STRING:
            text = self.take(length_or_kind)
            return text.decode("utf-8", "replace") if len(text) <= LONGEST_NAME else None
        if kind != ARRAY:
            raise _BrokenError
        return self._array(length_or_kind, int(self.scalar("Q")))

    def _array(self, kind: int, count: int) -> list[Scalar] | None:
        if kind == STRING:
            for _ in range(count):  # each takes 8 bytes at least, so that the end is near
                self.take(int(self.scalar("Q")))
            return None
        if kind not in SCALARS:
            raise _BrokenError
        if count > LONGEST_LIST:
            self.take(count * struct.calcsize(f"<{SCALARS[kind]}"))
            return None
        return [self.scalar(SCALARS[kind]) for _ in range(count)]
