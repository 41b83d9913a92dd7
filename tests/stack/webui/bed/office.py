"""A real file of each type that the program promises to have read, which says its own name in capitals."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tests.stack.webui.bed.knowledge import docx, pdf

# By the packages that are in Open WebUI's image: this machine needs no office.
PRESENTATION = """
import pptx
made = pptx.Presentation()
slide = made.slides.add_slide(made.slide_layouts[1])
slide.shapes.title.text = "A title"
slide.placeholders[1].text = "This says DECK.PPTX"
made.save("/tmp/made")
"""
TABLE = """
import openpyxl
made = openpyxl.Workbook()
for row in (["Name", "Place"], ["TABLE.XLSX", "Bern"]):
    made.active.append(row)
made.save("/tmp/made")
"""
SHOW = 'import base64; print(base64.b64encode(open("/tmp/made", "rb").read()).decode())'
TEXTS = {
    "page.html": "<!doctype html><html><head><title>A page</title></head><body><p>This says <b>{}</b></p></body></html>",
    "old.htm": "<HTML><BODY>This says {}</BODY></HTML>",
    "notes.md": "# A title\n\nThis says {}\n",
    "notes.markdown": "A title\n=======\n\nThis says {}\n",
    "plain.txt": "This says {}\n",
    "plain.text": "This says {}\n",
    "table.csv": "name,place\n{},Bern\n",
    "table.tsv": "name\tplace\n{}\tBern\n",
    "notes.rst": "A title\n=======\n\n.. note:: This says {}\n",
    "paper.tex": "\\documentclass{{article}}\n\\begin{{document}}\nThis says {}\n\\end{{document}}\n",
    "data.json": '{{"says": "{}"}}\n',
    "data.yaml": "says: {}\n",
    "data.yml": "- says: {}\n",
    "code.py": '"""This says {}."""\n\nprint("Hello")\n',
    "Übung é 7.md": "This says {}\n",
}


def of_every_type(folder: Path, container: Any) -> None:
    """`container` is one of Open WebUI."""
    for name, text in TEXTS.items():
        (folder / name).write_text(text.format(name.upper()), encoding="utf-8")
    cell = {"cell_type": "markdown", "metadata": {}, "source": ["This says BOOK.IPYNB"]}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "book.ipynb").write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    (folder / "paper.pdf").write_bytes(pdf("This says PAPER.PDF"))
    docx(folder / "letter.docx", "This says LETTER.DOCX")
    for name, script in {"deck.pptx": PRESENTATION, "table.xlsx": TABLE}.items():
        made = container.exec_run(["python3", "-c", script + SHOW])
        assert made.exit_code == 0, made.output
        (folder / name).write_bytes(base64.b64decode(made.output.splitlines()[-1]))
