"""The book's pages as the documents of an EPUB: XHTML, each link and picture pointing inside of the book."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import Tag
from printing.appendix import appendix
from printing.code import Code
from printing.document import EVERYWHERE
from printing.pages import Page, read, serialize

# What a script would fill in, the second version of a picture for dark pages, and styles that the book has once.
LEFT_OUT = "script, .plot-dark, .quiz-feedback, .quiz-score, article style"
# HTML's parser writes names small; in XML those of SVG have their capitals.
SVG_NAMES = ("viewBox", "preserveAspectRatio", "markerWidth", "markerHeight", "markerUnits", "refX", "refY", "clipPath",
             "clipPathUnits", "gradientUnits", "gradientTransform", "linearGradient", "radialGradient", "patternUnits",
             "patternTransform", "textLength", "lengthAdjust", "textPath", "foreignObject")
CAPITALS = {name.lower(): name for name in SVG_NAMES}
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
OUTDATED = {"align", "valign", "border", "cellpadding", "cellspacing", "frame", "rules", "width", "height"}  # of tables
NUMBER = re.compile(r', page <span class="page-number"[^>]*>\d*</span>')


@dataclass(frozen=True)
class Document:
    """One document of the EPUB.

    Attributes:
        name: its file's name.
        part: the caption above it in the contents; empty for the landing page.
        heading: its title, with the chapter's number.
        body: what is inside of ``<body>``, as XML.
        sections: the address and the words of each section that the contents list.
    """

    name: str
    part: str
    heading: str
    body: str
    sections: tuple[tuple[str, str], ...]

    @property
    def properties(self) -> tuple[str, ...]:
        """What an EPUB's list of files has to say of a document."""
        return tuple(name for name, tag in (("mathml", "<math"), ("svg", "<svg")) if tag in self.body)


@dataclass(frozen=True)
class Book:
    """All documents in the book's order, and the pictures that they show: name in the EPUB -> file."""

    documents: tuple[Document, ...]
    pictures: Mapping[str, Path]
    sheets: tuple[Path, ...]
    cover: Path


def file_name(page: Page) -> str:
    return f"{page.anchor}.xhtml"


def unfold(article: Tag) -> None:
    """What is still folded is opened: not every e-reader can unfold it."""
    for folded in article.find_all("details"):
        folded.name = "div"
        del folded["open"]
        folded["class"] = [*folded.get("class", []), "folded"]
        folded.summary.name = "p"
        folded.find("p", recursive=False)["class"] = "folded-title"


def for_xml(article: Tag) -> None:
    """Names and attributes as XML needs them: SVG's capitals, namespaces, and none that HTML has given up."""
    for tag in article.find_all(True):
        if tag.name.startswith("ax-"):
            tag.name, tag.attrs = "div", {"class": "widget"}
        if tag.find_parent("svg") or tag.name == "svg":
            tag.name = CAPITALS.get(tag.name, tag.name)
            tag.attrs = {CAPITALS.get(key, key): value for key, value in tag.attrs.items()}
        elif tag.name in ("table", "thead", "tbody", "tr", "td", "th", "col", "colgroup"):
            for key in OUTDATED & tag.attrs.keys():
                del tag[key]
        if tag.name == "svg":
            tag["xmlns"] = "http://www.w3.org/2000/svg"
        if tag.name == "math":
            tag["xmlns"] = "http://www.w3.org/1998/Math/MathML"
        if tag.name in ("mtable", "mtr", "mtd"):  # only of MathML Core; it makes lines of a table small or large
            tag.attrs.pop("scriptlevel", None)
        for key in ("loading", "decoding"):
            tag.attrs.pop(key, None)
        if tag.get("tabindex"):
            del tag["tabindex"]


def point_inside(page: Page, homes: Mapping[str, str], pictures: dict[str, Path]) -> None:
    """Points the page's links at the documents that hold what they lead to, and its pictures at the EPUB's."""
    for link in page.article.select("a[href^='#']"):
        anchor = link["href"][1:]
        if anchor in homes:
            link["href"] = f"{homes[anchor]}#{anchor}"
        else:  # the pages have such places only with scripts
            del link["href"]
    for image in page.article.find_all("img"):
        path = Path(unquote(urlsplit(image["src"]).path))
        name = f"images/{path.name}"
        pictures[name] = path
        image["src"] = name


def sections(page: Page) -> Iterable[tuple[str, str]]:
    """The page's sections, but for those that every chapter has."""
    for heading in page.article.find_all("h2"):
        if heading.get_text() not in EVERYWHERE:
            yield heading.get("id") or heading.find_parent("section")["id"], heading.get_text().strip()


def documents(folder: Path) -> Book:
    """The book that lies built in ``folder`` as documents of an EPUB.

    Args:
        folder: the folder with the built pages, absolute.

    Returns:
        The documents in the book's order, the solutions at the end, with the pictures and style sheets they need.

    Raises:
        Unprintable: where a page is not as the book makes it.
    """
    code, pictures = Code(), {}
    pages = read(folder, code)
    pages.append(appendix(pages))
    for page in pages:
        for tag in page.article.select(LEFT_OUT):
            tag.decompose()
    homes = {tag["id"]: file_name(page) for page in pages for tag in [page.article, *page.article.find_all(id=True)]}
    made = []
    for page in pages:
        unfold(page.article)
        point_inside(page, homes, pictures)
        for_xml(page.article)
        body = code.give_back(serialize(page.article))
        body = NOT_XML.sub("", NUMBER.sub("", body)).replace("&nbsp;", "\N{NO-BREAK SPACE}")
        made.append(Document(file_name(page), page.part, page.heading, body, tuple(sections(page))))
    return Book(tuple(made), pictures, (folder / "_static" / "pygments.css", Path(__file__).with_name("ebook.css")),
                folder / "_static" / "preview.png")


