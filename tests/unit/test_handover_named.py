"""Whatever a spec names goes into an export, from whichever field; what stays out is named, and the receiver can plan."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from orchestrator.handover import sealed
from orchestrator.handover.named import A_SECRET, ABSOLUTE, ELSEWHERE, Named, _mentions, named_by
from orchestrator.settings import Settings
from orchestrator.spec.descriptions import descriptions
from orchestrator.spec.knowledge_files import find_knowledge
from orchestrator.spec.loader import load
from orchestrator.spec.values import FilesHere, SecretReference
from orchestrator.spec.workshop import Workshop
from orchestrator.state.folder import StateFolder
from orchestrator.state.state import State
from orchestrator.workflow.handover.exporting import Asked, export
from orchestrator.workflow.plan import make_plan
from orchestrator.workflow.validate import problems
from tests.unit.handover_class import PASSPHRASE, take
from tests.unit.spec_samples import VALID, spec_of

EMBEDDER = '  - {name: e, engine: llamacpp, source: "a/b/c.gguf", embeds: true}\n'
NAMES_FILES = (Path, FilesHere, SecretReference)
SPEAKS_OF_FILES = re.compile(r"\b(files?|folders?|paths?|patterns?|documents?|directory)\b", re.IGNORECASE)
# Fields that speak of files and name none beside workshop.yaml, and why.
NONE_HERE = {
    "images.registry": "an address",
    "inventory.roles": "patterns of hosts",
    "webui.connections.url": "an address",
    "models.base_url": "an address",
    "models.source": "weights at a hub, or on the host that serves them",
    "webui.embeddings": "a model's name",
    "webui.functions.id": "a name",
    "webui.participants_may": "a switch",
    "webui.tool_servers.document": "a path at the tool server",
}


class Field(NamedTuple):
    at: str  # names of fields, with dots
    annotation: Any
    description: str


def fields(model: type[BaseModel], at: str = "") -> Iterator[Field]:
    """All of a model and of those in it."""
    for name, field in model.model_fields.items():
        where = f"{at}{name}"
        yield Field(where, field.annotation, descriptions(model).get(name, ""))
        for inner in models_in(field.annotation):
            yield from fields(inner, f"{where}.")


def models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {found for one in get_args(annotation) for found in models_in(one)}


def leaves(annotation: Any) -> set[Any]:
    return {annotation} if not get_args(annotation) else {found for a in get_args(annotation) for found in leaves(a)}


def validators_say(annotation: Any, kind: type) -> bool:
    """The type itself, or a validator in an Annotated that makes one."""
    return any(one is kind or getattr(one, "func", None) is kind for one in leaves(annotation))


def filled(annotation: Any, kind: type, value: object) -> list[object]:
    """Values of this type with `value` in it, one for each place where it can stand."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is kind:
        return [value]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [
            constructed(annotation, name, one)
            for name, field in annotation.model_fields.items()
            for one in filled(with_metadata(field.annotation, field.metadata), kind, value)
        ]
    if origin is Annotated:
        made = [value] if any(getattr(one, "func", None) is kind for one in inner[1:]) else []
        return made + filled(inner[0], kind, value)
    if origin is dict:
        keys, values = (filled(part, kind, value) for part in inner)
        return [*({one: None} for one in keys), *({"k": one} for one in values)]
    known = {Union: None, types.UnionType: None, list: list, tuple: tuple, set: set, frozenset: frozenset}
    if origin in known:
        wrap = known[origin]
        return [wrap([one]) if wrap else one for part in inner for one in filled(part, kind, value)]
    is_plain = origin is None and (annotation in {Any, None, ...} or isinstance(annotation, type | NewType))
    assert is_plain or origin is Literal, f"the test does not know {annotation}"
    return []


def constructed(model: type[BaseModel], field: str, value: object) -> BaseModel:
    """With that field and its defaults; nothing is checked."""
    given: dict[str, Any] = {field: value}
    return model.model_construct(**given)


def with_metadata(annotation: Any, metadata: list[Any]) -> Any:
    return Annotated[(annotation, *metadata)] if metadata else annotation


SAMPLES: list[tuple[type, Any, str]] = [
    (Path, Path("x/new"), "x/new"),
    (FilesHere, FilesHere("x/*.new"), "x/*.new"),
    (SecretReference, SecretReference("file", "x/key"), "x/key"),
]


@pytest.mark.parametrize(("kind", "value", "text"), SAMPLES)
def test_from_every_field_that_can_name_files_they_are_found(kind: type, value: object, text: str) -> None:
    """Made from the model itself: a new field, or a new container around one, is tried without a change here."""
    made = [
        constructed(Workshop, name, one)
        for name, field in Workshop.model_fields.items()
        for one in filled(with_metadata(field.annotation, field.metadata), kind, value)
    ]
    assert len(made) >= (1 if kind is FilesHere else 5)
    for workshop in made:
        assert [one.text for one in _mentions(workshop)] == [text], workshop


def test_every_field_that_speaks_of_files_has_a_type_by_which_they_are_found() -> None:
    """Whoever adds one gives it a path's type, or says above why it names no file of the spec's folder."""
    missed = {
        field.at
        for field in fields(Workshop)
        if SPEAKS_OF_FILES.search(f"{field.at.replace('_', ' ').rpartition('.')[2]} {field.description}")
        and not any(validators_say(field.annotation, kind) for kind in NAMES_FILES)
        and not models_in(field.annotation)
    }
    assert missed == NONE_HERE.keys()


# Knowledge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "first"
    for name in (
        *("notes/b.md", "notes/deep/a.txt", "notes/pic.png", "notes/.hidden/c.md", "slides/one.pdf", "slides/two.pdf"),
        *("handout.pdf", "keys/openai", "other.txt"),
    ):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name, encoding="utf-8")
    (tmp_path / "above.md").write_text("x", encoding="utf-8")
    return place


def spec(*entries: str) -> str:
    return f"{VALID}{EMBEDDER}practice: true\nwebui:\n  embeddings: e\n  knowledge: [{{name: K, files: {list(entries)}}}]\n"


def named(folder: Path, *entries: str, with_secrets: bool = False, more: str = "") -> Named:
    return named_by(spec_of(folder, spec(*entries) + more), with_secrets=with_secrets)


def arrived(found: Named) -> set[str]:
    return {name.removeprefix("spec/") for name in found.files} - {"workshop.yaml"}


@pytest.mark.parametrize(
    ("entry", "files"),
    [
        ("handout.pdf", {"handout.pdf"}),
        ("notes/", {"notes/b.md", "notes/deep/a.txt", "notes/pic.png"}),
        ("./notes/deep", {"notes/deep/a.txt"}),
        ("slides/*.pdf", {"slides/one.pdf", "slides/two.pdf"}),
        ("**/*.md", {"notes/b.md"}),
    ],
)
def test_knowledge_is_in_an_export_as_file_folder_or_pattern(folder: Path, entry: str, files: set[str]) -> None:
    found = named(folder, entry)
    assert arrived(found) == files
    assert found.left_out == ()


def test_what_of_knowledge_stays_out_is_named(folder: Path) -> None:
    away = str(folder.parent / "above.md")
    found = named(folder, "../above.md", "../*.md", away, "gone.md", "*.doc", "notes/b.md")
    assert arrived(found) == {"notes/b.md"}
    assert {one.what: one.why for one in found.left_out} == {
        "../above.md": ELSEWHERE,
        "../*.md": ELSEWHERE,
        away: ABSOLUTE,
        "gone.md": "there is no file or folder 'gone.md'",
        "*.doc": "no file matches '*.doc'",
    }


def test_a_secret_in_a_folder_of_knowledge_does_not_travel_with_it(folder: Path) -> None:
    key = '  connections: [{name: c, url: "https://x.org/v1", api_key: "${file:keys/openai}", models: [g]}]\n'
    found = named(folder, ".", more=key)
    assert "keys/openai" not in arrived(found)
    assert {one.what: one.why for one in found.left_out} == {"keys/openai": A_SECRET}
    assert "keys/openai" in arrived(named(folder, ".", with_secrets=True, more=key))


def test_the_receiver_validates_and_plans_with_what_came(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "_COST", 2)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")  # no engine is needed for that
    sent = spec_of(folder, spec("notes", "slides/*.pdf", "handout.pdf"))
    with State.open(StateFolder.for_spec(sent.file, "class")) as state:
        state.begin("class", sent.file)
    file = export(sent, Settings(), None, Asked(to=tmp_path / "x"), lambda: PASSPHRASE).file
    told = take(file, tmp_path / "second")
    received = load(told.spec)
    assert find_knowledge(received).collections[0].files != ()
    assert [(one.name, one.path.read_bytes()) for one in find_knowledge(received).collections[0].files] == [
        (one.name, one.path.read_bytes()) for one in find_knowledge(sent).collections[0].files
    ]
    assert problems(received) == []
    plans = [make_plan(one, Settings(), None) for one in (sent, received)]
    assert [change.what for change in plans[1].changes] == [change.what for change in plans[0].changes]
