"""The version of every image that is pulled, by the name that `images.override` has for it.

Those of nginx, Open WebUI and vLLM are the releases that compose/images builds too; no tag of this table was pulled
where it was written, so docs/decisions.md lists them as not tried.
"""

from __future__ import annotations

from collections.abc import Mapping

IMAGES: Mapping[str, str] = {
    "gateway": "nginx:1.30.6",  # must carry njs 1.0 or newer: looked at before it is used
    "webui": "ghcr.io/open-webui/open-webui:v0.12.4",
    "llamacpp": "ghcr.io/ggml-org/llama.cpp:server-b11669",
    "llamacpp_cuda": "ghcr.io/ggml-org/llama.cpp:server-cuda-b11669",
    "vllm": "vllm/vllm-openai:v0.32.0",
    "vllm_cpu": "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.32.0",
    "ollama": "ollama/ollama:0.33.0",
    "tgi": "ghcr.io/huggingface/text-generation-inference:3.3.5",
    "sglang": "lmsysorg/sglang:v0.5.23",
}
