"""What a page says of itself in its head, to search engines and to messengers that show a shared link.

sphinxext-opengraph writes the tags; from here it gets the page's description (whole sentences), its kind, and the
preview also where the book has no address yet. A page without a text of its own asks search engines to pass by.
"""

import html
import os
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

PREVIEW = "_static/preview.png"
PREVIEW_SIZE = (1200, 630)  # tools/draw.py draws it
PREVIEW_WORDS = "AlexNet drawn layer by layer: two towers of boxes, as tall as their maps"
VIEWPORT = re.compile(r'<meta name="viewport"[^>]*>')  # docutils has one, too
NO_INDEX = '<meta name="robots" content="noindex" />\n'


def book_address() -> str:
    """Where the pages are published, from ``BOOK_URL``; empty if that is not set."""
    address = os.environ.get("BOOK_URL", "")
    return f"{address.rstrip('/')}/" if address else ""


def shorten(text: str, limit: int = 160) -> str:
    """The first sentences of a text, as many as fit, for search results and previews."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    sentences = re.match(rf"(.{{50,{limit - 1}}}[.?!])(?=\s)", text)
    return sentences[1] if sentences else text[:limit - 1].rsplit(" ", 1)[0].rstrip(",;:") + "\N{HORIZONTAL ELLIPSIS}"


def set_book(app: Sphinx, config: Config) -> None:
    """What holds for all pages: the book's name and address, and the picture."""
    config.html_baseurl = config.ogp_site_url = book_address()
    config.ogp_site_name = config.html_title
    config.ogp_image, config.ogp_image_alt = PREVIEW, PREVIEW_WORDS
    config.ogp_enable_meta_description = False  # describe() has a better one
    width, height = PREVIEW_SIZE
    config.ogp_custom_meta_tags = [f'<meta property="og:image:width" content="{width}" />',
                                   f'<meta property="og:image:height" content="{height}" />',
                                   '<meta name="twitter:card" content="summary_large_image" />']


def describe(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any],
             doctree: nodes.document | None) -> None:
    """A page's description from its first paragraph, and its fields for sphinxext-opengraph, which comes after this."""
    context["metatags"] = VIEWPORT.sub("", context.get("metatags", ""))
    paragraph = next(doctree.findall(nodes.paragraph), None) if doctree else None
    if paragraph is None:
        context["metatags"] += NO_INDEX
        return
    description = html.escape(shorten(paragraph.astext()), quote=True)
    context["metatags"] += f'\n<meta name="description" content="{description}" />\n'
    fields = {"og:description": description, "og:type": "article" if "/" in pagename else "website"}
    if not book_address():
        fields |= {"og:image": context["pathto"](PREVIEW, resource=True), "og:image:alt": PREVIEW_WORDS}
    context["meta"] = (context["meta"] or {}) | fields


def leave_out_address(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any],
                      doctree: nodes.document | None) -> None:
    """sphinxext-opengraph states a page's address also where nobody knows it."""
    if doctree and not book_address():
        context["metatags"] = re.sub(r'<meta property="og:url"[^>]*>\n?', "", context["metatags"])


def setup(app: Sphinx) -> None:
    app.setup_extension("sphinxext.opengraph")
    app.connect("config-inited", set_book)
    app.connect("html-page-context", describe, priority=400)
    app.connect("html-page-context", leave_out_address, priority=600)
