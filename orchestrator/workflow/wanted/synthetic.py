"""The synthetic weights of practice mode: made once, then read from the workshop's folder."""

from __future__ import annotations

from pathlib import Path

from orchestrator.aside import folder_aside, name_aside
from orchestrator.engines.practice import CHECKPOINT, GGUF
from orchestrator.plan.deployment import Deployment


def synthetic_models(deployment: Deployment, folder: Path) -> dict[str, bytes]:
    """The files below models/ that the deployment's containers mount, by path. Same bytes each time."""
    mounted = {
        source
        for backend in deployment.backends
        for part in (backend.container, backend.fetch)
        if part
        for source, _ in part.files
    }
    made: dict[str, bytes] = {}
    if GGUF in mounted:
        made |= _read(folder, GGUF)
    if CHECKPOINT in mounted:
        made |= _read(folder, CHECKPOINT)
    return made


def _read(folder: Path, path: str) -> dict[str, bytes]:
    target = folder / path
    if not target.exists():
        with folder_aside(name_aside(target)) as own:
            _make(own / target.name, path)
            (own / target.name).replace(target)
    files = sorted(target.rglob("*")) if target.is_dir() else [target]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.is_file()}


def _make(target: Path, path: str) -> None:
    if path == GGUF:
        from orchestrator.practice.gguf import write_gguf

        write_gguf(target, name="tiny")
    else:
        from orchestrator.practice.huggingface import write_checkpoint

        write_checkpoint(target, name="tiny")
