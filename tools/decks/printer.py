"""Decks as PDF, a page for each slide, printed by Chromium in reveal.js' own way for paper."""

from collections.abc import Iterable
from pathlib import Path

import chromium
from alexbook._files import replace_file
from playwright.sync_api import Browser, Error, sync_playwright

from .source import WrongDeck

READY = "() => window.Reveal?.isReady() && document.querySelectorAll('.pdf-page').length > 0"
TIMEOUT = 120_000  # milliseconds


def print_deck(browser: Browser, page: Path) -> Path:
    """Prints one deck beside its HTML file, and says where."""
    tab = browser.new_page()
    tab.set_default_timeout(TIMEOUT)
    tab.goto(f"{page.resolve().as_uri()}?print-pdf", wait_until="load")
    tab.wait_for_function(READY)
    tab.evaluate("() => document.fonts.ready.then(() => true)")
    printed = page.with_suffix(".pdf")
    replace_file(printed, tab.pdf(prefer_css_page_size=True, print_background=True, tagged=True))
    tab.close()
    return printed


def print_decks(pages: Iterable[Path]) -> list[Path]:
    """Prints each deck beside its HTML file.

    Returns:
        The PDF files.

    Raises:
        WrongDeck: without Chromium, or when it fails.
    """
    if not (path := chromium.find()):
        raise WrongDeck(f"The slides are not printed. {chromium.MISSING}")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=[*chromium.ARGUMENTS])
            return [print_deck(browser, page) for page in pages]
        except Error as problem:
            raise WrongDeck(f"Chromium did not print the slides: {problem.message.splitlines()[0]}") from problem
