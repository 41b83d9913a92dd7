"""Ask everything, side by side, and tell it in a fixed order."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

from orchestrator.checks import answers, attachments, isolation, knowledge, own_pages, refusals, tools, webui
from orchestrator.checks.asking import Patience, Server
from orchestrator.checks.check import Check, Lane, Outcome, Question
from orchestrator.checks.runner import ask, side_by_side
from orchestrator.checks.subject import Subject
from orchestrator.checks.trust import Trust, authorities, look_at_certificate
from orchestrator.errors import UserError, Where
from orchestrator.redaction.redactor import Redactor

CERTIFICATE = "valid for this address, until the workshop ends"


def verify(
    subject: Subject, *, report: Callable[[Check], None], workers: int = 4, patience: Patience | None = None
) -> tuple[Check, ...]:
    """Every check, in the order in which `report` hears of them, in this thread.

    A server that does not answer at all is asked nothing more. What should work and does not is a check that is not
    `ok`, never an exception. Raises UserError `tls_certificate_unreadable` if `subject.tls_certificate` is none.
    """
    mistyped = (refusals.mistyped(verifier.key) for verifier in subject.verifiers)
    redactor = Redactor((*subject.secrets(), *mistyped))
    visit = _Visit(subject, patience or Patience(), redactor, _authorities(subject))
    told: list[Check] = []
    for check in visit.checks(workers):
        told.append(check)
        report(check)
    return tuple(told)


@dataclass(frozen=True, slots=True)
class _Visit:
    subject: Subject
    patience: Patience
    redactor: Redactor
    trust: Trust

    def checks(self, workers: int) -> Iterator[Check]:
        subject, lanes = self.subject, list[Lane]()
        api = yield from self._meet(subject.api, answers.gateway_answers)
        if api is not None:
            lanes += [*answers.lanes(subject, api), *tools.lanes(subject, api), *refusals.lanes(subject, api)]
        server = None
        if subject.webui is not None:
            server = yield from self._meet(subject.webui, webui.webui_answers)
        if server is not None:
            there = subject.on_page
            lanes += [
                *webui.lanes(there, server),
                *knowledge.lanes(there, server),
                *attachments.lanes(there, server),
            ]
        lanes += own_pages.lanes(subject, lambda url, near: Server(url, self.trust, self.patience, near))
        hurried = replace(self.patience, look=self.patience.connect)
        lanes += isolation.lanes(subject, Server(isolation.admin_address(subject.api), self.trust, hurried))
        yield from side_by_side(lanes, self.redactor, workers=workers)

    def _meet(self, url: str, greeting: Callable[[Server], Question]) -> Generator[Check, None, Server | None]:
        """The server, if it answers. One with a bad certificate is asked on, as long as it shows the same one."""
        trust = self.trust

        def look() -> Outcome:
            nonlocal trust
            outcome, trust = look_at_certificate(url, trust, self.subject.window, seconds=self.patience.connect)
            return outcome

        if url.startswith("https://"):
            yield ask(Question("Certificate", url, CERTIFICATE, look), self.redactor)
        server = Server(url, trust, self.patience)
        greeted = ask(greeting(server), self.redactor)
        yield greeted
        return server if greeted.ok else None


def _authorities(subject: Subject) -> Trust:
    try:
        return authorities(subject.tls_certificate)
    except (OSError, ssl.SSLError) as error:
        raise UserError(
            "tls_certificate_unreadable",
            f"no certificate can be read: {error.strerror or 'not in PEM form'}",
            where=Where(file=subject.tls_certificate),
            hint="Name a PEM file in public.tls.cert; with public.tls: auto, provision makes it",
        ) from error
