"""The built pages in the book's order, each made ready to stand in one document with the others."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from .code import Code

ROOT = Path(__file__).resolve().parents[2]
SETUP = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8").strip()
LANDING = "About this book"
TOKENS = ("for", "headers", "aria-labelledby", "aria-describedby")
# Links of a heading to itself, doors to other pages, pictures for phones, and what a script would fill in.
SCREEN_ONLY = (".headerlink, .toctree-wrapper, .doors, section:has(> .chapter-list), .net-narrow, "
               ".quiz-feedback, .quiz-score, .downloads, .downloads-title")
BESIDE = ("slides/", "downloads/")  # what is published beside the pages, and no part of the document


class Unprintable(Exception):
    """The built pages are not as they have to be; the message says where, in one sentence."""


@dataclass(frozen=True)
class Page:
    """One page of the book: where it stands, and what the authors wrote on it.

    Attributes:
        name: its file in the built book, with slashes.
        part: the caption above it in the book's contents; empty for the landing page.
        number: the chapter's number, as its page shows it; 0 for a page that is no chapter.
        title: what it is called.
        article: its content, which this package changes in place.
    """

    name: str
    part: str
    number: int
    title: str
    article: Tag

    @property
    def anchor(self) -> str:
        """The page's own address in the document, and the beginning of every other on it."""
        return Path(self.name).stem

    @property
    def heading(self) -> str:
        """The title, with the chapter's number before it."""
        return f"{self.number}. {self.title}" if self.number else self.title


def parse(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def serialize(tag: Tag) -> str:
    return tag.decode(formatter="minimal")


def order(index: str) -> list[tuple[str, str]]:
    """The file and the part of each page that the contents on the landing page name, the landing page first."""
    found, part = [("index.html", "")], ""
    for tag in parse(index).select("nav.bd-links p.caption, nav.bd-links li.toctree-l1 > a"):
        if tag.name == "p":
            part = tag.get_text(strip=True)
        elif not tag["href"].startswith("#"):
            found.append((tag["href"], part))
    return found


def read(folder: Path, code: Code) -> list[Page]:
    """The pages of the built book in ``folder``, in order, with addresses that are unique among all of them."""
    pages = []
    for name, part in order((folder / "index.html").read_text(encoding="utf-8")):
        article = re.search(r"<article.*</article>", (folder / name).read_text(encoding="utf-8"), re.DOTALL)
        if not article:
            raise Unprintable(f"{name} has no article.")
        content = parse(code.take(article[0])).article
        for tag in content.select(SCREEN_ONLY):
            tag.decompose()
        label = content.h1.select_one(".chapter-number")
        number = int(label.extract().get_text()) if label else 0
        title = content.h1.get_text().strip() if part else LANDING
        pages.append(Page(name, part, number, title, content))
    names = {page.name: page for page in pages}
    for page in pages:
        page.article.h1.string = page.heading
        make_unique(page, names, folder)
        unfold(page.article, code)
    return pages


def make_unique(page: Page, pages: Mapping[str, Page], folder: Path) -> None:
    """Puts the page's name before its addresses, and points its links and pictures at where they are now.

    Raises:
        Unprintable: for a link to something that is not in the document.
    """
    article = page.article
    for tag in article.find_all(True):
        if "id" in tag.attrs:
            tag["id"] = f"{page.anchor}--{tag['id']}"
        for key in TOKENS:
            if key in tag.attrs:
                words = tag[key] if isinstance(tag[key], list) else tag[key].split()
                tag[key] = " ".join(f"{page.anchor}--{word}" for word in words)
        if tag.name == "a" and resolve(tag.get("href", ""), page).startswith(BESIDE):
            del tag["href"]
        if tag.name == "a" and "href" in tag.attrs:
            tag["href"] = target(tag["href"], page, pages)
        if tag.name == "img":
            tag["src"] = (folder / resolve(tag["src"], page)).as_uri()
            tag.attrs.pop("loading", None)
    article["id"] = page.anchor


def resolve(address: str, page: Page) -> str:
    """A relative address on a page, from the built book's folder."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page.name), address))


def target(address: str, page: Page, pages: Mapping[str, Page]) -> str:
    """Where a link on ``page`` leads to in the document; what leads outside stays."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    there = pages.get(resolve(unquote(parts.path), page)) if parts.path else page
    if there is None:
        raise Unprintable(f"{page.name} links to {address}, which is no page of the book.")
    return f"#{there.anchor}--{unquote(parts.fragment)}" if parts.fragment else f"#{there.anchor}"


def unfold(article: Tag, code: Code) -> None:
    """Opens what is folded; the cell that makes the package importable, the same everywhere, is left out."""
    for folded in article.select("details.hide"):
        if code.find(folded.pre["data-code"]) == SETUP:
            folded.find_parent(class_="cell").decompose()
        else:
            folded.summary.decompose()
            folded.unwrap()
    for folded in article.find_all("details"):
        folded["open"] = ""
