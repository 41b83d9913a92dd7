"""How weights come to a host: which files, where they lie, and what fetches them. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import quote

from orchestrator.engines.arguments import split_environment
from orchestrator.engines.container import Fetch
from orchestrator.spec.components import Component
from orchestrator.spec.gguf import parts_of, stem_of
from orchestrator.spec.models import Model

HUB = "https://huggingface.co"
ODD = re.compile(r"[^A-Za-z0-9._-]+")
SCRIPTS = "/workshop-fetch"  # in the container that fetches
HUGGING_FACE = ("weights-huggingface", "/root/.cache/huggingface")
GGUF_FILES = ("weights-llamacpp", "/weights")

Volume = tuple[str, str]  # its name, and where it is mounted


def repository_fetch(
    model: Model,
    component: Component,
    volume: Volume = HUGGING_FACE,
    python: str = "python3",
    *,
    consolidated: bool = False,
) -> Fetch | None:
    """A repository of the hub; `consolidated`: of Mistral's two forms of weights its own. None: it lies on the host."""
    if model.source.startswith("/"):
        return None
    revision = model.args.get("revision")
    more = (str(revision),) if revision else ()
    form = "consolidated" if consolidated else "common"
    other = ("common",) if volume == HUGGING_FACE and not consolidated else ()  # engines share that volume
    return fetch(
        model,
        component,
        (python, f"{SCRIPTS}/fetch_repository.py", form, model.source, *more),
        volume,
        key=safe("--".join((model.source, *more, *other))),
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
    found = fetch(model, component, command, GGUF_FILES, key=name, tree=name)
    return replace(found, known_as=stem_of(model.source).rpartition("/")[2])


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
    return "hub", f"{hub}/{quote(f'{owner}/{repository}/resolve/main/' + '/'.join(file))}"


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
    """As the name of a file; what has odder characters in it than / and : gets a digest, to stay the only one."""
    plain = ODD.sub("--", text)
    return plain if set(ODD.findall(text)) <= {"/", ":", "://"} else f"{_digest(text)}-{plain}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
