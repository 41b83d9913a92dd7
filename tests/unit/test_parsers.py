"""Which parsers a model's calls of tools and its reasoning get: by its family, or as the spec says."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engines.parsers import families, family_of, parsers_for
from orchestrator.errors import SpecError
from orchestrator.spec.models import Model
from tests.unit.spec_samples import spec_of, with_models

OFF = "off"


def model(source: str, engine: str = "vllm", **fields: object) -> Model:
    return Model.model_validate({"name": "m", "engine": engine, "source": source} | fields)


@pytest.mark.parametrize(
    ("source", "vllm", "sglang"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", ("hermes", None), ("qwen", None)),
        ("Qwen/Qwen2.5-Coder-32B-Instruct-AWQ", ("hermes", None), ("qwen", None)),
        ("Qwen/Qwen2.5-Math-7B-Instruct", (None, None), (None, None)),
        ("Qwen/Qwen3-8B", ("hermes", "qwen3"), ("qwen", "qwen3")),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", ("hermes", None), ("qwen", None)),
        ("Qwen/Qwen3-30B-A3B-Thinking-2507-FP8", ("hermes", "qwen3"), ("qwen", "qwen3-thinking")),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", ("qwen3_xml", None), ("qwen3_coder", None)),
        ("Qwen/Qwen3.5-27B", ("qwen3_xml", "qwen3"), ("qwen3_coder", "qwen3")),
        ("Qwen/Qwen3-Embedding-0.6B", (None, None), (None, None)),
        ("Qwen/QwQ-32B", ("hermes", "deepseek_r1"), ("qwen", "deepseek-r1")),
        ("meta-llama/Llama-3.1-8B-Instruct", ("llama3_json", None), ("llama3", None)),
        ("meta-llama/Meta-Llama-3.1-70B-Instruct", ("llama3_json", None), ("llama3", None)),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", ("llama3_json", None), ("llama3", None)),
        ("meta-llama/Meta-Llama-3-8B-Instruct", (None, None), (None, None)),
        ("meta-llama/Llama-3.1-8B", (None, None), (None, None)),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", ("llama4_json", None), (None, None)),
        ("NousResearch/Hermes-3-Llama-3.1-8B", ("hermes", None), ("hermes", None)),
        ("NousResearch/Nous-Hermes-2-Mixtral-8x7B-DPO", (None, None), (None, None)),
        ("Salesforce/Llama-xLAM-2-8B-fc-r", (None, None), (None, None)),
        ("mistralai/Mistral-7B-Instruct-v0.3", ("mistral", None), ("mistral", None)),
        ("mistralai/Mistral-7B-Instruct-v0.1", (None, None), (None, None)),
        ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", ("mistral", None), ("mistral", None)),
        ("mistralai/Magistral-Small-2506", ("mistral", "mistral"), ("mistral", "mistral")),
        ("openai/gpt-oss-20b", ("openai", "openai_gptoss"), ("gpt-oss", "gpt-oss")),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", (None, "deepseek_r1"), (None, "deepseek-r1")),
        ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", (None, "deepseek_r1"), (None, "deepseek-r1")),
        ("deepseek-ai/DeepSeek-V3.1", (None, None), (None, None)),
        ("deepseek-ai/DeepSeek-V3.2", ("deepseek_v32", "deepseek_v3"), ("deepseekv32", "deepseek-v3")),
        ("ibm-granite/granite-3.3-8b-instruct", ("granite", None), (None, None)),
        ("ibm-granite/granite-4.0-h-small", ("granite4", None), (None, None)),
        ("zai-org/GLM-4.6", ("glm45", "glm45"), ("glm45", "glm45")),
        ("zai-org/GLM-4.7-Flash", ("glm47", "glm45"), ("glm47", "glm45")),
        ("microsoft/Phi-4-mini-instruct", ("phi4_mini_json", None), (None, None)),
        ("google/gemma-4-27b-it", ("gemma4", "gemma4"), ("gemma4", "gemma4")),
        ("google/gemma-3-4b-it", (None, None), (None, None)),
        ("moonshotai/Kimi-K2-Instruct", ("kimi_k2", "kimi_k2"), ("kimi_k2", "kimi_k2")),
        ("/srv/hub/models--Qwen--Qwen3-8B/snapshots/abc", ("hermes", "qwen3"), ("qwen", "qwen3")),
        ("lab/our-own-model", (None, None), (None, None)),
    ],
)
def test_a_family_has_its_parsers_by_each_engines_names(
    source: str, vllm: tuple[str | None, str | None], sglang: tuple[str | None, str | None]
) -> None:
    for engine, wanted in (("vllm", vllm), ("sglang", sglang)):
        found = parsers_for(model(source, engine))
        assert (found.tools, found.reasoning) == wanted


def test_every_line_of_the_table_is_of_use() -> None:
    assert len({family.name for family in families()}) == len(families())
    assert all(names.keys() <= {"tools", "reasoning"} for one in families() for names in one.engines.values())
    assert family_of("lab/our-own-model") is None


def test_it_is_said_where_they_are_from() -> None:
    assert str(parsers_for(model("Qwen/Qwen3-8B"))) == "tools: hermes, reasoning: qwen3 (Qwen 3)"
    unknown = "tools: off, reasoning: off (its family is not known: say tools: NAME)"
    assert str(parsers_for(model("lab/own"))) == unknown
    nothing = "tools: off, reasoning: off (DeepSeek V3: no parser is known here)"
    assert str(parsers_for(model("deepseek-ai/DeepSeek-V3.1"))) == nothing


def test_the_spec_goes_before_the_table() -> None:
    qwen = "Qwen/Qwen3-8B"
    said = parsers_for(model(qwen, tools="pythonic", reasoning=OFF))
    assert (said.tools, said.reasoning, said.origin) == ("pythonic", None, "as the spec says")
    assert parsers_for(model(qwen, tools=OFF)).tools is None
    assert parsers_for(model("lab/own", tools="mine", reasoning=OFF)).origin == "as the spec says"


@pytest.mark.parametrize("name", ["two words", "-x", "a;b", ""])
def test_a_parsers_name_is_one_word(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match=r"models\[1\].tools"):
        spec_of(tmp_path, with_models(f"name: m, engine: vllm, source: o/m, tools: '{name}'"))
