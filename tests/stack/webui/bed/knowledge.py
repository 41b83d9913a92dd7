"""Files of several types, a collection of them, and what a real Open WebUI says of it."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from pydantic import SecretStr

from orchestrator.webui.client import WebUI
from orchestrator.webui.library import Library, LibraryCollection, LibraryFile
from orchestrator.webui.transport import Upload

if TYPE_CHECKING:
    from tests.stack.webui.conftest import Class, Server

KEY = SecretStr("embeddings-key-of-the-gateway-77aa")
SEARCH = "/api/v1/retrieval/query/collection"


def pdf(text: str) -> bytes:
    """One page."""
    content = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode()
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
    stream = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        stream,
        font,
    )
    data, offsets = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + head + table + end


def docx(file: Path, text: str) -> None:
    office = "http://schemas.openxmlformats.org"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{office}/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="rId1" '
            f'Type="{office}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{office}/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p>'
            "</w:body></w:document>",
        )


def collection(folder: Path, name: str = "Notes", teams: tuple[str, ...] | None = None) -> LibraryCollection:
    files = tuple(LibraryFile.at(file.name, file) for file in sorted(folder.iterdir()))
    return LibraryCollection(name, "What was said", teams, files)


def seed(workshop: Class, *collections: LibraryCollection, model: str = "embedder") -> Any:
    return workshop.seed(replace(workshop.wanted, library=Library(model, KEY, collections)))


def embeddings_fail(server: Server, *, fail: bool) -> None:
    requests.post(f"{server.stub_url}/_silent", json=fail, timeout=10).raise_for_status()


def found(webui: WebUI, name: str = "Notes") -> dict[str, Any]:
    (row,) = [row for row in webui.get("/api/v1/knowledge/")["items"] if row["name"] == name]
    return dict(row)


def searched(webui: WebUI, identity: str) -> dict[str, str]:
    """By the file's name: all that is found of it."""
    answer = webui.post(SEARCH, {"collection_names": [identity], "query": "x", "k": 500})
    texts: dict[str, str] = {}
    for meta, text in zip(answer["metadatas"][0], answer["documents"][0], strict=True):
        texts[meta["name"]] = texts.get(meta["name"], "") + text
    return texts


def stored(webui: WebUI) -> list[str]:
    return sorted(row["filename"] for row in webui.get("/api/v1/files/", content="false")["items"])


def upload(name: str, content: bytes) -> Upload:
    return Upload(name, content, "text/plain", {})
