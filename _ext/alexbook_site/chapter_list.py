"""The landing page's directives: ``{chapter-list}``, ``{doors}``, ``{downloads}`` and ``{network-picture}``."""

import os
from pathlib import Path
from urllib.parse import quote

from alexbook.figures.architecture import architecture
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from . import buttons, chapters
from .numbering import number_node

# What lies in `downloads/` beside the published pages (.github/workflows/pages.yml), and how the landing page says it.
DOWNLOADS = (("alexnet-layer-by-layer.pdf", "PDF", "to print, with the solutions at the end"),
             ("alexnet-layer-by-layer.epub", "EPUB", "for e-readers and phones, with formulas as text"),
             ("alexnet-layer-by-layer-figures.zip", "Figures", "for slides and handouts: files, captions and license"))


class Directive(SphinxDirective):
    """What the directives share: Markdown, made here, becomes part of the page."""

    @property
    def root(self) -> Path:
        return Path(self.env.srcdir)

    def markdown(self, lines: list[str], *classes: str) -> nodes.container:
        container = nodes.container(classes=list(classes))
        self.state.nested_parse(StringList(lines, self.get_location()), self.content_offset, container)
        return container


class ChapterList(Directive):
    """``{chapter-list}``: every chapter's number and title, as a link, with the question that it answers."""

    def run(self) -> list[nodes.Node]:
        try:
            lines, listed = [], chapters.chapters(self.root)
        except chapters.IncompleteChapter as error:
            raise ExtensionError(str(error)) from error
        for chapter in listed:
            self.env.note_dependency(str(chapter.path))
            lines += [f"[{chapter.title}](chapters/{quote(chapter.path.name)})", f": {chapter.question}", ""]
        container = self.markdown(lines, "chapter-list")
        for term, chapter in zip(container.findall(nodes.term), listed, strict=True):
            term[:0] = number_node(chapter.number)
        return [container]


class Doors(Directive):
    """``{doors}``: to read, to run, to teach. Each leads to what exists, or further down the page."""

    def run(self) -> list[nodes.Node]:
        names = [f"chapters/{quote(path.name)}" for path in sorted(self.root.glob("chapters/*.ipynb"))]
        run = buttons.colab(self.root, names[0]) or "#three-ways"
        teach = "instructors.md" if (self.root / "instructors.md").is_file() else "#three-ways"
        doors = [
            ("Read", names[0], f"{len(names)} chapters, on any screen. Everything that the code shows is on the page."),
            ("Run", run, "Each chapter alone, top to bottom, in Colab or on a laptop without a GPU."),
            ("Teach", teach, "Fork it, publish it under your name, hand out and grade assignments."),
        ]
        frame = nodes.container(classes=["doors"])
        frame += [self.markdown([f"[{name}]({link})", "", words], "door") for name, link, words in doors]
        return [frame]


class Downloads(SphinxDirective):
    """``{downloads}``: the book as files, where it is published with them (``BOOK_DOWNLOADS=1``); else nothing."""

    def run(self) -> list[nodes.Node]:
        if os.environ.get("BOOK_DOWNLOADS") != "1":
            return []
        items = "".join(f'<li><a href="downloads/{name}">{words}</a>, {use}</li>' for name, words, use in DOWNLOADS)
        return [nodes.raw("", f'<p class="downloads-title">The book as files:</p><ul class="downloads">{items}</ul>',
                          format="html")]


class NetworkPicture(SphinxDirective):
    """``{network-picture} NAME``: the network drawn from its data, in the page's colors, with a version for phones."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        drawing = architecture(self.arguments[0])._repr_html_()
        return [nodes.raw("", f'<div class="lead-picture">{drawing}</div>', format="html")]


def setup(app: Sphinx) -> None:
    app.add_directive("chapter-list", ChapterList)
    app.add_directive("doors", Doors)
    app.add_directive("downloads", Downloads)
    app.add_directive("network-picture", NetworkPicture)
