"""Printing with Chromium: twice, because the numbers of the pages are known only after the first time."""

import io
import shutil
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright
from pypdf import PdfReader

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "Chromium prints the book and is not installed: sudo apt install chromium (or brew install --cask chromium)."
READY = "() => MathJax.startup.promise.then(() => document.fonts.ready).then(() => true)"
WANTED = "() => [...new Set([...document.querySelectorAll('.page-number')].map(place => place.dataset.of))]"
FILL = """numbers => document.querySelectorAll('.page-number').forEach(
    place => { place.textContent = numbers[place.dataset.of]; })"""
MOST_PRINTS = 4


class NotPrinted(Exception):
    """There is no PDF; the message says why, in one sentence."""


def find() -> str:
    """Where Chromium is."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise NotPrinted(MISSING)


def page_numbers(reader: PdfReader, anchors: Iterable[str]) -> dict[str, int]:
    """The page on which each address of the document stands, counted from 1."""
    places = {page.indirect_reference.idnum: place for place, page in enumerate(reader.pages, 1)}
    known = reader.named_destinations
    missing = [anchor for anchor in anchors if f"/{anchor}" not in known and anchor not in known]
    if missing:
        raise NotPrinted(f"The PDF has no place called {missing[0]}.")
    found = {}
    for anchor in anchors:
        there = known.get(anchor) or known[f"/{anchor}"]
        found[anchor] = places[there.page.idnum]
    return found


def print_tab(tab: Page) -> bytes:
    return tab.pdf(prefer_css_page_size=True, print_background=True, tagged=True, outline=True)


def print_document(path: Path) -> bytes:
    """The document as PDF, with the pages' numbers filled in.

    Raises:
        NotPrinted: without Chromium, or when it fails.
    """
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
            tab = browser.new_page()
            tab.set_default_timeout(300_000)
            tab.emulate_media(media="print", color_scheme="light")
            tab.goto(path.as_uri(), wait_until="load")
            tab.wait_for_function(READY)
            anchors, numbers = tab.evaluate(WANTED), None
            for _ in range(MOST_PRINTS):
                printed = print_tab(tab)
                before, numbers = numbers, page_numbers(PdfReader(io.BytesIO(printed)), anchors)
                if numbers == before:
                    return printed
                tab.evaluate(FILL, numbers)
        except Error as error:
            raise NotPrinted(f"Chromium did not print the book: {error.message.splitlines()[0]}") from error
    raise NotPrinted(f"The pages' numbers still change after printing {MOST_PRINTS} times.")
