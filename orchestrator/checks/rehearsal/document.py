"""A rehearsal as JSON: docs/schemas/rehearse.json says what each key is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from orchestrator.checks.rehearsal.figures import Figures, Spread
from orchestrator.checks.rehearsal.result import Rehearsal, StepResult
from orchestrator.checks.rehearsal.values import Queue
from orchestrator.checks.rehearsal.verdict import notes, verdict


def document(done: Rehearsal, files: Mapping[str, Path]) -> dict[str, object]:
    """`files` are `json` and `picture`."""
    said = verdict(done)
    return {
        "workshop": done.workshop,
        "ok": done.ok,
        "at": done.at,
        "practice": done.practice,
        "people": done.people,
        "served": done.capacity,
        "answer": said.answer,
        "limit": said.limit,
        "advice": list(said.advice),
        "stopped": done.stopped,
        "bounds": asdict(done.bounds),
        "asked": {
            "models": list(done.models),
            "over": {"gateway": done.over.get("gateway", 0), "webui": done.over.get("webui", 0)},
            "questions": done.extent.turns,
            "pause": done.extent.think,
            "answer_tokens": done.extent.tokens,
            "budget": done.extent.budget,
            "seconds": done.extent.seconds,
        },
        "tokens": {"prompt": done.prompt_tokens, "completion": done.completion_tokens},
        "seconds": round(done.seconds, 1),
        "late": round(done.lag, 3),
        "sign_ins": {
            "people": len(done.sign_ins),
            "failed": len(done.refused_sign_ins),
            "seconds": _spread(done.sign_in),
        },
        "steps": [_step(step) for step in sorted(done.steps, key=lambda step: step.people)],
        "notes": list(notes(done)),
        "files": {name: str(path) for name, path in files.items()},
    }


def _step(step: StepResult) -> dict[str, object]:
    return {
        "people": step.people,
        "ok": step.held,
        "stopped": step.stopped,
        "seconds": round(step.seconds, 1),
        "people_served": step.served,
        **_figures(step.figures),
        "throughput": round(step.tokens_per_second, 1),
        "models": [{"model": model, **_figures(found)} for model, found in step.models.items()],
        "over": [{"over": over, **_figures(found)} for over, found in step.over.items()],
        "queues": [_queue(queue) for queue in step.queues],
    }


def _figures(found: Figures) -> dict[str, object]:
    return {
        "answers": found.answers,
        "good": found.good,
        "late": found.late,
        "slow": found.slow,
        "limited": found.limited,
        "errors": found.errors,
        "first_token": _spread(found.first_token),
        "tokens_per_second": _spread(found.rate),
    }


def _queue(queue: Queue) -> dict[str, object]:
    return {
        "backend": queue.backend.name,
        "model": queue.backend.model,
        "host": queue.backend.host,
        "waiting_max": queue.waiting_max,
        "waiting_mean": None if queue.waiting_mean is None else round(queue.waiting_mean, 2),
        "running_max": queue.running_max,
        "cache_max": None if queue.cache_max is None else round(queue.cache_max, 3),
    }


def _spread(found: Spread | None) -> dict[str, float] | None:
    return {name: round(value, 3) for name, value in asdict(found).items()} if found else None
