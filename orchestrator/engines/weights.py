"""How weights come to a host: which files, where they lie, and what fetches them. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from orchestrator.engines.arguments import split_environment
from orchestrator.engines.container import Fetch
from orchestrator.spec.components import Component
from orchestrator.spec.gguf import parts_of, stem_of
from orchestrator.spec.models import Model

HUB = "https://huggingface.co"
SCRIPTS = "/workshop-fetch"  # in the container that fetches
HUGGING_FACE = ("weights-huggingface", "/root/.cache/huggingface")
GGUF_FILES = ("weights-llamacpp", "/weights")

Volume = tuple[str, str]  # its name, and where it is mounted


def repository_fetch(
    model: Model, component: Component, volume: Volume = HUGGING_FACE, python: str = "python3"
) -> Fetch | None:
    """A repository of the hub. None: it lies on the host."""
    if model.source.startswith("/"):
        return None
    revision = model.args.get("revision")
    more = (str(revision),) if revision else ()
    return fetch(
        model,
        component,
        (python, f"{SCRIPTS}/fetch_repository.py", model.source, *more),
        volume,
        key=safe("--".join((model.source, *more))),
        tree=f"hub/models--{model.source.replace('/', '--')}",
    )


def file_fetch(model: Model, component: Component) -> Fetch | None:
    """A GGUF file, with all its parts. None: it lies on the host."""
    if model.source.startswith("/"):
        return None
    path, parts = weights_file(model.source), parts_of(model.source)
    name = PurePosixPath(path).relative_to(GGUF_FILES[1]).parts[0]
    if len(parts) == 1:
        command: tuple[str, ...] = ("/bin/sh", f"{SCRIPTS}/fetch_file.sh", *_address(model), path)
    else:
        command = ("/bin/sh", f"{SCRIPTS}/fetch_parts.sh", *_address(model), path, str(len(parts)))
    return fetch(model, component, command, GGUF_FILES, key=name, tree=name)


def weights_file(source: str) -> str:
    """Where a GGUF file lies: files of one name from two repositories must not be taken for each other.

    Of several parts the first, in a folder of their own.
    """
    if source.startswith("/"):
        return source
    if len(parts_of(source)) == 1:
        return f"{GGUF_FILES[1]}/{safe(source)}"
    return f"{GGUF_FILES[1]}/{safe(stem_of(source))}/{safe(source.rpartition('/')[2])}"


def _address(model: Model) -> tuple[str, str]:
    """Whether the hub's token is for it, and the URL."""
    if model.source.startswith(("http://", "https://")):
        return "url", model.source
    owner, repository, *file = model.source.split("/")
    own = model.environment.get("HF_ENDPOINT")
    hub = own.rstrip("/") if isinstance(own, str) and own else HUB
    return "hub", f"{hub}/{owner}/{repository}/resolve/main/{'/'.join(file)}"


def fetch(
    model: Model, component: Component, command: tuple[str, ...], volume: Volume, *, key: str, tree: str
) -> Fetch:
    """With the model's own environment, in which a token of the hub's may be."""
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


def safe(text: str) -> str:
    """As the name of a file."""
    return re.sub(r"[^A-Za-z0-9._-]+", "--", text)
