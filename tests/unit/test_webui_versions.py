"""What is known of Open WebUI's versions, from what a server calls itself."""

from __future__ import annotations

import pytest

from orchestrator.webui.versions import OLDEST, WITHOUT_KNOWN_HOLES, Dialect, text


@pytest.mark.parametrize(
    ("version", "since_0_9_0", "names_the_asker", "own_suggestions"),
    [
        ("0.8.12", False, False, False),
        ("0.9.0", True, False, False),
        ("0.9.6", True, True, False),
        ("v0.10.2", True, True, False),
        ("0.11.0-dev", True, True, True),
        ("1.0.0", True, True, True),
    ],
)
def test_an_older_version_can_do_less(
    version: str, *, since_0_9_0: bool, names_the_asker: bool, own_suggestions: bool
) -> None:
    found = Dialect.of(version)

    assert found is not None
    assert found.changes_single_fields is since_0_9_0
    assert found.administrators_read_chats is since_0_9_0
    assert found.closes_ollama_models is since_0_9_0
    assert found.lists_anew is (version == "1.0.0")
    assert found.names_the_asker is names_the_asker
    assert found.has_its_own_suggestions_back is own_suggestions


@pytest.mark.parametrize("version", ["nightly", "", "1.2"])
def test_what_is_no_version_is_none(version: str) -> None:
    assert Dialect.of(version) is None


def test_a_version_with_known_holes_is_told_and_a_new_one_is_not() -> None:
    assert not list(Dialect(WITHOUT_KNOWN_HOLES).warnings())
    assert ["published holes" in line for line in Dialect((0, 10, 2)).warnings()] == [True]
    first, second = Dialect(OLDEST).warnings()
    assert text(OLDEST) in first
    assert "chats and collections of others" in first
    assert "ENABLE_FORWARD_USER_INFO_HEADERS=true" in second
