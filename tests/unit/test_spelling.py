"""One wording for names that are not there, wherever they were written."""

from __future__ import annotations

from orchestrator.spelling import did_you_mean, nearest


def test_the_name_that_is_spelt_most_like_it_is_offered() -> None:
    assert did_you_mean(nearest("misral", ["llama", "mistral-7b", "mistral"])) == "Did you mean 'mistral'?"


def test_where_nothing_is_like_it_nothing_is_offered() -> None:
    assert nearest("gpu-1", ["front", "webui"]) is None
    assert nearest("gpu-1", []) is None
    assert did_you_mean(None, None) is None


def test_of_several_each_is_offered_once() -> None:
    assert did_you_mean("p03", None, "p01", "p03") == "Did you mean 'p03', 'p01'?"
