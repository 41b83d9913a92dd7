"""The kinds of container image that a workshop is made of."""

from __future__ import annotations

from enum import StrEnum


class Component(StrEnum):
    GATEWAY = "gateway"
    WEBUI = "webui"
    LLAMACPP = "llamacpp"
    LLAMACPP_CUDA = "llamacpp_cuda"
    VLLM = "vllm"
    VLLM_CPU = "vllm_cpu"
    OLLAMA = "ollama"
    TGI = "tgi"
