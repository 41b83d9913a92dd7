"""With a real embedding model the file that answers a question is found first, though they share no telling word.

Practice weights are random, so nothing is claimed of their order: WORKSHOP_TEST_EMBEDDINGS names a GGUF file on this
machine whose header says how to pool, for example of embeddinggemma or nomic-embed-text.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.stack.workshop.bed import Workshop

MODEL = os.environ.get("WORKSHOP_TEST_EMBEDDINGS", "")
LIBRARY = {
    "cats.md": "Kittens purr, chase mice and sleep on the sofa.",
    "cooking.md": "Boil pasta in salted water, then fry onions and garlic in olive oil.",
    "football.md": "The striker scored two goals, and the referee ended the match.",
    "medicine.md": "Doctors prescribe antibiotics when patients suffer from infections.",
    "money.md": "Banks raised interest rates, so loans and mortgages became expensive.",
    "space.md": "Astronauts orbit the planet in a rocket and land on the moon.",
}
QUESTIONS = {
    "cats.md": "Which pet animal, other than a dog?",
    "cooking.md": "recipe for dinner",
    "football.md": "Which team won the soccer game?",
    "medicine.md": "treatment of a disease in hospital",
    "money.md": "What does it cost to borrow from a lender?",
    "space.md": "NASA launched a spacecraft and a satellite",
}

pytestmark = [
    pytest.mark.full("a real embedding model finds a file; test_webui_knowledge finds one with the stub's"),
    pytest.mark.skipif(
        not MODEL,
        reason="no real embedding model: WORKSHOP_TEST_EMBEDDINGS names no GGUF file, so ranking is not proved",
    ),
]


def test_the_file_that_answers_is_found_first(make_workshop: Callable[..., Workshop]) -> None:
    workshop = make_workshop(
        "ranking",
        practice=False,
        participants={"count": 1},
        models=[{"name": "embedder", "engine": "llamacpp", "source": str(Path(MODEL).resolve()), "embeds": True}],
        webui={"mode": "shared", "embeddings": "embedder", "knowledge": [{"name": "Notes", "files": ["notes"]}]},
    )
    notes = workshop.folder / "notes"
    notes.mkdir()
    for name, text in LIBRARY.items():
        (notes / name).write_text(f"{text}\n")
    assert workshop.provision()["ok"] is True

    headers = {"Authorization": f"Bearer {workshop.person('p01')['webui_api_key']}"}
    (row,) = requests.get(f"{workshop.webui}/api/v1/knowledge/", headers=headers, timeout=60).json()["items"]
    first = {}
    for name, question in QUESTIONS.items():
        search = {"collection_names": [row["id"]], "query": question, "k": 1}
        path = f"{workshop.webui}/api/v1/retrieval/query/collection"
        answer = requests.post(path, json=search, headers=headers, timeout=60).json()
        first[name] = answer["metadatas"][0][0]["name"]

    assert first == {name: name for name in QUESTIONS}
