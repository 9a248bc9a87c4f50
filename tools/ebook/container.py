"""The EPUB's own files (cover, contents, list of files), and the archive that holds all."""

import html
import io
import re
import uuid
import zipfile
from collections.abc import Iterable
from datetime import date
from itertools import groupby
from pathlib import Path

import yaml
from PIL import Image
from printing.pages import ROOT

from .book import Book, Document

LANGUAGE = "en"
COVER = (1200, 1800)
MOMENT = (1980, 1, 1, 0, 0, 0)  # the same book is the same file
TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
         ".webp": "image/webp", ".css": "text/css"}
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
ACCESSIBILITY = """<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">structuralNavigation</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
<meta property="schema:accessibilitySummary">Figures have alternative text; formulas are MathML; code is text.</meta>
"""


def cover(book: Book) -> bytes:
    """The picture of shared links on a sheet as tall as a book's cover."""
    with Image.open(book.cover) as picture:
        drawn = picture.convert("RGB")
    width, height = COVER
    drawn = drawn.resize((width, drawn.height * width // drawn.width))
    sheet = Image.new("RGB", COVER, drawn.getpixel((2, drawn.height - 2)))
    sheet.paste(drawn, (0, height // 4))
    sheet.paste(drawn.getpixel((2, 2)), (0, 0, width, height // 4 + 1))
    packed = io.BytesIO()
    sheet.quantize(128).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def xhtml(title: str, body: str) -> str:
    """A document of the EPUB around ``body``."""
    return (f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" '
            f'xmlns:epub="http://www.idpf.org/2007/ops" lang="{LANGUAGE}" xml:lang="{LANGUAGE}"><head>'
            f'<meta charset="utf-8"/><title>{html.escape(title)}</title><link rel="stylesheet" href="pygments.css"/>'
            f'<link rel="stylesheet" href="ebook.css"/></head><body>{body}</body></html>\n')


def entry(document: Document) -> str:
    """A document in the contents, with its sections."""
    below = "".join(f'<li><a href="{document.name}#{anchor}">{html.escape(words)}</a></li>'
                    for anchor, words in document.sections)
    return (f'<li><a href="{document.name}">{html.escape(document.heading)}</a>'
            f'{f"<ol>{below}</ol>" if below else ""}</li>')


def contents(documents: Iterable[Document]) -> str:
    """The contents: parts, documents, sections."""
    lines = []
    for part, group in groupby(documents, key=lambda document: document.part):
        entries = "".join(map(entry, group))
        lines.append(f"<li><span>{html.escape(part)}</span><ol>{entries}</ol></li>" if part else entries)
    return xhtml("Contents", f'<nav epub:type="toc" id="toc"><h1>Contents</h1><ol>{"".join(lines)}</ol></nav>')


def title_page(facts: dict[str, str]) -> str:
    words = "".join(f"<p>{facts[name]}</p>" for name in ("authors", "version", "license") if facts[name])
    return xhtml(facts["title"], f'<section epub:type="titlepage" class="title-page"><h1>{facts["title"]}</h1>{words}'
                                 "</section>")


def facts() -> dict[str, str]:
    """What the book says of itself, as XML, from its settings and its citation file."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    released: date = citation["date-released"]
    return {"title": html.escape(config["title"]), "authors": html.escape(config["author"]),
            "address": html.escape(citation["repository-code"]),
            "description": html.escape(citation["abstract"].strip()),
            "version": f"Version {citation['version']}, {released:%B %Y}", "modified": f"{released}T00:00:00Z",
            "license": config["html"]["extra_footer"].strip()}


def listed(identity: str, name: str, kind: str, properties: Iterable[str] = ()) -> str:
    words = " ".join(properties)
    return (f'<item id="{identity}" href="{name}" media-type="{kind}"'
            + (f' properties="{words}"' if words else "") + "/>")


def package(book: Book, about: dict[str, str]) -> str:
    """The EPUB's list of its files, with what a library wants to know of the book."""
    page = "application/xhtml+xml"
    files = [listed("nav", "contents.xhtml", page, ["nav"]), listed("title", "title.xhtml", page),
             listed("cover", "cover.png", "image/png", ["cover-image"])]
    files += [listed(f"d{n}", document.name, page, document.properties) for n, document in enumerate(book.documents)]
    files += [listed(f"p{n}", name, TYPES[path.suffix]) for n, (name, path) in enumerate(sorted(book.pictures.items()))]
    files += [listed(f"s{n}", path.name, TYPES[path.suffix]) for n, path in enumerate(book.sheets)]
    order = "".join(f'<itemref idref="d{n}"/>' for n in range(len(book.documents)))
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{about['address']} {about['version']}")
    return (f'<?xml version="1.0" encoding="utf-8"?>\n<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
            f'unique-identifier="id" xml:lang="{LANGUAGE}">\n'
            f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:uuid:{identity}'
            f'</dc:identifier><dc:title>{about["title"]}</dc:title><dc:creator>{about["authors"]}</dc:creator>'
            f'<dc:language>{LANGUAGE}</dc:language><dc:rights>https://creativecommons.org/licenses/by/4.0/</dc:rights>'
            f'<dc:description>{about["description"]}</dc:description>'
            f'<meta property="dcterms:modified">{about["modified"]}</meta>\n{ACCESSIBILITY}</metadata>\n'
            f'<manifest>{"".join(files)}</manifest>\n'
            f'<spine><itemref idref="title"/><itemref idref="nav"/>{order}</spine></package>\n')


def picture(path: Path) -> bytes:
    """A picture as an EPUB may hold it: SVG names no definition elsewhere, and no path is without its points."""
    if path.suffix != ".svg":
        return path.read_bytes()
    text = re.sub(r"<!DOCTYPE[^>]*>", "", path.read_text(encoding="utf-8"))
    return re.sub(r"<path(?![^>]*\bd=)([^>]*?)(/?)>", r'<path d=""\1\2>', text).encode()


def epub(book: Book) -> bytes:
    """The archive: the same documents give the same bytes."""
    about, packed = facts(), io.BytesIO()
    files: dict[str, bytes] = {
        "META-INF/container.xml": CONTAINER.encode(),
        "book/book.opf": package(book, about).encode(),
        "book/contents.xhtml": contents(book.documents).encode(),
        "book/title.xhtml": title_page(about).encode(),
        "book/cover.png": cover(book),
        **{f"book/{document.name}": xhtml(document.heading, document.body).encode() for document in book.documents},
        **{f"book/{path.name}": path.read_bytes() for path in book.sheets},
        **{f"book/{name}": picture(path) for name, path in sorted(book.pictures.items())},
    }
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype", MOMENT), b"application/epub+zip")  # first, and not compressed
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, MOMENT), content, zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()
