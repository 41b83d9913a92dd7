"""guide.html: one page for all participants, without secrets, that needs no network."""

from __future__ import annotations

import base64
import json
import re
import shlex
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator.errors import UserError, Where
from orchestrator.handouts.lettering import is_right_to_left, printable
from orchestrator.handouts.values import GuideModel, Handout

QUESTION = "Say hello in one sentence."
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def guide_html(handout: Handout, templates: Path) -> bytes:
    """The page. Examples ask a model that everybody may use, if there is one.

    Raises:
        UserError: `certificate_unreadable`.

    """
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shell": _shell, "literal": _literal, "clean": printable, "direction": _direction}
    page = environment.get_template("guide.html.j2").render(
        handout=handout,
        question=QUESTION,
        example=_example(handout.models),
        ollama=_ollama_example(handout),
        certificate=_certificate(handout.ca_certificate),
        some_teams=any(model.teams is not None for model in handout.models),
    )
    return page.encode("utf-8", errors="replace")


def _example(models: tuple[GuideModel, ...]) -> GuideModel | None:
    talking = [model for model in models if model.chat]
    return next((model for model in talking if model.teams is None), talking[0] if talking else None)


def _ollama_example(handout: Handout) -> GuideModel | None:
    return _example(tuple(model for model in handout.models if model.ollama)) if handout.ollama_base else None


def _certificate(path: Path | None) -> str | None:
    """A data: address with the certificates of a PEM file, and nothing else that may stand in it (such as a key)."""
    if path is None:
        return None
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    found: list[str] = _CERTIFICATE.findall(text)
    if not found:
        raise _unreadable(path, "there is no PEM certificate in it")
    pem = "\n".join(found) + "\n"
    return "data:application/x-pem-file;base64," + base64.b64encode(pem.encode()).decode()


def _unreadable(path: Path, why: str) -> UserError:
    return UserError(
        "certificate_unreadable",
        f"the authority's certificate can't be put into the guide: {why}",
        where=Where(file=path),
        hint="Give a readable file in PEM format",
    )


def _shell(text: str) -> str:
    """One word of a POSIX shell."""
    return shlex.quote(printable(text))


def _literal(text: str) -> str:
    """A string literal that Python, JavaScript and JSON read alike."""
    return json.dumps(printable(text), ensure_ascii=False)


def _direction(text: str) -> str:
    return "rtl" if is_right_to_left(text) else "ltr"
