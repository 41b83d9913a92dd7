"""Tokens: a question is asked only if its longest answer still fits, so that the budget is never exceeded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Budget:
    """`most` tokens in all; what is under way is held back until it is known."""

    most: int
    prompt: int = 0
    completion: int = 0
    held_back: int = 0

    @property
    def spent(self) -> int:
        return self.prompt + self.completion

    def take(self, tokens: int) -> bool:
        """Hold so many back; False: they are not there."""
        if self.spent + self.held_back + tokens > self.most:
            return False
        self.held_back += tokens
        return True

    def settle(self, taken: int, prompt: int, completion: int) -> None:
        """Of what was held back so much was used."""
        self.held_back -= taken
        self.prompt += prompt
        self.completion += completion
