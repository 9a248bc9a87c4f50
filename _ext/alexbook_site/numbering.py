"""A chapter's number before its title; numbers of its figures and equations, with addresses such as ``#figure-6-2``.

The number is that of the file's name; it stands on the page, in the contents and in the browser's tab. The chapters
are notebooks that know nothing of it. A figure is what a cell draws (an image, or SVG that the package makes), or an
image that stands alone in its paragraph; it becomes a ``<figure>`` whose caption is the number and the words of the
paragraph below that begins with a title in italics, those of the cell's metadata (``mystnb.figure.caption``), or the
drawing's title. What an image shows in words stays in its alternative text.
"""

import html
import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from .chapters import number
from .private_api import add_slugs, is_code_cell, outputs_by_kind

TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)


def number_node(chapter: int) -> list[nodes.Node]:
    """A chapter's number, to stand before its title."""
    return [nodes.inline("", str(chapter), classes=["chapter-number"]), nodes.Text(" ")]


def number_title(app: Sphinx, doctree: nodes.document) -> None:
    """Puts a chapter's number before its title, before Sphinx collects titles for contents and links."""
    if (chapter := number(app.env.docname)) is not None:
        doctree.next_node(nodes.title)[:0] = number_node(chapter)


def drawing(shown: dict[str, nodes.Element]) -> str | None:
    """The title of what an output draws, ``""`` if it has none, ``None`` if it is no figure.

    An output comes in several formats, of which a page shows HTML first and an image next.
    """
    if "text/html" in shown:
        text = "".join(raw.astext() for raw in shown["text/html"].findall(nodes.raw))
        title = TITLE.search(text)
        return (html.unescape(title[1]) if title else "") if "<svg" in text else None
    return "" if any(kind.startswith("image/") for kind in shown) else None


def figures(doctree: nodes.Element) -> Iterator[tuple[nodes.Element, str]]:
    """Each figure of the page in order, with its title."""
    for node in doctree.findall(nodes.Element):
        if (shown := outputs_by_kind(node)) is not None:
            if (title := drawing(shown)) is not None:
                yield node, title
        elif isinstance(node, nodes.paragraph) and len(node) == 1 and isinstance(node[0], nodes.image):
            yield node, ""


def words_below(node: nodes.Element) -> nodes.paragraph | None:
    """The paragraph below a cell that is its figure's caption: it begins with a title in italics.

    Cells without a figure may stand between the two.
    """
    while node.parent is not None and not is_code_cell(node):
        node = node.parent
    if node.parent is None:
        return None
    for below in node.parent[node.parent.index(node) + 1:]:
        if isinstance(below, nodes.paragraph):
            return below if below.children and isinstance(below[0], nodes.emphasis) else None
        if not is_code_cell(below) or any(True for _ in figures(below)):
            return None
    return None


def caption(name: str, words: list[nodes.Node]) -> nodes.caption:
    """``Figure 6.1`` and what it is called; Sphinx adds the permalink."""
    space = [nodes.Text(" ")] if words else []
    return nodes.caption("", "", nodes.inline(name, name, classes=["figure-number"]), *space, *words)


def number_figures(doctree: nodes.document, chapter: int) -> Iterator[tuple[str, str]]:
    """Wraps each figure, and moves its caption into it; yields addresses and names."""
    for place, (node, title) in enumerate(list(figures(doctree)), 1):
        address, name = f"figure-{chapter}-{place}", f"Figure {chapter}.{place}"
        figure = node.parent
        if isinstance(figure, nodes.figure):  # a cell whose metadata have a caption
            figure["ids"] = [address]
            figure[-1][:0] = caption(name, [nodes.Text("")]).children[:2]
        else:
            below = words_below(node)
            figure = nodes.figure(ids=[address])
            node.replace_self(figure)
            words = below.children if below is not None else [nodes.Text(title)] if title else []
            figure += [node[0] if isinstance(node, nodes.paragraph) else node, caption(name, list(words))]
            if below is not None:
                below.parent.remove(below)
        yield address, name


def number_equations(doctree: nodes.document, chapter: int) -> Iterator[tuple[str, str]]:
    """Gives each display equation its number, which Sphinx sets beside it; yields addresses and names."""
    for place, equation in enumerate(doctree.findall(nodes.math_block), 1):
        address, shown = f"equation-{chapter}-{place}", f"{chapter}.{place}"
        equation["ids"].append(address)
        equation["number"] = shown
        yield address, f"Equation {shown}"


def add_numbers(app: Sphinx, doctree: nodes.document) -> None:
    """Numbers a chapter, and tells MyST of the addresses so that other pages can link them."""
    chapter = number(app.env.docname)
    if chapter is None:
        return
    known = [*number_figures(doctree, chapter), *number_equations(doctree, chapter)]
    add_slugs(app.env, app.env.docname, dict(known))


def leave_numbers_out(app: Sphinx, config: Config) -> None:
    """Jupyter Book has Sphinx number all figures of the book in one row; those numbers would stand beside these."""
    config.numfig = False


def setup(app: Sphinx) -> None:
    app.connect("config-inited", leave_numbers_out, priority=900)  # after Jupyter Book's own
    app.connect("doctree-read", add_numbers, priority=450)
    app.connect("doctree-read", number_title, priority=460)  # after links have got the titles without it
