"""Writes the handouts into their folder: for the owner only, each file whole or not at all, only when it changed."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from importlib.metadata import version
from pathlib import Path

from pydantic import SecretStr

from orchestrator.durable import replace_file
from orchestrator.errors import UserError, Where
from orchestrator.handouts.values import CA_FILE, Handout, Written
from orchestrator.resources import TEMPLATES

GUIDE = "guide.html"
NAMES = ("cards.pdf", "cards.csv", GUIDE)
_RECORD = ".handouts.json"  # what the files were made from, and their digests
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_MADE_BY = ("typst", "segno", "jinja2")


def write_handouts(
    folder: Path, handout: Handout, *, templates: Path = TEMPLATES, system_fonts: bool = True
) -> Written:
    """Makes cards.pdf, cards.csv, guide.html and, if there is one, the authority's certificate: 0600, `folder` 0700.

    Unchanged input reads these files, no more.

    `system_fonts`: whether fonts installed on this machine may be used, beside Typst's own and the handout's folder.

    Raises:
        UserError: `cards_per_page`, `cards_too_full`, `font_missing`, `fonts_folder_missing`,
            `certificate_unreadable`, `handouts_not_written`. The files of before then stand.

    """
    if handout.fonts and not handout.fonts.is_dir():
        raise UserError(
            "fonts_folder_missing",
            "handouts.fonts is not a folder",
            where=Where(file=handout.fonts),
            hint="Name a folder with font files (.ttf, .otf, .ttc)",
        )
    names = (*NAMES, CA_FILE) if handout.ca_certificate else NAMES
    files = tuple(folder / name for name in names)
    made_from = _digest(handout, templates, ("handouts", "guide"), system_fonts=system_fonts)
    cards = len(handout.active)
    try:
        if _is_current(folder, made_from, names):
            return Written(files, changed=False, cards=cards)
        guide_from = _digest(replace(handout, credentials=()), templates, ("guide",), system_fonts=system_fonts)
        contents = _contents(handout, templates, _guide(folder, guide_from), system_fonts=system_fonts)
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        folder.chmod(_FOLDER_MODE)
        changed = [_replace(file, content) for file, content in zip(files, contents, strict=True)]
        changed += [_remove(folder / name) for name in _recorded(folder) if name == CA_FILE and name not in names]
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in zip(names, contents, strict=True)}
        _replace(
            folder / _RECORD,
            json.dumps({"made_from": made_from, "guide_from": guide_from, "files": digests}, indent=1).encode(),
        )
    except OSError as error:
        raise _not_written(folder, error) from error
    return Written(files, changed=any(changed), cards=cards)


def write_cards(file: Path, handout: Handout, *, templates: Path = TEMPLATES, system_fonts: bool = True) -> None:
    """The cards of the handout's people alone, as one PDF (0600). Raises as `write_handouts` does."""
    from orchestrator.handouts.cards import cards_pdf
    from orchestrator.handouts.press import Press

    content = cards_pdf(handout, templates / "handouts", Press(handout.fonts, system_fonts=system_fonts))
    try:
        file.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        _replace(file, content)
    except OSError as error:
        raise _not_written(file.parent, error) from error


def _not_written(folder: Path, error: OSError) -> UserError:
    return UserError(
        "handouts_not_written",
        f"the handouts can't be written: {error.strerror or error}",
        where=Where(file=folder),
        hint="Make room or give write permission, then run it again",
    )


def _guide(folder: Path, made_from: str) -> bytes | None:
    """The page that lies there, if it was made from the same: it says nothing of single people."""
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        page = (folder / GUIDE).read_bytes()
        right = record["guide_from"] == made_from and record["files"][GUIDE] == hashlib.sha256(page).hexdigest()
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return page if right else None


def _contents(handout: Handout, templates: Path, guide: bytes | None, *, system_fonts: bool) -> tuple[bytes, ...]:
    from orchestrator.handouts.cards import cards_pdf
    from orchestrator.handouts.guide import guide_html, read_authority
    from orchestrator.handouts.press import Press
    from orchestrator.handouts.table import credentials_csv

    press = Press(handout.fonts, system_fonts=system_fonts)
    return (
        cards_pdf(handout, templates / "handouts", press),
        credentials_csv(handout.active),
        guide or guide_html(handout, templates / "guide"),
        *([read_authority(handout.ca_certificate).pem] if handout.ca_certificate else []),
    )


def _is_current(folder: Path, made_from: str, names: tuple[str, ...]) -> bool:
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        return bool(
            record["made_from"] == made_from
            and _mode(folder) == _FOLDER_MODE
            and all(_mode(folder / name) == _FILE_MODE for name in names)
            and all(record["files"][name] == _file_digest(folder / name) for name in names)
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def _recorded(folder: Path) -> list[str]:
    """What was written the last time."""
    try:
        return list(json.loads((folder / _RECORD).read_bytes())["files"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []


def _remove(file: Path) -> bool:
    there = file.exists()
    file.unlink(missing_ok=True)
    return there


def _replace(file: Path, content: bytes) -> bool:
    if file.is_file() and not file.is_symlink() and file.read_bytes() == content and _mode(file) == _FILE_MODE:
        return False
    replace_file(file, content, _FILE_MODE)
    return True


def _digest(handout: Handout, templates: Path, kinds: Sequence[str], *, system_fonts: bool) -> str:
    """Of everything that files are made from. The secrets in it have more than 50 random bits each."""
    parts = [_plain(handout), [version(name) for name in _MADE_BY], system_fonts]
    parts += [_file_digest(file) for kind in kinds for file in sorted((templates / kind).iterdir())]
    parts += (
        [_file_digest(handout.ca_certificate)] if handout.ca_certificate and handout.ca_certificate.is_file() else []
    )
    parts += list(_font_files(handout.fonts)) if handout.fonts else []
    return hashlib.sha256(json.dumps(parts).encode(errors="surrogatepass")).hexdigest()


def _font_files(folder: Path) -> Iterator[tuple[str, int, int]]:
    for file in sorted(folder.rglob("*")):
        found = file.stat()
        yield str(file.relative_to(folder)), found.st_size, found.st_mtime_ns


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return [_plain(getattr(value, field.name)) for field in fields(value)]
    return str(value) if isinstance(value, Path) else value


def _file_digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
