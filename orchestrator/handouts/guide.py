"""guide.html: one page for all participants, without secrets, that needs no network."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UserError, Where
from orchestrator.handouts.lettering import is_right_to_left, printable
from orchestrator.handouts.values import CA_FILE, GuideModel, Handout

QUESTION = "Say hello in one sentence."
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Authority:
    """Whose certificate participants are given to trust."""

    pem: bytes  # certificates, and nothing else that may stand in their file (such as a key)
    fingerprint: bytes  # SHA-256 of the first

    @property
    def fingerprint_lines(self) -> list[str]:
        """As browsers and systems show it, `AB:CD:...`, in lines that a phone has room for."""
        return [self.fingerprint[start : start + 8].hex(":").upper() for start in range(0, 32, 8)]

    @property
    def address(self) -> str:
        """A data: address to save it from."""
        return "data:application/x-x509-ca-cert;base64," + base64.b64encode(self.pem).decode()


def guide_html(handout: Handout, templates: Path) -> bytes:
    """The page. Examples ask a model that everybody may use, if there is one.

    Raises:
        UserError: `certificate_unreadable`.

    """
    from orchestrator.templating import markup  # it takes long to come up

    environment = markup(templates)
    environment.filters |= {"shell": _shell, "literal": _literal, "clean": printable, "direction": _direction}
    page = environment.get_template("guide.html.j2").render(
        handout=handout,
        question=QUESTION,
        example=_example(handout.models),
        ollama=_ollama_example(handout),
        authority=read_authority(handout.ca_certificate) if handout.ca_certificate else None,
        ca_file=CA_FILE,
        some_teams=any(model.teams is not None for model in handout.models),
    )
    return page.encode("utf-8", errors="replace")


def _example(models: tuple[GuideModel, ...]) -> GuideModel | None:
    talking = [model for model in models if model.chat]
    return next((model for model in talking if model.teams is None), talking[0] if talking else None)


def _ollama_example(handout: Handout) -> GuideModel | None:
    return _example(tuple(model for model in handout.models if model.ollama)) if handout.ollama_base else None


def read_authority(path: Path) -> Authority:
    """The certificates of a PEM file. Raises UserError `certificate_unreadable`."""
    try:
        text = path.read_text(encoding="ascii")
        found = list(_CERTIFICATE.finditer(text))
        if not found:
            raise _unreadable(path, "there is no PEM certificate in it")
        digest = hashlib.sha256(base64.b64decode(found[0][1])).digest()
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from error
    return Authority("".join(f"{one[0]}\n" for one in found).encode(), digest)


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
