"""Printing with Chromium: twice, because the numbers of the pages are known only after the first time."""

import io
from collections.abc import Iterable
from pathlib import Path

import chromium
from playwright.sync_api import Error, Page, sync_playwright
from pypdf import PdfReader

READY = "() => document.fonts.ready.then(() => true)"
WANTED = "() => [...new Set([...document.querySelectorAll('.page-number')].map(place => place.dataset.of))]"
FILL = """numbers => document.querySelectorAll('.page-number').forEach(
    place => { place.textContent = numbers[place.dataset.of]; })"""
MOST_PRINTS = 3
TIMEOUT = 300_000  # milliseconds; a busy machine needs one minute


class NotPrinted(Exception):
    """There is no PDF; the message says why, in one sentence."""


def find() -> str:
    """Where Chromium is; raises :class:`NotPrinted` where it is not."""
    if path := chromium.find():
        return path
    raise NotPrinted(f"The book is not printed. {chromium.MISSING}")


def page_numbers(printed: bytes, anchors: Iterable[str]) -> dict[str, int]:
    """The page on which each address of the document stands, counted from 1."""
    reader = PdfReader(io.BytesIO(printed))
    places = {page.indirect_reference.idnum: place for place, page in enumerate(reader.pages, 1)}
    known = {name.removeprefix("/"): places[there.page.idnum] for name, there in reader.named_destinations.items()}
    if missing := [anchor for anchor in anchors if anchor not in known]:
        raise NotPrinted(f"The PDF has no place called {missing[0]}.")
    return {anchor: known[anchor] for anchor in anchors}


def print_tab(tab: Page, last: bool) -> bytes:
    """The tab as PDF; the structure that screen readers and the list of bookmarks need is for the last time."""
    return tab.pdf(prefer_css_page_size=True, print_background=True, tagged=last, outline=last)


def print_document(path: Path) -> bytes:
    """The document as PDF, with the pages' numbers filled in.

    Raises:
        NotPrinted: without Chromium, or when it fails.
    """
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find(), args=[*chromium.ARGUMENTS])
            tab = browser.new_page()
            tab.set_default_timeout(TIMEOUT)
            tab.emulate_media(media="print", color_scheme="light")
            tab.goto(path.as_uri(), wait_until="load")
            tab.evaluate(READY)
            anchors, printed = tab.evaluate(WANTED), print_tab(tab, last=False)
            for _ in range(MOST_PRINTS):
                numbers = page_numbers(printed, anchors)
                tab.evaluate(FILL, numbers)
                printed = print_tab(tab, last=True)
                if page_numbers(printed, anchors) == numbers:
                    return printed
        except Error as error:
            raise NotPrinted(f"Chromium did not print the book: {error.message.splitlines()[0]}") from error
    raise NotPrinted(f"The pages' numbers still change after printing {MOST_PRINTS} times.")
