"""What a plan can know besides the spec: sizes of models, GPUs that were found, where each backend was before."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from pydantic import SecretStr

from orchestrator.durable import replace_file
from orchestrator.engines.registry import engine_of
from orchestrator.engines.size import ModelSize, common_models, from_config, from_gguf
from orchestrator.errors import UserError
from orchestrator.fleet.model_files import HUB, ModelFiles, ask_hub, read_folder
from orchestrator.plan.placement import Place
from orchestrator.plan.stacks import Known
from orchestrator.spec.gguf import is_gguf
from orchestrator.spec.hosts import Gpus
from orchestrator.spec.loader import Spec
from orchestrator.spec.models import Model
from orchestrator.spec.values import SecretReference
from orchestrator.state.failures import refusals_explained
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State

SECONDS = 8.0  # for all models together, asked at once
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
YES = {"1", "true", "yes", "on"}  # as huggingface_hub reads its variables
MODE = 0o600


def known(spec: Spec, state: State, *, ask: bool = False, keep: bool = False) -> Known:
    """`ask`: also the hub, for models that neither the spec, a folder, an earlier answer nor the table tells of.

    `keep`: what it says is kept in the state's folder, so that it need not be asked again.
    """
    if spec.workshop.practice:
        return Known()
    kept = _kept(state.folder)
    found = {}
    for model in spec.workshop.models:
        files = _local(model) or kept.get(_key(model))
        if files is not None:
            found[model.name] = files
    missing = [model for model in spec.workshop.models if model.name not in found and _worth_asking(model)]
    if ask and missing:
        answers = _asked(spec, missing)
        found |= answers
        if keep and answers:
            fresh = {_key(model): answers[model.name] for model in missing if model.name in answers}
            _keep(state.folder, kept | fresh)
    before = {service: Place(*place) for service, place in state.placements.all().items()}
    sizes = {model.name: _size(model, found[model.name]) for model in spec.workshop.models if model.name in found}
    return Known(sizes, found_gpus(spec, state), before)


def found_gpus(spec: Spec, state: State) -> dict[str, Gpus]:
    """By host, where the spec declares none and somebody looked."""
    asked = {host.name: state.gpus.at(host.name, host.address) for host in spec.workshop.hosts if host.gpus is None}
    return {name: gpus for name, gpus in asked.items() if gpus is not None}


def _size(model: Model, files: ModelFiles) -> ModelSize:
    if files.gguf is not None:
        return from_gguf(files.gguf, files.weights, files.origin)
    if files.config is None:
        where = "the header of its GGUF file" if is_gguf(model.source) else "its config.json"
        return ModelSize(files.weights, origin=files.origin, lacks=f"{where} could not be read")
    return from_config(files.config, files.weights, files.origin)


def _local(model: Model) -> ModelFiles | None:
    return read_folder(Path(model.source)) if model.source.startswith("/") else None


def _worth_asking(model: Model) -> bool:
    """Not for what has no repository, is told already, or may not be asked for."""
    told = model.size is not None and model.size.weights_gib is not None and model.size.kv_kib_per_token is not None
    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in YES
    repository = engine_of(model).hub_repository and "://" not in model.source
    return repository and not (told or offline or model.source[0] == "/" or model.source in common_models())


def _endpoint(model: Model) -> str:
    """The hub that will be asked for the weights too."""
    own = model.environment.get("HF_ENDPOINT")
    return own if isinstance(own, str) else os.environ.get("HF_ENDPOINT") or HUB


def _key(model: Model) -> str:
    return f"{_endpoint(model)} {model.source}"


def _token(spec: Spec, model: Model) -> SecretStr | None:
    for name in TOKENS:
        value = model.environment.get(name)
        if isinstance(value, SecretReference):
            try:
                return value.reveal(spec.folder)
            except UserError:  # told elsewhere; what is public can be had without
                return None
    return None


def _asked(spec: Spec, models: Sequence[Model]) -> dict[str, ModelFiles]:
    """What the hub answers in time."""
    pool = ThreadPoolExecutor(max_workers=8)
    asked = {pool.submit(ask_hub, m.source, _endpoint(m), _token(spec, m)): m.name for m in models}
    done, _ = wait(asked, timeout=SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    return {asked[future]: files for future in done if (files := future.result()) is not None}


def _file(folder: StateFolder) -> Path:
    return folder.rendered / ".cache" / "model-sizes.json"


def _kept(folder: StateFolder) -> dict[str, ModelFiles]:
    """Earlier answers; none where the file is not there or not ours."""
    try:
        found = json.loads(_file(folder).read_bytes())
        return {
            key: ModelFiles(
                entry["weights"], entry["config"], entry["origin"], entry.get("gguf")
            )  # older ones have none
            for key, entry in found.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _keep(folder: StateFolder, files: Mapping[str, ModelFiles]) -> None:
    path = _file(folder)
    with refusals_explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps({key: value.as_dict() for key, value in files.items()}, indent=1).encode(), MODE)
