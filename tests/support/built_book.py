"""The built book as its tests see it: its pages, and what a page has to have done before it is looked at."""

from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from chromium import find
from repository import ROOT

HTML = ROOT / "_build" / "html"
CHROMIUM = find()
EVERY_PAGE = sorted(path for path in HTML.rglob("*.html") if not path.is_relative_to(HTML / "_static"))
PAGES = [path for path in EVERY_PAGE if path.name != "search.html"]

needs_pages = pytest.mark.skipif(not PAGES, reason="the book is not built: run `make book`")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
READY = "() => document.fonts.status === 'loaded' && document.documentElement.hasAttribute('data-measured')"
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


def name_of(page: Path) -> str:
    return page.relative_to(HTML).as_posix()


def each(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=name_of)


@cache
def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def settle(tab) -> None:
    """Waits until a page's fonts are there, every widget is built, those too that no reader has come near, and the
    page's width has reached its scripts."""
    widgets = "document.querySelectorAll('[data-ax-widget]')"
    tab.wait_for_function(f"() => [...{widgets}].every((widget) => widget.make)")
    tab.evaluate(f"() => {{ for (const widget of {widgets}) widget.make(); }}")
    tab.wait_for_function(f"() => [...{widgets}].every((widget) => widget.classList.contains('ax-ready'))")
    tab.wait_for_function("width => innerWidth === width", arg=tab.viewport_size["width"])
    for _ in range(2):  # a box whose size changes is marked a frame later
        tab.evaluate(FRAMES)
    tab.wait_for_function(READY)
