"""Entries of the model menu: what the spec gives is set, what it gave and gives no more is taken back, else left."""

from __future__ import annotations

from orchestrator.webui.models import record_of
from orchestrator.webui.wanted import Suggestion, VisibleModel

PRESET = VisibleModel(
    "tutor", "preset", base="m", parameters={"temperature": 0.2}, suggestions=(Suggestion("a", "b", "c"),)
)


def test_an_entry_that_is_as_it_should_be_stays_the_same() -> None:
    for entry in (VisibleModel("m", "vllm", title="M", description="D", picture="data:image/png;base64,AA"), PRESET):
        once = record_of(entry)
        assert record_of(entry, once) == once


def test_a_description_that_left_the_spec_goes_and_one_written_by_hand_stays() -> None:
    described = record_of(VisibleModel("m", "vllm", description="D"))
    by_hand = record_of(VisibleModel("m", "vllm"))
    by_hand["meta"]["description"] = "mine"

    assert record_of(VisibleModel("m", "vllm"), described)["meta"]["description"] is None
    assert record_of(VisibleModel("m", "vllm"), by_hand)["meta"]["description"] == "mine"


def test_a_models_parameters_are_the_instructors_and_a_presets_are_the_specs() -> None:
    by_hand = {**record_of(VisibleModel("m", "vllm")), "params": {"temperature": 1}}
    preset = {**record_of(PRESET), "params": {"temperature": 1}}

    assert record_of(VisibleModel("m", "vllm"), by_hand)["params"] == {"temperature": 1}
    assert record_of(PRESET, preset)["params"] == {"temperature": 0.2}
    assert record_of(PRESET)["meta"]["suggestion_prompts"] == [{"title": ["a", "b"], "content": "c"}]
