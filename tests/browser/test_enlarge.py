"""Figures are enlarged by a click, a tap or a key, and left again the same way, from a file and under the policy."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_book import HTML, PAGES, READY, needs_chromium, needs_pages, soup
from repository import ROOT

PAGE = HTML / "chapters" / "06-output-sizes.html"  # it has plots, and drawings with a version for narrow screens
SCREENS = {"desktop": (1440, 900, "light", False), "phone": (390, 844, "dark", True)}
LIMIT = 2_400  # bytes of the script and its styles, gzipped
WIDTH = "element => element.getBoundingClientRect().width"
OPEN = "dialog.enlarged[open]"
SHOWN = f"{OPEN} .enlarged-picture > :is(img, svg)"

pytestmark = [needs_pages, needs_chromium]


@pytest.fixture(scope="module", params=SCREENS)
def tab(browser, request) -> Iterator:
    width, height, theme, touches = SCREENS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, has_touch=touches)
    tab = context.new_page()
    tab.wrong = []
    tab.on("console", lambda message: tab.wrong.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
    tab.goto(PAGE.as_uri(), wait_until="load")
    tab.wait_for_function(READY)
    yield tab
    assert tab.wrong == []
    context.close()


def test_each_figure_is_enlarged_and_closed_with_escape(tab) -> None:
    figures = tab.locator("article figure[id^='figure-']:visible").all()
    assert len(figures) > 5
    for figure in figures:
        name = figure.locator(".figure-number").text_content()
        drawing = figure.locator(".enlarges:visible").first
        before = drawing.evaluate(WIDTH)
        drawing.scroll_into_view_if_needed()
        drawing.tap() if tab.evaluate("navigator.maxTouchPoints") else drawing.click()
        assert tab.locator(OPEN).get_attribute("aria-label") == name
        assert tab.locator(f"{SHOWN}:visible").count() == tab.locator(SHOWN).count() >= 1
        assert tab.locator(SHOWN).first.evaluate(WIDTH) > 1.2 * before, name
        assert name in tab.locator(f"{OPEN} .enlarged-words").text_content()
        tab.keyboard.press("Escape")
        assert not tab.locator(OPEN).count()
        assert tab.evaluate("document.activeElement.getAttribute('aria-label')") == f"Enlarge {name}"


def test_a_figure_is_enlarged_by_the_keyboard_alone(tab) -> None:
    button = tab.locator("article figure .enlarge:visible").first
    button.focus()
    tab.keyboard.press("Enter")
    assert tab.locator(f"{OPEN} button").evaluate("element => element === document.activeElement")
    tab.keyboard.press("Tab")  # the picture, to be scrolled with the arrow keys
    assert tab.locator(f"{OPEN} .enlarged-picture").evaluate("element => element === document.activeElement")
    tab.locator(f"{OPEN} button").press("Enter")
    assert not tab.locator(OPEN).count() and button.evaluate("element => element === document.activeElement")


def test_the_picture_scrolls_where_it_is_wider_than_the_screen_and_the_page_does_not(tab) -> None:
    tab.locator("article figure:has(img.plot) .enlarge:visible").first.click()
    wide = tab.locator(SHOWN).first.evaluate(WIDTH)
    room = tab.locator(f"{OPEN} .enlarged-picture").evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert abs(room[0] - max(wide, room[1])) < 2
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert ("-dark" in tab.locator(SHOWN).first.get_attribute("src")) == (
        tab.evaluate("document.documentElement.dataset.theme") == "dark")
    tab.keyboard.press("Escape")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_only_pages_with_figures_load_the_script(page: Path) -> None:
    loads = bool(re.search(r'<script[^>]* src="[^"]*/enlarge\.js', page.read_text(encoding="utf-8")))
    assert loads == bool(soup(page).select("article figure[id^='figure-']"))


def test_script_and_styles_are_light() -> None:
    sizes = [len(gzip.compress((ROOT / "_static" / f"enlarge.{kind}").read_bytes())) for kind in ("js", "css")]
    assert sum(sizes) < LIMIT, sizes
