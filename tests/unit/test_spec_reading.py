"""What can be wrong with workshop.yaml as a file: YAML, size, bytes, and where each problem stands."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import SpecError
from orchestrator.spec.loader import load
from tests.unit.spec_samples import VALID, model, problems_of, spec_of, told, with_models


def test_a_valid_file_is_read(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, VALID)
    assert spec.workshop.name == "class"
    assert spec.workshop.models[0].source == "llama3.2:3b"
    assert spec.folder == tmp_path


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
name: My Class
titel: A class
participants: {count: many}
hosts:
  - {name: a, roles: [gatway]}
  - {name: a}
models:
  - {name: m, engine: vlm, source: x}
  - {name: n, engine: external, source: x}
  - {name: n, engine: ollama, source: x, replicas: 0}
gateway: {port: 3000}
"""
    assert told(tmp_path, text) == [
        "workshop.yaml:1:1: title is missing",
        (
            "workshop.yaml:1:7: name: expected a DNS label: lower-case letters, digits and hyphens, a letter first, at most"
            " 40, got 'My Class'"
        ),
        "workshop.yaml:2:1: unknown key titel. Did you mean 'title'?",
        "workshop.yaml:3:23: participants.count: expected a whole number, got 'many'",
        (
            "workshop.yaml:5:23: hosts[1].roles[1]: expected 'gateway', 'webui' or 'inference', got 'gatway'."
            " Did you mean 'gateway'?"
        ),
        "workshop.yaml:6:12: hosts[2].name: a second host named 'a'; the first is number 1",
        (
            "workshop.yaml:8:23: models[1].engine: expected 'external', 'llamacpp', 'ollama', 'sglang', 'tgi' or 'vllm', got 'vlm'."
            " Did you mean 'vllm'?"
        ),
        "workshop.yaml:9:5: models[2]: an external model needs base_url, or a provider that is known",
        "workshop.yaml:10:12: models[3].name: a second model named 'n'; the first is number 2",
        "workshop.yaml:10:52: models[3].replicas: input should be greater than or equal to 1, got 0",
        "workshop.yaml:11:17: gateway.port: gateway and webui cannot both have port 3000",
    ]


def test_a_problem_knows_file_line_and_column(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, VALID + "practice: yes please\n")
    assert (problem.where.file, problem.where.line, problem.where.column) == (tmp_path / "workshop.yaml", 8, 11)
    assert problem.code == "wrong_value"


def test_anchors_and_merge_keys_work_and_own_keys_win(tmp_path: Path) -> None:
    text = VALID + "hosts:\n  - &a {name: a, user: ada}\n  - {<<: *a, name: b, address: b.lan, roles: [inference]}\n"
    first, second = spec_of(tmp_path, text).workshop.hosts
    assert (first.name, first.user) == ("a", "ada")
    assert (second.name, second.user) == ("b", "ada")


def test_a_merged_value_is_told_where_it_was_written_and_an_own_one_where_it_stands(tmp_path: Path) -> None:
    text = VALID + "hosts:\n  - &a\n    name: a\n    port: none\n  - <<: *a\n    name: B\n    address: b.lan\n"
    text += "    roles: [inference]\n"
    places = [(problem.where.line, problem.message.split(":")[0]) for problem in problems_of(tmp_path, text)]
    assert places == [(11, "hosts[1].port"), (11, "hosts[2].port"), (13, "hosts[2].name")]


def test_of_several_merged_mappings_the_first_wins(tmp_path: Path) -> None:
    text = VALID.replace("{count: 3}", "{<<: [*few, *many]}")
    anchors = "x: &few {count: 2}\ny: &many {count: 9, spare: 5}\n"
    lines = told(tmp_path, anchors + text)
    assert [line.split(". ")[0] for line in lines] == [
        "workshop.yaml:1:1: unknown key x",
        "workshop.yaml:2:1: unknown key y",
    ]


def test_an_anchor_may_be_used_again(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, VALID.replace("A class", "&a One") + "timezone: &a UTC\nhandouts: {contact: *a}\n")
    assert spec.workshop.handouts.contact == "UTC"


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert told(tmp_path, VALID + "title: Again\n") == [
        "workshop.yaml:8:1: not valid YAML: the key 'title' stands here twice"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (VALID + "hosts:\n\t- a\n", 9),
        (VALID + "title: [\n", 9),
        (VALID.replace("A class", "'A class"), 8),
        (VALID + "x: *nowhere\n", 8),
        (VALID + "? [a]\n: b\n", 8),
        (VALID.replace("A class", "!strange x"), 2),
        (VALID.replace("A class", "!!bool maybe"), 2),
        (VALID.replace("A class", "!!binary aGVsbG8="), 2),
        (VALID.replace("3}", "._}"), 3),
        (VALID.replace("3}", "9" * 5000 + "}"), 3),
        (VALID + "---\nname: b\n", 8),
        (VALID + "x: {<<: 3}\n", 8),
    ],
    ids=[
        "tab", "open bracket", "open quote", "unknown anchor", "list as key", "unknown tag", "no truth value", "bytes",
        "no number", "5000 digits", "second document", "merged number",
    ],
)  # fmt: skip
def test_what_is_no_yaml_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.code == "yaml_syntax"
    assert problem.where.line == line
    assert problem.message.startswith("not valid YAML: ")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "null\n"])
def test_an_empty_file_is_told_so(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text) == ["workshop.yaml:1:1: is empty. workshop init shows one"]


@pytest.mark.parametrize("text", ["hello\n", "- a\n- b\n", "3\n"])
def test_what_is_no_mapping_is_told_so(tmp_path: Path, text: str) -> None:
    (line,) = told(tmp_path, text)
    assert "expected a mapping of sections" in line


@pytest.mark.parametrize("content", [bytes(range(256)), "é".encode("latin-1") + VALID.encode(), b"\xff\xfe" + b"a\0"])
def test_a_file_that_is_no_text_is_told_so(tmp_path: Path, content: bytes) -> None:
    assert told(tmp_path, content) == ["workshop.yaml: is not UTF-8 text"]


def test_a_control_character_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, VALID.replace("A class", "A \x07 class"))
    assert problem.code == "yaml_syntax"


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no such file or directory\. workshop init writes one"):
        load(tmp_path / "nowhere.yaml")


def test_a_folder_is_no_spec(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is a directory"):
        load(tmp_path)


def _bomb(inner: str, join: str) -> str:
    """Ten of ten of ten ...: eleven lines that stand for 10 to the 11."""
    lines = [f"a0: &a0 {inner}"]
    lines += [f"a{n}: &a{n} {join.format(', '.join([f'*a{n - 1}'] * 10))}" for n in range(1, 12)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [_bomb("[x]", "[{}]"), _bomb("{}", "{{<<: [{}]}}"), "a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a {<<: *a}\n"],
    ids=["lists", "merges", "list in itself", "mapping in itself", "merge of itself"],
)
def test_a_small_file_that_stands_for_a_huge_one_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.where.line is not None
    assert "too many values: is an anchor used inside itself?" in problem.message


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "a: " + "[" * 100 + "]" * 100)
    assert problem.code == "yaml_syntax"


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    found: list[str] = []
    text = "a: " + "[" * 500

    def read() -> None:
        found.extend(problem.code for problem in problems_of(tmp_path, text))

    thread = threading.Thread(target=read)  # whose stack is smaller than the main one's
    thread.start()
    thread.join()
    assert found == ["yaml_syntax"]


def test_a_file_larger_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    assert told(tmp_path, VALID + "#" + "x" * 1_000_000) == ["workshop.yaml: is larger than 1 MB"]


def test_thousands_of_problems_end_soon_and_are_all_told(tmp_path: Path) -> None:
    text = VALID + "d: &d {a: 1}\nhosts:\n" + "  - {<<: *d, b: 2}\n" * 500
    assert len(problems_of(tmp_path, text)) > 1000


@pytest.mark.parametrize(
    "text",
    [
        VALID.replace("A class", '"\\ud800"'),
        VALID.replace("A class", '"a\\0b"'),
        VALID.replace("A class", '"a\\nb"'),
        VALID.replace("{count: 3}", '{roster: "a\\0b"}'),
        VALID.replace("{count: 3}", "{roster: ~nobody-of-this-name/people.csv}"),
        model('args: {x: "a\\0b"}'),
        model("memory_gib: .inf"),
        model("memory_gib: .nan"),
        with_models("name: m, engine: external, source: x, base_url: 'https://a.example:99999'"),
    ],
    ids=["half a character", "NUL", "newline", "NUL in a path", "unknown home", "NUL in an argument", "infinity",
         "not a number", "no port"],
)  # fmt: skip
def test_a_value_that_would_break_later_is_refused_here(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.code == "wrong_value"
    assert problem.where.column is not None


def test_a_value_of_several_types_is_wrong_once(tmp_path: Path) -> None:
    assert told(tmp_path, model("args: {x: null}")) == [
        (
            "workshop.yaml:8:15: models[1].args.x: expected text or a whole number or a number or true or false or a list,"
            " got nothing"
        )
    ]


FAST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@FAST
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused_in_words(tmp_path: Path, text: str) -> None:
    file = tmp_path / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(SpecError):
        load(file)


@FAST
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "any.yaml").write_bytes(content)
    with pytest.raises(SpecError):
        load(tmp_path / "any.yaml")


YAMLISH = st.lists(
    st.sampled_from(
        [*"[]{}:,-?&*!|>'\"%@`#\n \t", "<<: ", "&a ", "*a", "name: ", "models:\n", "  - ", "!!int ", "!!bool ", "null",
         "1e999", "0x", "._", "2026-01-01", "~", "=", "\\0", "---\n", "hosts: ", "${env:A}", "\x85", "\ufeff", "é"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@FAST
@given(text=YAMLISH)
def test_anything_that_looks_like_yaml_is_read_or_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "any.yaml").write_text(text, encoding="utf-8", newline="")
    with pytest.raises(SpecError):
        load(tmp_path / "any.yaml")


@FAST
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=8,
    ),
    key=st.sampled_from([line.split(":")[0] for line in VALID.splitlines() if line[0] != " "] + ["hosts", "public"]),
)
def test_any_value_in_any_section_is_read_or_refused_in_words(tmp_path: Path, key: str, value: object) -> None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="safe", pure=True)
    data = yaml.load(VALID)
    data[key] = value
    with (tmp_path / "any.yaml").open("w", encoding="utf-8", errors="replace") as stream:
        try:
            yaml.dump(data, stream)
        except YAMLError:
            return
    try:
        load(tmp_path / "any.yaml")
    except SpecError as refused:
        assert refused.problems  # noqa: PT017 - either outcome is right, another exception is not
