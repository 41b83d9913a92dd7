"""fetch_repository.py consolidated|common REPOSITORY [REVISION]: a hub's repository, as huggingface_hub caches it.

Not by huggingface_hub, which since its 1.x throws away what an interrupted process had fetched, and checks sizes only.
Runs in the engine's image, with its Python's standard library and two modules of the program that lie beside it. Each
file is `blobs/DIGEST.part` until its digest is what the hub says (SHA-256, or git's SHA-1 for small ones); then weights
must look like weights; the marker of weights.sh is written last.
The layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache. Environment: WORKSHOP_VOLUME, WORKSHOP_KEY,
HF_ENDPOINT, HF_TOKEN. Exit: 3 refused, 4 no room, 1 anything else; the last line says why.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import shutil
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from loaded_files import to_fetch
from weights_form import wrong_form

HUB = "https://huggingface.co"
AT_ONCE = 4  # files
TRIES = 6  # in a row without a new byte
CHUNK = 1 << 20
HEADERS = {"User-Agent": "workshop-orchestrator", "Accept-Encoding": "identity"}
SECONDS = 60  # between two bytes
REFUSED, FULL, FAILED = 3, 4, 1
NOT_FOUND = 404
REFUSALS = {401, 403, NOT_FOUND}
TOO_FAR = 416  # the part is longer than the file
PARTIAL = 206


class Problem(Exception):  # noqa: N818 - it carries the exit code
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class File:
    name: str
    size: int
    digest: str  # SHA-256 where `large`, else git's SHA-1 of a blob
    large: bool


class SameServerOnly(urllib.request.HTTPRedirectHandler):
    """The token goes on to the hub's own other addresses, not to the storage that it points to."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        token = req.unredirected_hdrs.get("Authorization")
        if new is not None and token and urllib.parse.urlsplit(newurl)[:2] == urllib.parse.urlsplit(req.full_url)[:2]:
            new.add_unredirected_header("Authorization", token)
        return new


class Hub:
    def __init__(self, endpoint: str, token: str | None) -> None:
        self.endpoint, self.token = endpoint.rstrip("/"), token
        self._opener = urllib.request.build_opener(
            SameServerOnly(), urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=_authorities()))
        )

    def open(self, path: str, offset: int = 0) -> Any:
        request = urllib.request.Request(f"{self.endpoint}/{path}", headers=HEADERS)  # noqa: S310 - as the model says
        if self.token:
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        if offset:
            request.add_header("Range", f"bytes={offset}-")
        return self._opener.open(request, timeout=SECONDS)

    def listing(self, repository: str, revision: str) -> dict[str, Any]:
        path = f"api/models/{repository}/revision/{urllib.parse.quote(revision, safe='')}?blobs=true"
        for left in range(TRIES - 1, -1, -1):
            try:
                with self.open(path) as answer:
                    found: dict[str, Any] = json.load(answer)
                    return found
            except (OSError, http.client.HTTPException, ValueError) as problem:
                refuse(problem, repository, self.endpoint)
                if left == 0:
                    raise Problem(FAILED, f"the hub {self.endpoint} does not tell of {repository}: {problem}") from None
            time.sleep(1)
        raise AssertionError


def refuse(problem: Exception, repository: str, endpoint: str) -> None:
    """Raises Problem where asking again is of no use."""
    status = problem.code if isinstance(problem, urllib.error.HTTPError) else None
    if status in REFUSALS:
        why = "there is no such repository, or it is not for you: " if status == NOT_FOUND else ""
        remedy = f"give the model the right HF_TOKEN, and accept its licence in a browser: {endpoint}/{repository}"
        raise Problem(REFUSED, f"the hub refuses {repository} ({status}): {why}{remedy}")
    if isinstance(problem, OSError) and problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        raise Problem(FULL, "no room: the disk ran full")


def main(form: str, repository: str, revision: str = "main") -> None:
    volume = Path(os.environ["WORKSHOP_VOLUME"])
    token = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN")
    hub = Hub(os.environ.get("HF_ENDPOINT") or HUB, token)
    listing = hub.listing(repository, revision)
    try:
        commit, files = listing["sha"], wanted(listing["siblings"], consolidated=form == "consolidated")
    except (KeyError, TypeError):
        raise Problem(FAILED, f"the hub {hub.endpoint} does not list the files of {repository}") from None
    tree = volume / "hub" / f"models--{repository.replace('/', '--')}"
    blobs = tree / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    total = sum(file.size for file in files)
    check_room(files, blobs)
    over = threading.Event()
    telling = threading.Thread(target=tell, args=(files, blobs, total, over), daemon=True)
    telling.start()
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            unique = {file.digest: file for file in files}.values()
            jobs = [pool.submit(fetch, hub, repository, commit, file, blobs / file.digest) for file in unique]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        over.set()
        telling.join()
    lay_out(tree, commit, revision, files)
    check_form(tree / "snapshots" / commit, files, repository)
    mark(volume, tree / "snapshots" / commit, files)
    for part in blobs.glob("*.part"):
        part.unlink()
    print(f"WORKSHOP have {total} {total}", flush=True)


def wanted(siblings: list[dict[str, Any]], *, consolidated: bool) -> list[File]:
    files = []
    for found in siblings:
        name, lfs = found["rfilename"], found.get("lfs")
        digest = lfs["sha256"] if lfs else found["blobId"]
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or not digest.isalnum():
            raise Problem(FAILED, f"the hub lists a file with an odd name: {name!r}")
        files.append(File(name, lfs["size"] if lfs else found["size"], digest, bool(lfs)))
    chosen = to_fetch([file.name for file in files], consolidated=consolidated)
    return [file for file in files if file.name in chosen]


def have(file: File, blobs: Path) -> int:
    for name in (file.digest, f"{file.digest}.part"):
        try:
            return (blobs / name).stat().st_size
        except FileNotFoundError:
            continue
    return 0


def check_room(files: list[File], blobs: Path) -> None:
    need = sum(max(0, file.size - have(file, blobs)) for file in files)
    free = shutil.disk_usage(blobs).free
    if need > free:
        raise Problem(FULL, f"no room: it needs {need} bytes and {free} are free")


def tell(files: list[File], blobs: Path, total: int, over: threading.Event) -> None:
    while not over.is_set():
        print(f"WORKSHOP have {sum(have(file, blobs) for file in files)} {total}", flush=True)
        over.wait(2)


def fetch(hub: Hub, repository: str, commit: str, file: File, blob: Path) -> None:
    if blob.exists():  # without a marker: a copy that was cut off may have left half of it
        if blob.stat().st_size == file.size and digest(blob, file) == file.digest:
            return
        blob.unlink()
    part = blob.with_name(f"{blob.name}.part")
    part.touch()
    path = f"{repository}/resolve/{commit}/{urllib.parse.quote(file.name)}"
    left, damaged = TRIES, 0
    while True:
        before = part.stat().st_size
        why = download(hub, path, part, file, repository) if before < file.size else ""
        now = part.stat().st_size
        if now < file.size:
            left = TRIES if now > before else left - 1
            if left == 0:
                raise Problem(FAILED, f"{file.name} of {repository} stays incomplete: {why}")
            time.sleep(0.5 if now > before else TRIES - left)
        elif now == file.size and digest(part, file) == file.digest:
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
            part.replace(blob)
            return
        else:
            os.truncate(part, 0)
            damaged += 1
            print(f"WORKSHOP note {file.name} came damaged and is fetched again", flush=True)
            if damaged > 1:
                raise Problem(FAILED, f"{file.name} of {repository} came damaged twice: its digest is not the hub's")


def download(hub: Hub, path: str, part: Path, file: File, repository: str) -> str:
    """As far as it comes. Why it ended."""
    offset = part.stat().st_size
    try:
        with hub.open(path, offset) as answer:
            if offset and answer.status != PARTIAL:
                os.truncate(part, 0)
            with part.open("ab") as stream:
                while chunk := answer.read(CHUNK):
                    stream.write(chunk)
    except (OSError, http.client.HTTPException) as problem:
        if isinstance(problem, urllib.error.HTTPError) and problem.code == TOO_FAR:
            os.truncate(part, 0)
        refuse(problem, f"{repository}/{file.name}", hub.endpoint)
        return str(problem)
    return "the connection ended early"


def digest(path: Path, file: File) -> str:
    found = hashlib.sha256() if file.large else hashlib.sha1(b"blob %d\0" % file.size)  # noqa: S324 - git's
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def lay_out(tree: Path, commit: str, revision: str, files: list[File]) -> None:
    """The snapshot of links, and the name that leads to it."""
    snapshot = tree / "snapshots" / commit
    for file in files:
        link = snapshot / file.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(tree / "blobs" / file.digest, link.parent))
    if revision != commit:
        ref = tree / "refs" / revision
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit, encoding="utf-8")


def check_form(snapshot: Path, files: list[File], repository: str) -> None:
    """What is no weights is thrown away, for the next run to get anew."""
    for file in files:
        link = snapshot / file.name
        why = wrong_form(link)
        if why:
            link.resolve().unlink()
            link.unlink()
            raise Problem(FAILED, f"{file.name} of {repository} came as {why}")


def mark(volume: Path, snapshot: Path, files: list[File]) -> None:
    lines = []
    for file in files:
        path = snapshot / file.name
        sha256 = file.digest if file.large else digest(path, File(file.name, file.size, "", large=True))
        lines.append(f"{file.size} {sha256} {path.relative_to(volume)}\n")
    marker = volume / ".workshop" / os.environ["WORKSHOP_KEY"]
    marker.parent.mkdir(exist_ok=True)
    aside = marker.with_name(f"{marker.name}.new")
    aside.write_text("".join(lines), encoding="utf-8")
    os.sync()
    aside.replace(marker)


def _authorities() -> str | None:
    given = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    if given:
        return given
    try:
        import certifi
    except ImportError:
        return None
    return certifi.where()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Problem as problem:
        print(f"WORKSHOP failed {problem}", flush=True)
        sys.exit(problem.code)
