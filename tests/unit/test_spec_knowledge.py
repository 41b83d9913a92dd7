"""Which files a spec means as knowledge, and what it says of those that it can't have."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.knowledge_files import find_knowledge, left_out
from tests.unit.spec_samples import VALID, problems_of, spec_of, told

EMBEDDER = '  - {name: e, engine: llamacpp, source: "a/b/c.gguf", embeds: true, aliases: [other]}\n'


def spec(knowledge: str, embeddings: str = "embeddings: e") -> str:
    return f"{VALID}{EMBEDDER}webui:\n  {embeddings}\n  knowledge: [{knowledge}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("notes/b.md", "notes/deep/a.txt", "notes/.hidden/c.md", "notes/.d.md", "slides/one.pdf", "pic.png"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def names(folder: Path, entries: str) -> list[str]:
    found = find_knowledge(spec_of(folder, spec(f"{{name: K, files: {entries}}}")))
    return [file.name for file in found.collections[0].files]


def refusals(folder: Path, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        find_knowledge(spec_of(folder, text))
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_folder_means_all_below_it_but_what_is_hidden(folder: Path) -> None:
    assert names(folder, "[notes/]") == ["notes/b.md", "notes/deep/a.txt"]


def test_patterns_and_paths_are_relative_to_the_spec(folder: Path) -> None:
    assert names(folder, '["slides/*.pdf", notes/b.md]') == ["notes/b.md", "slides/one.pdf"]
    assert names(folder, '["**/*.md"]') == ["notes/b.md"]


def test_what_lies_elsewhere_is_named_without_its_place(folder: Path) -> None:
    inner = folder / "class"
    inner.mkdir()

    assert names(inner, "[../notes]") == ["b.md", "deep/a.txt"]
    assert names(inner, f"[{folder}/slides/*.pdf]") == ["one.pdf"]


def test_what_names_nothing_is_told_with_its_line(folder: Path) -> None:
    (folder / "empty").mkdir()

    assert refusals(folder, spec("{name: K, files: [gone.md, '*.doc', empty]}")) == [
        "workshop.yaml:11:33: there is no file or folder 'gone.md'",
        "workshop.yaml:11:42: no file matches '*.doc'",
        "workshop.yaml:11:51: the folder 'empty' has no files",
    ]


def test_a_file_that_two_entries_mean_is_told(folder: Path) -> None:
    (problem,) = refusals(folder, spec("{name: K, files: [notes/, notes/b.md]}"))

    assert "notes/b.md is in this collection already, by 'notes/'" in problem


def test_the_same_file_may_be_in_two_collections(folder: Path) -> None:
    found = find_knowledge(spec_of(folder, spec("{name: K, files: [notes/]}, {name: L, files: [notes/b.md]}")))

    assert found.count == 3


def test_files_that_are_not_read_are_left_out_and_named(folder: Path) -> None:
    loaded = spec_of(folder, spec('{name: K, files: [notes/, "*.png"]}'))
    found = find_knowledge(loaded)

    assert [file.name for file in found.collections[0].files] == ["notes/b.md", "notes/deep/a.txt"]
    (line,) = left_out(loaded, found)
    assert line.startswith("workshop.yaml:11: left out")
    assert line.endswith("pic.png")


def test_the_roster_and_secrets_are_no_knowledge(folder: Path) -> None:
    (folder / "people.csv").write_text("name,email\nAda,ada@example.org\n")
    text = spec('{name: K, files: ["*.csv", "*.yaml"]}').replace("{count: 3}", "{roster: people.csv}")

    first, second = refusals(folder, text)

    assert "people.csv is the roster, with everybody's mail" in first
    assert "workshop.yaml is the spec" in second


def test_an_inventory_is_no_knowledge_nor_what_lies_in_its_folder(folder: Path) -> None:
    (folder / "hosts/group_vars").mkdir(parents=True)
    (folder / "hosts/group_vars/all.yml").write_text("ansible_become_pass: x\n")
    (folder / "hosts/hosts.ini").write_text("[all]\nlocalhost ansible_connection=local\n")
    text = spec('{name: K, files: ["**/*.yml"]}') + "inventory: hosts\npractice: true\n"

    assert "hosts/group_vars/all.yml is the inventory" in refusals(folder, text)[0]


@pytest.mark.parametrize("entry", ['"**/*.csv"', '"state/class/*.csv"', "."])
def test_what_a_workshop_keeps_is_no_knowledge(folder: Path, entry: str) -> None:
    for at in (".workshop/class", "state/class"):
        (folder / at / "handouts").mkdir(parents=True)
        (folder / at / "state.sqlite3").write_text("")
        (folder / at / "cards.csv").write_text("key")
        (folder / at / "handouts/cards.csv").write_text("key")
    (folder / "fine.csv").write_text("x")
    loaded = spec_of(folder, spec(f"{{name: K, files: [{entry}, fine.csv]}}"))
    with pytest.raises(SpecError) as caught:
        find_knowledge(loaded)

    assert "cards" not in str(caught.value)


@pytest.mark.parametrize(
    ("webui", "line"),
    [
        ("{embeddings: m}", "webui.embeddings: 'm' is started for chats. Name a model that has embeds: true"),
        ("{embeddings: f}", "no model is named 'f'"),
        ("{mode: none, embeddings: e}", "embeddings is for Open WebUI, and its mode is none"),
        ("{knowledge: [{name: K, files: [x]}]}", "knowledge needs a model that makes embeddings"),
        ("{participants_may: [knowledge]}", "collections are searched with webui.embeddings, and none is named"),
        ("{participants_may: [everything]}", "participants_may"),
        ("{embeddings: e, knowledge: [{name: K, files: [x, x]}]}", "'x' stands here twice"),
        ("{embeddings: e, knowledge: [{name: K, files: [x]}, {name: K, files: [y]}]}", "a second collection named 'K'"),
        ("{embeddings: e, knowledge: [{name: K, files: []}]}", "files"),
        ("{embeddings: e, default_models: [e]}", "no model is named 'e'"),
    ],
)
def test_what_does_not_fit_together_is_told(tmp_path: Path, webui: str, line: str) -> None:
    problems = told(tmp_path, f"{VALID}{EMBEDDER}webui: {webui}\n")

    assert len(problems) == 1
    assert line.rpartition(": ")[2] in problems[0]


def test_tgi_does_not_embed(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, VALID + "  - {name: t, engine: tgi, source: a/b, embeds: true}\n")

    assert problem.message.endswith("tgi makes no embeddings")


def test_an_alias_names_the_embedder_and_its_teams_count(folder: Path) -> None:
    workshop = spec_of(folder, spec("{name: K, files: [notes], teams: [staff]}", "embeddings: other")).workshop

    assert workshop.embedder is not None
    assert workshop.embedder.name == "e"
    assert workshop.teams == ("staff",)
