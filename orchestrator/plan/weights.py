"""How each engine's weights come to a host: which files, where they lie, and what fetches them. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

from orchestrator.plan.deployment import Fetch
from orchestrator.spec.components import Component
from orchestrator.spec.gguf import parts_of, stem_of
from orchestrator.spec.models import Model
from orchestrator.spec.values import SecretReference

HUB = "https://huggingface.co"
SCRIPTS = "/workshop-fetch"  # in the container that fetches
HUGGING_FACE = ("weights-huggingface", "/root/.cache/huggingface")
OLLAMA = ("weights-ollama", "/root/.ollama")
LLAMACPP = ("weights-llamacpp", "/weights")
TGI = ("weights-tgi", "/data")  # HF_HOME in its image
TGI_PYTHON = "/usr/src/.venv/bin/python"


def split_environment(model: Model) -> tuple[dict[str, str], dict[str, SecretReference]]:
    """The model's own environment: what may be seen, and what may not."""
    plain = {name: value for name, value in model.environment.items() if isinstance(value, str)}
    secret = {name: value for name, value in model.environment.items() if isinstance(value, SecretReference)}
    return plain, secret


def on_the_host(model: Model) -> tuple[tuple[str, str], ...]:
    """What is mounted where the source is a path."""
    return tuple((file, file) for file in parts_of(model.source)) if model.source.startswith("/") else ()


def repository_fetch(model: Model, component: Component, volume: tuple[str, str]) -> Fetch | None:
    """The repository: TGI's own `download-weights` leaves the tokenizer to be fetched at start.

    None: it lies on the host.
    """
    if model.source.startswith("/"):
        return None
    python = TGI_PYTHON if component is Component.TGI else "python3"
    revision = model.args.get("revision")
    more = (str(revision),) if revision else ()
    return _fetch(
        model,
        component,
        (python, f"{SCRIPTS}/fetch_repository.py", model.source, *more),
        volume,
        key=_safe("--".join((model.source, *more))),
        tree=f"hub/models--{model.source.replace('/', '--')}",
    )


def ollama_fetch(model: Model) -> Fetch:
    """Pulled; or made under the model's name, of what lies on the host."""
    key, files = _ollama_key(model), on_the_host(model)
    what = ("create", model.name, model.source) if files else ("pull", model.source)
    command = ("/bin/sh", f"{SCRIPTS}/fetch_ollama.sh", *what)
    fetch = _fetch(model, Component.OLLAMA, command, OLLAMA, key=key, tree=key)
    return replace(fetch, files=files, environment=fetch.environment | ollama_models(model))


def ollama_models(model: Model) -> dict[str, str]:
    """A folder of Ollama's for each model: it can be copied, and an engine sees no other model."""
    return {"OLLAMA_MODELS": f"{OLLAMA[1]}/{_ollama_key(model)}"}


def ollama_name(model: Model) -> str:
    """The model's name at its engine."""
    return model.name if on_the_host(model) else model.source


def _ollama_key(model: Model) -> str:
    return _safe(f"{model.name}--{model.source.strip('/')}" if on_the_host(model) else model.source)


def file_fetch(model: Model, component: Component) -> Fetch | None:
    """None: it lies on the host."""
    if model.source.startswith("/"):
        return None
    path, parts = weights_file(model.source), parts_of(model.source)
    name = PurePosixPath(path).relative_to(LLAMACPP[1]).parts[0]
    if len(parts) == 1:
        command: tuple[str, ...] = ("/bin/sh", f"{SCRIPTS}/fetch_file.sh", *_address(model), path)
    else:
        command = ("/bin/sh", f"{SCRIPTS}/fetch_parts.sh", *_address(model), path, str(len(parts)))
    return _fetch(model, component, command, LLAMACPP, key=name, tree=name)


def weights_file(source: str) -> str:
    """Where the weights lie: files of one name from two repositories must not be taken for each other.

    Of several parts the first, in a folder of their own.
    """
    if len(parts_of(source)) == 1:
        return f"{LLAMACPP[1]}/{_safe(source)}"
    return f"{LLAMACPP[1]}/{_safe(stem_of(source))}/{_safe(source.rpartition('/')[2])}"


def _address(model: Model) -> tuple[str, str]:
    """Whether the hub's token is for it, and the URL."""
    if model.source.startswith(("http://", "https://")):
        return "url", model.source
    owner, repository, *file = model.source.split("/")
    own = model.environment.get("HF_ENDPOINT")
    hub = own.rstrip("/") if isinstance(own, str) and own else HUB
    return "hub", f"{hub}/{owner}/{repository}/resolve/main/{'/'.join(file)}"


def _fetch(
    model: Model, component: Component, command: tuple[str, ...], volume: tuple[str, str], *, key: str, tree: str
) -> Fetch:
    plain, secret = split_environment(model)
    return Fetch(
        component,
        command,
        (volume,),
        environment=plain,
        secret_environment=secret,
        key=key,
        tree=tree,
        seconds=model.fetch_timeout,
    )


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "--", text)
