"""The whole book as one HTML document: title page, contents, the pages, and the solutions at the end."""

import html
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import yaml

from .appendix import appendix, number
from .code import COLUMNS, Code
from .pages import ROOT, Page, read, serialize

STYLE = Path(__file__).with_name("print.css")
EVERYWHERE = {"Exercises", "Check yourself", "Further reading"}  # in each chapter, and not worth a line of contents
SHEETS = ("_static/pygments.css", "_static/book.css")


def facts() -> dict[str, str]:
    """What the title page says, from the book's settings and its citation file."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    address = citation["repository-code"]
    return {
        "title": config["title"],
        "authors": config["author"],
        "license": config["html"]["extra_footer"],
        "version": f"Version {citation['version']}, {citation['date-released']:%B} {citation['date-released']:%Y}",
        "address": "" if "/OWNER/" in address else address,
    }


def title_page(landing: Page, about: dict[str, str]) -> str:
    """The title page; the landing page's first paragraph and its picture move there."""
    subtitle, picture = landing.article.find("p").extract(), landing.article.find(class_="lead-picture").extract()
    address = f'<p><a href="{about["address"]}">{about["address"]}</a></p>' if about["address"] else ""
    return (f'<header class="title-page"><p class="book-title">{html.escape(about["title"])}</p>'
            f'<p class="subtitle">{subtitle.decode_contents(formatter="minimal")}</p>'
            f'{serialize(picture)}<p class="authors">{html.escape(about["authors"])}</p>'
            f'<div class="imprint"><p>{about["version"]}</p>{address}<p>{about["license"]}</p></div></header>')


def entry(anchor: str, words: str) -> str:
    """A line of the contents."""
    return f'<a href="#{anchor}"><span>{words}</span><i></i>{number(anchor)}</a>'


def contents(pages: Iterable[Page]) -> str:
    """The contents: parts, pages and their sections, each with the page's number."""
    lines = ['<nav class="contents" id="contents"><h1>Contents</h1>']
    for part, group in groupby(pages, key=lambda page: page.part):
        lines.append(f'<p class="part">{html.escape(part)}</p>' if part else "")
        for page in group:
            lines.append(f'<div class="chapter-entry">{entry(page.anchor, html.escape(page.heading))}<div>')
            for heading in page.article.find_all("h2"):
                if heading.get_text() in EVERYWHERE:
                    continue
                there = heading.get("id") or heading.find_parent("section")["id"]
                lines.append(entry(there, heading.decode_contents(formatter="minimal")))
            lines.append("</div></div>")
    return "".join([*lines, "</nav>"])


def running_heads(pages: Iterable[Page]) -> str:
    """For each page of the book, a kind of sheet that has its title on top."""
    return "\n".join(
        f'@page {name(page)} {{ @top-left {{ content: "{css(page.heading)}"; }} }} '
        f"#{css_id(page.anchor)} {{ page: {name(page)}; }}" for page in pages)


def name(page: Page) -> str:
    return f"sheet-{page.anchor}"


def css(text: str) -> str:
    """Text inside a string of a stylesheet."""
    return re.sub(r'(["\\])', r"\\\1", text)


def css_id(anchor: str) -> str:
    return re.sub(r"^(\d)", r"\\3\1 ", anchor)


def document(folder: Path, paper: str) -> str:
    """The book that lies built in ``folder`` (an absolute path) as one page, which may be saved anywhere."""
    code = Code()
    pages = read(folder, code)
    about = facts()
    front = title_page(pages[0], about)
    pages.append(appendix(pages))
    style = "\n".join([f"@page {{ size: {paper}; }} :root {{ --most-columns: {COLUMNS}; }}",
                       STYLE.read_text(encoding="utf-8"), running_heads(pages)])
    sheets = "".join(f'<link rel="stylesheet" href="{(folder / sheet).as_uri()}">' for sheet in SHEETS)
    body = code.give_back("\n".join(serialize(page.article) for page in pages))
    return (f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
            f"<title>{html.escape(about['title'])}</title>{sheets}<style>{style}</style></head>"
            f"<body>{front}{contents(pages)}{body}</body></html>\n")
