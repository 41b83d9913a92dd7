"""What everybody meets first: banners, suggested questions, the model that is chosen, the order of the menu."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from orchestrator.webui.client import WebUI
from orchestrator.webui.marks import Marks
from orchestrator.webui.models import suggested
from orchestrator.webui.wanted import Banner, Seed, Tally

BANNERS = "/api/v1/configs/banners"
MODELS = "/api/v1/configs/models"


def apply(webui: WebUI, wanted: Seed, tally: Tally) -> None:
    """Banners that somebody else put up stay, below ours; other models come behind ours in the menu."""
    banners(webui, wanted, tally)
    _suggestions(webui, wanted, tally)
    _menu(webui, wanted, tally)


def banners(webui: WebUI, wanted: Seed, tally: Tally) -> None:
    """Those that somebody else put up stay: below ours, at a server elsewhere above them."""
    marks = wanted.marks
    found = webui.get(BANNERS) or []
    should = [_banner(banner, marks) for banner in wanted.banners]
    if [_lasting(one) for one in found if marks.is_banner(one["id"])] == should:
        tally.keep()
        return
    ours = [{**one, "timestamp": int(time.time())} for one in should]
    others = [one for one in found if not marks.is_banner(one["id"])]
    together = [*others, *ours] if marks.elsewhere else [*ours, *others]
    webui.post(BANNERS, {"banners": together}, repeatable=True)
    tally.change("banners", f"{len(ours)} shown")


def take_down(webui: WebUI, marks: Marks) -> None:
    """All of the workshop's."""
    others = [one for one in webui.get(BANNERS) or [] if not marks.is_banner(one["id"])]
    webui.post(BANNERS, {"banners": others}, repeatable=True)


def _banner(banner: Banner, marks: Marks) -> dict[str, Any]:
    """By an id of its text: a browser remembers the ids that were closed, and a new text is to be seen."""
    said = hashlib.sha256(f"{banner.kind}\0{banner.title}\0{banner.text}".encode()).hexdigest()
    return {
        "id": marks.banner(said),
        "type": banner.kind,
        "title": banner.title,
        "content": banner.text,
        "dismissible": banner.dismissible,
    }


def _lasting(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found.get(name) for name in ("id", "type", "title", "content", "dismissible")}


def _suggestions(webui: WebUI, wanted: Seed, tally: Tally) -> None:
    if wanted.suggestions is None:
        return
    should = suggested(wanted.suggestions)
    if (webui.get("/api/config").get("default_prompt_suggestions") or []) == should:
        tally.keep()
        return
    none: list[Any] | None = None if webui.dialect().has_its_own_suggestions_back else []
    webui.post("/api/v1/configs/suggestions", {"suggestions": should or none}, repeatable=True)
    tally.change("suggested questions", f"{len(should)} set")


def _menu(webui: WebUI, wanted: Seed, tally: Tally) -> None:
    """Each version has more fields in this form than the last, and a write must contain them.

    Models of connections past the gateway come behind: commands change those without a look at the page.
    """
    found = webui.get(MODELS)
    ours = [model.name for model in wanted.models if model.connection is None]
    others = [name for name in found.get("MODEL_ORDER_LIST") or [] if name not in ours]
    should = {**found, "DEFAULT_MODELS": ",".join(wanted.chosen), "MODEL_ORDER_LIST": [*ours, *others]}
    if should == {**found, "DEFAULT_MODELS": found.get("DEFAULT_MODELS") or ""}:
        tally.keep()
        return
    webui.post(MODELS, should, repeatable=True)
    tally.change("model menu", "set")
