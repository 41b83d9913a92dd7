"""Answers of the APIs that are asked, as far as they are read. Sources: OpenAI's API reference; Ollama docs/api.md."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, RootModel, ValidationError


class Message(BaseModel):
    """A message, or a piece of one: words, or calls of tools. Models that think say so under one of three names."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking: str | None = None
    tool_calls: list[dict[str, Any]] | None = None

    @property
    def says_something(self) -> bool:
        return bool(self.content or self.reasoning_content or self.reasoning or self.thinking or self.tool_calls)


class Choice(BaseModel):
    message: Message = Message()
    delta: Message = Message()
    finish_reason: str | None = None


class Usage(BaseModel):
    completion_tokens: int = 0


class Completion(BaseModel):
    """An answer of /v1/chat/completions, or one event of its stream."""

    choices: list[Choice] = []
    usage: Usage | None = None


class Embedding(BaseModel):
    embedding: list[float]


class Embeddings(BaseModel):
    data: list[Embedding]


class OllamaEmbeddings(BaseModel):
    """/api/embed."""

    embeddings: list[list[float]]


class OllamaAnswer(BaseModel):
    """One line of /api/chat."""

    message: Message = Message()
    done: bool = False
    done_reason: str | None = None


class OllamaGenerated(BaseModel):
    """/api/generate, not streamed."""

    response: str = ""
    thinking: str | None = None


class ListedModel(BaseModel):
    id: str


class ModelList(BaseModel):
    data: list[ListedModel]


class OllamaTag(BaseModel):
    name: str


class OllamaTags(BaseModel):
    models: list[OllamaTag]


class ToolList(RootModel[list[ListedModel]]):
    """Open WebUI's /api/v1/tools/."""


class SignedIn(BaseModel):
    token: str
    email: str
    role: str


class NamedRow(BaseModel):
    id: str
    name: str


class KnowledgeList(BaseModel):
    """A page of /api/v1/knowledge/."""

    items: list[NamedRow] = []
    total: int = 0


class Mark(BaseModel):
    """What the program sends with a file."""

    collection: str
    name: str
    sha256: str


class _FileMeta(BaseModel):
    data: dict[str, Any] | None = None


class FileRow(BaseModel):
    id: str
    meta: _FileMeta | None = None

    def mark(self, label: str) -> Mark | None:
        """What the workshop with this mark sent; None: somebody else did."""
        found = ((self.meta.data if self.meta else None) or {}).get(label)
        try:
            return Mark.model_validate(found)
        except ValidationError:
            return None


class KnowledgeFiles(BaseModel):
    """A page of /api/v1/knowledge/ID/files."""

    items: list[FileRow] = []
    total: int = 0


class _Called(BaseModel):
    id: str
    name: str | None = None
    filename: str | None = None


class NamedRows(BaseModel):
    """A page of files, or of collections."""

    items: list[_Called] = []


class Sourced(BaseModel):
    """What Open WebUI adds to an answer: what it read for it."""

    sources: list[object] = []


class FileStatus(BaseModel):
    """/api/v1/files/ID/process/status."""

    status: str


class _PieceMeta(BaseModel):
    file_id: str = ""


class Pieces(BaseModel):
    """/api/v1/retrieval/query/collection: lists of one list each."""

    documents: list[list[str]] = []
    metadatas: list[list[_PieceMeta]] = []

    @property
    def all(self) -> list[tuple[str, str]]:
        """Id of the file and text of each piece."""
        pairs = zip(self.metadatas, self.documents, strict=False)
        return [(m.file_id, text) for metas, texts in pairs for m, text in zip(metas, texts, strict=False)]
