"""cards.pdf: one card per participant, several to a sheet, set by Typst."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import SecretStr

from orchestrator.errors import UserError
from orchestrator.handouts.layout import MARGIN, Sheet, sheet
from orchestrator.handouts.lettering import breakable, is_right_to_left, printable
from orchestrator.handouts.missing import Lacking, font_missing
from orchestrator.handouts.press import NO_GLYPH, TEXT_FAMILY, Press
from orchestrator.handouts.qr import qr_svg
from orchestrator.handouts.values import Handout
from orchestrator.identity.credentials import Credentials

_SMALLEST_TYPE = 5.0  # pt
_SHRINK = 0.93


@dataclass(frozen=True, slots=True)
class _Text:
    """Somebody's words on a card, and whose."""

    owner: str
    text: str


def cards_pdf(handout: Handout, templates: Path, press: Press) -> bytes:
    """The sheets of cards. The QR code leads to Open WebUI (without one: to the API) and holds no secret.

    Raises:
        UserError: `cards_per_page`; `cards_too_full` where a text does not fit even in the smallest type;
            `font_missing` with the participants concerned and the packages that have their letters.

    """
    grid = sheet(handout.paper, handout.per_page)
    probe = templates / "probe.typ"
    texts = [_Text("the workshop", text) for text in _common(handout)]
    texts += [_Text(_owner(one), text) for one in handout.active for text in _own(one)]
    press = press.for_texts(text.text for text in texts)
    if any(press.unshaped(text.text, probe) for text in texts):
        raise font_missing(list(_lacking(texts, press, probe)), handout.fonts)
    return _print(handout, grid, templates, press, texts)


def _print(handout: Handout, grid: Sheet, templates: Path, press: Press, texts: list[_Text]) -> bytes:
    import typst

    try:
        return press.pdf(templates / "cards.typ", {"cards": json.dumps(_data(handout, grid, press))})
    except typst.TypstError as error:
        lacking = list(_lacking(texts, press, templates / "probe.typ")) if NO_GLYPH in error.diagnostic else []
        if lacking:
            raise font_missing(lacking, handout.fonts) from None
        if "card does not fit: " in error.message:
            who = error.message.partition("card does not fit: ")[2].strip('"')
            raise UserError(
                "cards_too_full",
                f"the card of {who} does not fit, even in the smallest type",
                hint="Set handouts.per_page to a smaller number",
            ) from None
        raise


def _lacking(texts: list[_Text], press: Press, probe: Path) -> Iterator[Lacking]:
    for text in texts:
        unshaped = press.unshaped(text.text, probe)
        if unshaped:
            yield Lacking(text.owner, text.text, unshaped)
        families = (TEXT_FAMILY, *press.families(text.text))
        if text.text.isascii() or press.prints(probe, text.text, families):
            continue
        single = dict.fromkeys(character for character in text.text if not character.isascii())
        characters = "".join(one for one in single if not press.prints(probe, one, families))
        yield Lacking(text.owner, text.text, characters or "".join(single))


def _common(handout: Handout) -> tuple[str, ...]:
    return tuple(printable(text) for text in (handout.title, handout.window_text, handout.instructor_contact) if text)


def _own(one: Credentials) -> tuple[str, ...]:
    who = one.participant
    texts = (who.label, who.team, one.api_base, one.webui_url, one.webui_email, *one.models)
    return tuple(printable(text) for text in texts if text)


def _owner(one: Credentials) -> str:
    name = one.participant.name
    return f"{one.participant.id} ({printable(name)})" if name else one.participant.id


def _data(handout: Handout, grid: Sheet, press: Press) -> dict[str, object]:
    return {
        "sheet": {**asdict(grid), "margin": MARGIN, "card_width": grid.card_width, "card_height": grid.card_height},
        "sizes": _sizes(grid),
        "title": printable(handout.title),
        "heading": _words(handout.title),
        "window": _words(handout.window_text),
        "contact": _words(handout.instructor_contact),
        "practice": handout.practice,
        "codes": {code: qr_svg(code) for code in dict.fromkeys(_code(one) for one in handout.active)},
        "cards": [_card(one, _common(handout), press) for one in handout.active],
    }


def _card(one: Credentials, common: tuple[str, ...], press: Press) -> dict[str, object]:
    return {
        "id": printable(one.participant.id),
        "name": _words(one.participant.label),
        "team": _words(one.participant.team),
        "families": press.families("".join((*_own(one), *common))),
        "api_base": printable(one.api_base),
        "api_key": _revealed(one.api_key),
        "webui_url": one.webui_url and printable(one.webui_url),
        "webui_email": one.webui_email and printable(one.webui_email),
        "webui_password": _revealed(one.webui_password),
        "own_account": one.own_account,
        "models": [printable(name) for name in one.models],
        "code": _code(one),
    }


def _code(one: Credentials) -> str:
    return one.webui_url or one.api_base


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _words(text: str | None) -> dict[str, object] | None:
    if not text:
        return None
    clean = printable(text)
    return {"text": breakable(clean), "rtl": is_right_to_left(clean), "scale": _scale(clean)}


def _scale(text: str) -> float:
    """How much larger than the card's type a name stands: long ones may not push the key off the card."""
    columns = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
    return next((scale for most, scale in ((26, 1.7), (48, 1.35), (90, 1.1)) if columns <= most), 0.9)


def _sizes(grid: Sheet) -> list[float]:
    """Type sizes in pt, largest first: what suits the card, down to the smallest that can be read."""
    size = min(max(min(grid.card_width / 97, grid.card_height / 66) * 10.5, 7), 18)
    sizes = []
    while size > _SMALLEST_TYPE:
        sizes.append(round(size, 2))
        size *= _SHRINK
    return [*sizes, _SMALLEST_TYPE]
