"""A browser at a workshop's page: Debian's Chromium, driven by Playwright, as a participant would sit before it.

Playwright's own browsers are downloads of hundreds of megabytes; this one comes with the machine's packages.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect, sync_playwright  # noqa: A004

PATIENCE = 120_000  # milliseconds; the first page is several megabytes of script
SHOWN_WITHIN = 60_000  # milliseconds, before it is loaded again
ROOT = Path(__file__).parents[3]
KEPT = ROOT / ".screenshots"  # of every run; not in git
PICTURES = ROOT / "docs" / "pictures"  # in git, so small; made anew by `make pictures`
TRIES = 4
LARGEST = 150_000  # bytes

# Notes what the last answer looks like at each change of the page, and whether it is still being written: only then
# is there neither a button to send nor one to speak.
WATCH = """() => {
  window.seen = [];
  const look = () => {
    const text = [...document.querySelectorAll('.chat-assistant #response-content-container')].at(-1)?.innerText.trim() ?? '';
    const writing = !document.querySelector('#send-message-button, #voice-input-button');
    const last = window.seen.at(-1);
    if (last?.text !== text || last?.writing !== writing) window.seen.push({text, writing});
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


expect.set_options(timeout=PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--disable-dev-shm-usage"], timeout=PATIENCE
        )
        yield browser
        browser.close()


@dataclass(frozen=True)
class Seat:
    """Somebody before the page at `url`."""

    page: Page
    url: str
    failed: list[str] = field(default_factory=list)  # requests that got no answer, and why

    @classmethod
    def at(cls, browser: Browser, url: str) -> Seat:
        context = browser.new_context(viewport={"width": 1100, "height": 720}, locale="en-GB", reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        seat = cls(context.new_page(), url)
        seat.page.on("requestfailed", lambda request: seat.failed.append(f"{request.url}: {request.failure}"))
        return seat

    def leave(self) -> None:
        self.page.context.close()

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path, wait_until="domcontentloaded")

    def until(self, there: Locator) -> None:
        """Loads the page again if the browser lost a part of it: then it shows an error, or nothing.

        Chromium drops what it is loading when the machine gets another network, as it does with each container.
        """
        lost = self.page.get_by_text("500: Internal Error")
        for _ in range(TRIES):
            with suppress(TimeoutError):
                there.or_(lost).first.wait_for(timeout=SHOWN_WITHIN)
            if there.count():
                return
            dropped = any("ERR_ABORTED" not in why for why in self.failed)
            assert dropped or not lost.count(), "no request failed, but the page did"
            print(f"loaded again, {len(self.failed)} requests were lost: {self.failed[:1]}")
            self.failed.clear()
            self.page.reload(wait_until="domcontentloaded")
        raise AssertionError(self.failed)

    def arrive(self) -> None:
        """Until one can type."""
        self.until(self.question)

    def sign_in(self, email: str, password: str) -> None:
        """Types what a card says; who is let in or not is the caller's to look at."""
        self.page.goto(f"{self.url}/auth", wait_until="networkidle")  # until then the form may be drawn anew, empty
        self.until(self.page.locator("#email"))
        self.page.locator("#email").fill(email)
        self.page.locator("#password").fill(password)
        with self.page.expect_response("**/api/v1/auths/signin"):
            self.page.locator("form button[type=submit]").click()

    @property
    def question(self) -> Locator:
        """Where one types; it is there for who is signed in."""
        return self.page.locator("#chat-input")

    @property
    def answer(self) -> Locator:
        """The last one."""
        return self.page.locator(".chat-assistant").last

    def new_chat(self) -> None:
        self.open()
        self.arrive()
        self.page.evaluate(WATCH)

    def type(self, text: str) -> None:
        self.question.click()
        self.page.keyboard.type(text)

    def mention(self, collection: str) -> None:
        """By `#` and the first word of the collection's name: a blank closes the list."""
        self.type(f"#{collection.split(maxsplit=1)[0]}")
        self.page.locator("#suggestions-container button").filter(has_text=collection).click()

    def send(self) -> str:
        """The answer, once it has come to its end."""
        self.page.locator("#send-message-button").click()
        self.page.wait_for_function("window.seen.some(one => one.text && one.writing) && !window.seen.at(-1).writing")
        return self.answer.inner_text().strip()

    def seen(self) -> list[str]:
        """What the page showed of the answer while it was being written, oldest first."""
        return list(self.page.evaluate("window.seen.filter(one => one.text && one.writing).map(one => one.text)"))

    def menu(self) -> list[str]:
        """What the model menu offers, by the names that it shows."""
        self.page.locator("#model-selector-model-button").click()
        offered = self.page.get_by_role("option")
        offered.first.wait_for()
        return [
            str(one.get_attribute("aria-label")).removeprefix("Select ").removesuffix(" model") for one in offered.all()
        ]

    def keep(self, name: str) -> bytes:
        """What the page looks like now, without notices that come and go: a PNG among those of this run."""
        picture = self.page.screenshot(animations="disabled", style="[data-sonner-toaster] {display: none}")
        KEPT.mkdir(exist_ok=True)
        (KEPT / f"{re.sub(r'[^a-z0-9_-]+', '-', name)}.png").write_bytes(picture)
        return picture

    def picture(self, name: str) -> None:
        """One that the docs show; they get it when they are to have new ones."""
        picture = self.keep(name)
        if os.environ.get("WORKSHOP_PICTURES"):
            assert len(picture) < LARGEST, f"{name}: {len(picture)} bytes"
            (PICTURES / f"{name}.png").write_bytes(picture)
