"""What a page says of itself in its head: the title and description that search engines and messengers show."""

import re

from bs4 import BeautifulSoup

PREVIEW = "_static/preview.png"
PREVIEW_SIZE = (1200, 630)  # tools/preview.py draws it


def shorten(text: str, limit: int = 160) -> str:
    """The first sentences of a text, as many as fit, for search results and previews."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    sentences = re.match(rf"(.{{50,{limit - 1}}}[.?!])(?=\s)", text)
    return sentences[1] if sentences else text[:limit - 1].rsplit(" ", 1)[0].rstrip(",;:") + "\N{HORIZONTAL ELLIPSIS}"


def describe(page: BeautifulSoup, article: str, name: str, book: str, address: str) -> None:
    """Adds a page's description and preview; one without a text of its own asks search engines to pass by.

    Args:
        page: the page, to which the tags are added.
        article: its article, as HTML.
        name: its path in the book, with slashes.
        book: the book's title.
        address: where the book is published, ending in a slash; empty if that is not known.
    """
    opening = BeautifulSoup(re.split(r"</p>", article, maxsplit=1)[0], "html.parser")
    heading, paragraph = opening.find("h1"), opening.find("p")
    if not (heading and paragraph):
        page.head.append(page.new_tag("meta", attrs={"name": "robots", "content": "noindex"}))
        return
    title = heading.get_text().rstrip("#").strip()
    description = shorten(paragraph.get_text())
    if title == book:
        page.title.string = book  # not twice
    facts = {
        "description": description,
        "og:type": "article" if "/" in name else "website",
        "og:site_name": book,
        "og:title": title,
        "og:description": description,
        "og:image": f"{address or '../' * name.count('/')}{PREVIEW}",
        "og:image:alt": "AlexNet drawn layer by layer: two towers of boxes, as tall as their maps",
        "og:image:width": str(PREVIEW_SIZE[0]),
        "og:image:height": str(PREVIEW_SIZE[1]),
        "twitter:card": "summary_large_image",
    }
    if address:
        facts["og:url"] = f"{address}{name}"
    for key, value in facts.items():
        kind = "property" if key.startswith("og:") else "name"
        page.head.append(page.new_tag("meta", attrs={kind: key, "content": value}))
        page.head.append("\n")
