"""Weights in a folder of the operator's machine, for hosts without internet: what is there, and as a tar."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tarfile
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from orchestrator.engines.container import Fetch
from orchestrator.fleet.scripts.weights_form import wrong_form
from orchestrator.fleet.weights_store import Kept
from orchestrator.spec.gguf import parts_of

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FolderStore:
    """`WORKSHOP_WEIGHTS`. What is not complete is said and passed over."""

    folder: Path
    say: Callable[[str], None]

    def kept(self, fetch: Fetch) -> Kept | None:
        tree = kept(self.folder, fetch)
        if tree is None:
            return None
        try:
            wrong = next(_wrong(_files(tree, fetch)), None)
            files = () if wrong else listing(tree, fetch)
        except OSError as problem:
            wrong = f"{tree} is not complete: {problem}"
        if wrong:
            self.say(wrong)
            return None
        if not files:
            self.say(f"{tree} has no snapshots: it is no cache of Hugging Face")
            return None
        return Kept(str(self.folder), files, lambda _, stop: stream(tree, fetch, stop))


def kept(folder: Path, fetch: Fetch) -> Path | None:
    """The model's tree: hub/models--OWNER--NAME or models--OWNER--NAME, or OWNER--REPO--FILE.gguf or FILE.gguf."""
    if not fetch.tree or not fetch.plain:
        return None
    tree = PurePosixPath(fetch.tree)
    names = filter(None, (fetch.tree, tree.name, fetch.known_as))
    return next((folder / name for name in names if (folder / name).exists()), None)


def listing(tree: Path, fetch: Fetch) -> tuple[str, ...]:
    """SIZE SHA256 PATH of its files, links followed. Raises OSError for a link that leads nowhere."""
    if tree.is_file():
        return (_line(tree, fetch.tree),)
    return tuple(_line(path, f"{fetch.tree}/{path.relative_to(tree).as_posix()}") for path in _files(tree, fetch))


def _files(tree: Path, fetch: Fetch) -> list[Path]:
    if tree.is_file():
        return [tree]
    root = tree / "snapshots" if fetch.tree.startswith("hub/") else tree  # else a file in parts
    return sorted(path for path in root.rglob("*") if path.is_symlink() or path.is_file())


def _wrong(files: list[Path]) -> Iterator[str]:
    """Raises OSError for a link that leads nowhere."""
    for path in files:
        if why := wrong_form(path):
            yield f"{path} is {why}"
        for name in parts_of(path.name):
            if not path.with_name(name).exists():
                yield f"{path} is not complete: {name} is not beside it"


def stream(tree: Path, fetch: Fetch, stop: threading.Event) -> Generator[bytes, None, None]:
    """A tar of the tree, as it is read."""
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux; its 64 KiB would cost a change of threads each time they are full
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, CHUNK)

    def write() -> None:
        try:
            with os.fdopen(writing, "wb") as sink, tarfile.open(fileobj=sink, mode="w|", bufsize=CHUNK) as archive:
                archive.add(tree, PurePosixPath(fetch.tree).name, filter=_complete)
        except OSError:
            pass  # the reader went away, or finds the tar cut off

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    with os.fdopen(reading, "rb") as source:
        while not stop.is_set() and (chunk := source.read(CHUNK)):
            yield chunk
    writer.join()


def _complete(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return None if entry.name.endswith((".incomplete", ".part", ".lock")) else entry


def _line(path: Path, name: str) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
    return f"{path.stat().st_size} {digest.hexdigest()} {name}"
