"""The figures of the built pages, each as a file of its own, and the archive that holds them."""

import csv
import html
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import Tag
from ebook.book import for_xml
from printing.code import Code
from printing.pages import ROOT, Page, read, serialize

MOMENT = (1980, 1, 1, 0, 0, 0)  # the same figures are the same file
TITLE = "Figures of \"AlexNet, Layer by Layer\""

USE = ("For slides, handouts and your own texts, under CC BY 4.0 (LICENSE-text): say where a figure comes from,",
       "link the license, and say what you changed. Photographs in the figures keep the licenses that the book's page",
       "\"Photographs\" names. `captions.csv` has the same list with alternative texts.")


@dataclass(frozen=True)
class Figure:
    """One numbered figure.

    Attributes:
        name: its file in the archive, below a folder for each chapter.
        chapter: the chapter's number and title.
        number: as the page shows it, as "Figure 6.1".
        caption: the words below it.
        alt: what it shows, in words.
        content: the file.
    """

    name: str
    chapter: str
    number: str
    caption: str
    alt: str
    content: bytes


def words(tag: Tag | None) -> str:
    return " ".join(tag.get_text().split()) if tag else ""


def drawing(svg: Tag, style: str) -> tuple[str, bytes]:
    """What a drawing on a page says in words, and the drawing as a file with its own style."""
    alt = words(svg.find("desc")) or words(svg.find("title"))
    for_xml(svg.parent)
    text = serialize(svg)
    head = text.index(">") + 1
    sheet = f"<style>{html.escape(style, quote=False)}</style>" if style else ""
    return alt, f"{text[:head]}{sheet}{text[head:]}\n".encode()


def figure(page: Page, frame: Tag) -> list[Figure]:
    """The files of one figure: most have one; a figure that is a table has none."""
    place = frame["id"].rpartition("--")[2]
    number = place.replace("figure-", "Figure ").replace("-", ".")
    caption = words(frame.find("figcaption"))
    shown: list[tuple[str, str, bytes]] = []
    style = "".join(sheet.get_text() for sheet in frame.find_all("style"))
    shown += [(".svg", *drawing(svg, style)) for svg in frame.find_all("svg")
              if "net-narrow" not in svg.get("class", [])]
    for image in frame.find_all("img"):
        if "plot-dark" not in image.get("class", []):
            path = Path(unquote(urlsplit(image["src"]).path))
            shown.append((path.suffix, image.get("alt", ""), path.read_bytes()))
    several = len(shown) > 1
    letters = "abcdefghijklmnopqrstuvwxyz" if several else [""]
    return [Figure(f"{page.anchor}/{place}{letter}{suffix}", page.heading, number, caption, alt, content)
            for letter, (suffix, alt, content) in zip(letters, shown, strict=False)]


def figures(folder: Path) -> Iterable[Figure]:
    """All numbered figures of the book that lies built in ``folder`` (an absolute path), in order.

    Raises:
        Unprintable: where a page is not as the book makes it.
    """
    for page in read(folder, Code()):
        for frame in page.article.find_all("figure", id=True):
            yield from figure(page, frame)


def listing(found: Iterable[Figure]) -> str:
    """The captions as a table that spreadsheets open."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["file", "chapter", "number", "caption", "alternative text"])
    writer.writerows([one.name, one.chapter, one.number, one.caption, one.alt] for one in found)
    return table.getvalue()


def readme(found: Iterable[Figure]) -> str:
    """What lies in the archive, and how it may be used."""
    lines = [f"# {TITLE}", "", *USE, ""]
    chapter = ""
    for one in found:
        if one.chapter != chapter:
            chapter = one.chapter
            lines += [f"## {chapter}", ""]
        lines += [f"- `{one.name}`: {one.caption or one.alt}"]
    return "\n".join([*lines, ""])


def pack(found: list[Figure]) -> bytes:
    """The archive: the same figures give the same bytes."""
    packed = io.BytesIO()
    files = {"README.md": readme(found).encode(), "captions.csv": listing(found).encode(),
             "LICENSE-text": (ROOT / "LICENSE-text").read_bytes(), **{one.name: one.content for one in found}}
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, MOMENT), content, zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()
