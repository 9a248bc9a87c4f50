"""Formulas on a page: they are copied as LaTeX, and have the color of the text around them."""

import pytest
from built_book import HTML, READY, needs_chromium, needs_pages

PAGE = HTML / "chapters" / "06-output-sizes.html"

pytestmark = [needs_pages, needs_chromium]

# What a copy of the page from one element to another puts into the clipboard.
COPIED = """([first, last]) => {
  const range = document.createRange(), clipboard = new DataTransfer();
  range.setStart(first.firstChild, 0);
  range.setEnd(last, last.childNodes.length);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  const event = new ClipboardEvent("copy", { clipboardData: clipboard, cancelable: true, bubbles: true });
  document.body.dispatchEvent(event);
  return [event.defaultPrevented, clipboard.getData("text/plain")];
}"""


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", offline=True)
    tab = context.new_page()
    tab.goto(PAGE.as_uri(), wait_until="load")
    tab.wait_for_function(READY)
    yield tab
    context.close()


def test_display_formula_is_copied_as_latex(tab) -> None:
    """Also when only a part of it is marked."""
    formula = tab.locator("article math[display=block]").first.element_handle()
    latex = formula.get_attribute("alttext")
    part = formula.query_selector("mi, mn")
    assert "\\frac" in latex
    assert tab.evaluate(COPIED, [part, part]) == [True, f"$${latex}$$"]


def test_text_with_formulas_keeps_its_words(tab) -> None:
    """A paragraph: each formula between dollars, in its place among the words."""
    paragraph = tab.locator("article p:has(math)").first.element_handle()
    formulas = [one.get_attribute("alttext") for one in paragraph.query_selector_all("math")]
    taken, text = tab.evaluate(COPIED, [paragraph, paragraph])
    assert taken and formulas
    for latex in formulas:
        before, found, text = text.partition(f"${latex}$")
        assert found, (latex, before)
    assert tab.evaluate("document.querySelectorAll('article > div').length") == 0, "nothing is left behind"


def test_text_without_formulas_is_left_to_the_browser(tab) -> None:
    heading = tab.locator("article h2").first.element_handle()
    assert tab.evaluate(COPIED, [heading, heading])[0] is False


@pytest.mark.parametrize("color", ["light", "dark"])
def test_formulas_have_the_text_s_color_and_the_font(tab, color: str) -> None:
    tab.emulate_media(color_scheme=color)
    tab.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=color)
    tab.locator("article math").first.scroll_into_view_if_needed()
    tab.wait_for_function("() => document.fonts.check('16px \"STIX Two Math\"')")
    found = tab.evaluate("""() => [...document.querySelectorAll("article .math math")].map((formula) => {
        const own = getComputedStyle(formula), around = getComputedStyle(formula.closest(".math").parentElement);
        return [own.color === around.color, own.fontFamily.includes("STIX Two Math")];
    })""")
    assert found and all(map(all, found))
