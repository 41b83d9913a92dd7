"""Which files of a model's repository an engine loads. Pure.

The container that fetches has it too, so it stands on Python's library alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch

FORMS = (".safetensors", ".bin", ".pt", ".pth")  # of weights; an engine takes the first that is there
OTHERS = ("*.gguf", "*.onnx", "*.onnx_data", "*.h5", "*.msgpack", "*.tflite", "*.ot", "*.mlmodel", "original/*")
MODULE = re.compile(r"^\d+_[^/]+/")  # sentence-transformers keeps the layers after the model in folders of such names
WHOLE = re.compile(r"^(model|pytorch_model)[^/]*\.(safetensors|bin)$")  # not adapters, not the states of training
CONSOLIDATED = re.compile(r"^consolidated[^/]*\.safetensors$")  # Mistral's own form of the same
QUANTISED = re.compile(
    r"^[^/]*(gptq|awq|[0-9]-?bit)[^/]*\.safetensors$", re.IGNORECASE
)  # by tools with names of their own


def to_fetch(names: Iterable[str], *, consolidated: bool) -> set[str]:
    """All but other forms of the same weights. Of Mistral's two one: `consolidated`, or else the common one.

    vLLM 0.32 takes the consolidated one unless load_format says otherwise (model_loader/default_loader.py).
    """
    every = set(names)
    form = next((form for form in FORMS if any(_at_the_top(name, form) for name in every)), None)
    if form is None:
        return every
    kept = {name for name in every if not any(fnmatch(name, pattern) for pattern in OTHERS)}
    kept = {name for name in kept if not name.endswith(FORMS) or _at_the_top(name, form) or _of_a_module(name, form)}
    own, common = ({name for name in kept if kind.match(name)} for kind in (CONSOLIDATED, WHOLE))
    if own and common:
        kept -= common if consolidated else own
    return kept


def weights_of(names: Iterable[str]) -> set[str]:
    """Those that are loaded into memory, each once; empty: none is known."""
    every = set(names)
    whole = {name for name in every if WHOLE.match(name)}
    for form in FORMS[:2]:
        if chosen := {name for name in whole if name.endswith(form)}:
            return chosen
    for kind in (CONSOLIDATED, QUANTISED):
        if chosen := {name for name in every if kind.match(name)}:
            return chosen
    return set()


def _at_the_top(name: str, form: str) -> bool:
    return "/" not in name and name.endswith(form)


def _of_a_module(name: str, form: str) -> bool:
    return MODULE.match(name) is not None and name.endswith(form)
