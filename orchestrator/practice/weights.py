"""Random weights of a Llama small enough to be made in a moment, steered to answer in printable sentences. Pure.

Three channels of the hidden state are never written to after the embedding, so they carry a token's own flags to the
output layer, whose rows are biased through them: only printable ASCII is ever sampled, an answer has at least two
characters, and it can end only after a full stop. The same weights serve every format.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.practice.vocabulary import IDS, PRINTABLE, TOKENS, TURN_END

WIDTH = 64
INNER = 128
LAYERS = 2
HEADS = 2
NORM_EPSILON = 1e-5
ROPE_BASE = 10_000.0

Matrix = NDArray[np.float32]

_ALWAYS, _AFTER_STOP, _AFTER_NEWLINE = _FLAGS = (0, 1, 2)  # the channels kept for flags
_FLAG = 0.2  # a flag's value; after the last norm a bias of 30 becomes about 5 logits
_NEVER = -200.0
_SPACE_BIAS, _STOP_BIAS = 14.0, 9.0
_SPREAD = 0.15  # of the output rows: logits with a deviation of about 1


@dataclass(frozen=True, slots=True)
class Layer:
    query: Matrix
    key: Matrix
    value: Matrix
    attention_output: Matrix
    gate: Matrix
    up: Matrix
    down: Matrix


@dataclass(frozen=True, slots=True)
class Weights:
    """Matrices as (outputs, inputs); every norm is all ones."""

    embedding: Matrix
    layers: tuple[Layer, ...]
    output: Matrix


def make_weights(*, end_bias: float, seed: int = 14) -> Weights:
    """`end_bias` 30: an answer ends after some dozens of tokens; higher: sooner; -200: only the token limit ends it.

    Most seeds go in circles at temperature 0; this one's answers end there too, within some 200 tokens.
    """
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int, spread: float) -> Matrix:
        return (random.standard_normal((rows, columns)) * spread).astype(np.float32)

    def writer(rows: int, columns: int) -> Matrix:
        """A matrix that adds to the hidden state, and leaves the flags alone."""
        result = matrix(rows, columns, columns**-0.5)
        result[list(_FLAGS)] = 0
        return result

    stop, newline, space = (IDS[character] for character in (".", "\u010a", "\u0120"))  # the last two: "\n" and " "

    embedding = matrix(len(TOKENS), WIDTH, 1.0)
    embedding[:, list(_FLAGS)] = 0
    embedding[:, _ALWAYS] = _FLAG
    embedding[stop, _AFTER_STOP] = _FLAG
    embedding[newline, _AFTER_NEWLINE] = _FLAG  # a ChatML prompt ends in a newline, and no answer holds one

    output = matrix(len(TOKENS), WIDTH, _SPREAD)
    output[:, list(_FLAGS)] = 0
    output[:, _ALWAYS] = _NEVER
    output[list(PRINTABLE), _ALWAYS] = 0
    output[space, _ALWAYS] = _SPACE_BIAS
    output[stop, _ALWAYS] = _STOP_BIAS
    output[stop, _AFTER_NEWLINE] = _NEVER
    output[IDS[TURN_END], _AFTER_STOP] = end_bias - _NEVER

    inward = WIDTH**-0.5
    layers = tuple(
        Layer(
            query=matrix(WIDTH, WIDTH, inward),
            key=matrix(WIDTH, WIDTH, inward),
            value=matrix(WIDTH, WIDTH, inward),
            attention_output=writer(WIDTH, WIDTH),
            gate=matrix(INNER, WIDTH, inward),
            up=matrix(INNER, WIDTH, inward),
            down=writer(WIDTH, INNER),
        )
        for _ in range(LAYERS)
    )
    return Weights(embedding, layers, output)
