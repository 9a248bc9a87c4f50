"""Addresses inside a chapter's page, for links from other pages of the book.

Each exercise gets the address ``#exercise-N``, and each section the one that its heading has on the page, so that
``[a title](chapters/NAME.ipynb#exercise-2)`` is an ordinary Markdown link which the build checks.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from .private_api import add_slugs

EXERCISE = re.compile(r"(\d+)\. \S")


def exercises(doctree: nodes.document) -> dict[str, nodes.paragraph]:
    """Address -> the paragraph that begins an exercise: bold number and title, in the section "Exercises"."""
    found = {}
    for section in doctree.findall(nodes.section):
        if not section.next_node(nodes.title).astext().endswith("Exercises"):
            continue
        for paragraph in section.findall(nodes.paragraph):
            number = EXERCISE.match(paragraph.astext())
            if number and any(isinstance(child, nodes.strong) for child in paragraph.children[:2]):
                found.setdefault(f"exercise-{number[1]}", paragraph)
    return found


def add_addresses(app: Sphinx, doctree: nodes.document) -> None:
    """Names a chapter's exercises on the page, and tells MyST of them and of the chapter's sections."""
    if not app.env.docname.startswith("chapters/"):
        return
    known = {}
    for section in doctree.findall(nodes.section):
        known |= {address: section.next_node(nodes.title).astext() for address in section["ids"]}
    for address, paragraph in exercises(doctree).items():
        paragraph["ids"].append(address)
        known[address] = paragraph.next_node(nodes.strong).astext()
    add_slugs(app.env, app.env.docname, known)


def note_chapters(app: Sphinx, docname: str, source: list[str]) -> None:
    """A page that links into chapters is built again when one of them changes."""
    for name in set(re.findall(r"\]\((chapters/[\w.-]+\.ipynb)#", source[0])):
        path = Path(app.srcdir) / name
        if path.is_file():
            app.env.note_dependency(str(path))


def setup(app: Sphinx) -> None:
    # After the quiz has been added, and before Sphinx collects the page's contents.
    app.connect("doctree-read", add_addresses, priority=450)
    app.connect("source-read", note_chapters)
