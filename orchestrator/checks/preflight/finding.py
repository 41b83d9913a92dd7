"""What preflight says about one thing of one host."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from orchestrator.errors import UserError

Level = Literal["ok", "warn", "problem", "unknown"]
WORST: tuple[Level, ...] = ("problem", "unknown", "warn", "ok")


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem`: provision or the class would fail over it. `unknown`: it could not be told. No text holds a secret."""

    check: str
    host: str | None  # None: about no single host
    level: Level
    what: str
    remedy: str | None = None

    @classmethod
    def of(cls, check: str, host: str | None, problem: UserError) -> Finding:
        return cls(check, host, "problem", problem.message, problem.hint)

    def __str__(self) -> str:
        text = ": ".join(filter(None, (self.host, self.check, self.what)))
        return f"{text}. {self.remedy}" if self.remedy else text

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def worst(findings: list[Finding]) -> Level:
    """Of at least one."""
    return min((finding.level for finding in findings), key=WORST.index)
