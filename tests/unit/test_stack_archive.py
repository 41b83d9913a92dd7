"""How a stack's files travel to its host."""

import tarfile
import time
from pathlib import Path

from orchestrator.render.files import File
from orchestrator.workflow.rollout.deploy import write_archive


def test_files_carry_the_time_so_that_nginx_sees_a_new_certificate(tmp_path: Path) -> None:
    begun = int(time.time())
    write_archive(tmp_path / "stack.tar", {"gateway/tls/cert.pem": File(b"new")})

    with tarfile.open(tmp_path / "stack.tar") as archive:
        (entry,) = archive.getmembers()

    assert begun <= entry.mtime <= time.time()


def test_the_archive_is_private_and_holds_content_and_modes(tmp_path: Path) -> None:
    path = tmp_path / "stack.tar"
    path.touch(mode=0o644)
    write_archive(path, {"a": File(b"one"), "b/c.sh": File(b"two", 0o755)})

    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        found = {entry.name: (entry.mode, archive.extractfile(entry).read()) for entry in archive}  # type: ignore[union-attr]
    assert found == {"a": (0o600, b"one"), "b/c.sh": (0o755, b"two")}
