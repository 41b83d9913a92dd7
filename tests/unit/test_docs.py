"""The pages of docs/ say what is so: made pages are in step, links lead somewhere, commands are ones that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from orchestrator.cli.app import workshop
from orchestrator.cli.commands.provision import provision
from orchestrator.plan.images import REFERENCES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]*)(?:#[^)]*)?\)")
CODE = re.compile(r"^(?:```sh\n(.*?)^```|((?: {4}\S.*\n)+))", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`((?:workshop|provision) [^`]+)`")
PLACEHOLDER = {"NAME": "demo", "DIR": "state", "SPEC": "workshop.yaml", "COMMAND": "status"}


def test_pages_made_from_the_program_are_in_step() -> None:
    command = [sys.executable, "-m", "docs.generate", "--check"]  # -m: of this checkout, whatever is installed
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if link and "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_ones_that_the_program_takes(page: Path) -> None:
    for line in commands(page.read_text(encoding="utf-8")):
        program, *arguments = shlex.split(line, comments=True)
        parse({"workshop": workshop, "provision": provision}[program], program, arguments)


def test_the_check_would_notice_a_command_that_does_not_exist() -> None:
    assert list(commands("Do `workshop status workshop.yaml`.\n\n    workshop rewind --fast\n")) == [
        "workshop rewind --fast",
        "workshop status workshop.yaml",
    ]
    with pytest.raises(click.UsageError):
        parse(workshop, "workshop", ["rewind", "--fast"])
    with pytest.raises(click.UsageError):
        parse(workshop, "workshop", ["status", "--fast"])


def test_every_change_that_the_bootstrap_makes_is_on_its_page() -> None:
    names = ("engine.sh", "prepare.sh", "toolkit.sh", "host.sh")
    script = "\n".join((ROOT / "bootstrap" / name).read_text(encoding="utf-8") for name in names)
    page = (DOCS / "machine-changes.md").read_text(encoding="utf-8")
    files = re.findall(r"^readonly \w+=(/\S+)", script, re.MULTILINE)
    packages = {
        word for group in re.findall(r"(?:packages|also|wanted)\+?=\(([^)$]+)\)", script) for word in group.split()
    }
    assert len(files) >= 7
    assert len(packages) >= 10
    assert [name for name in (*files, *sorted(packages)) if name not in page] == []


def test_images_that_nobody_pulled_are_named() -> None:
    page = (DOCS / "decisions.md").read_text(encoding="utf-8")
    tags = {reference.rpartition("/")[2].rpartition(":")[2] for reference in REFERENCES.values()}
    assert [tag for tag in sorted(tags) if tag not in page] == []


def commands(text: str) -> Iterator[str]:
    """Lines of code blocks, and code in a sentence, that call the program."""
    for fenced, indented in CODE.findall(text):
        lines = (line.strip() for line in (fenced or indented).splitlines())
        yield from (line for line in lines if line.startswith(("workshop ", "provision ")))
    yield from (" ".join(found.split()) for found in INLINE.findall(text))


def parse(command: click.Command, name: str, arguments: list[str]) -> None:
    """Read the arguments as the program would, down to the command that they name; run nothing."""
    arguments = [PLACEHOLDER.get(argument, argument) for argument in arguments]
    redirected = next((index for index, argument in enumerate(arguments) if argument in {">", "|"}), len(arguments))
    arguments = arguments[:redirected]
    if isinstance(command, click.Group):
        if arguments in ([], ["--help"]):  # a name alone is a mention
            return
        found, inner, rest = command.resolve_command(click.Context(command, info_name=name), arguments)
        assert inner is not None
        parse(inner, found or "", rest)
    elif arguments:
        command.make_context(name, arguments)
