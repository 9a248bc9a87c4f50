"""Every page by axe's rules, WCAG 2.2 up to AA and best practices: on a phone and a wide screen, in both themes."""

import pytest
from built_book import EVERY_PAGE, each, needs_chromium, needs_pages, settle

# Each page on both screens and in both themes; what all pages share, in all four ways.
STATES = [((390, 844, "light"), (1440, 900, "dark")), ((390, 844, "dark"), (1440, 900, "light"))]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}

# A word of code has its color from its class: of each class one is looked at, and not thousands. Nor are the glyphs of
# math, which are hidden from screen readers and drawn in the text's color.
ONE_OF_EACH = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll(".highlight pre span")) {
    if (seen.has(word.className)) word.replaceWith(...word.childNodes);
    else seen.add(word.className);
  }
  for (const glyphs of document.querySelectorAll(".math math > *")) glyphs.remove();
  document.querySelector("article")?.normalize();
}"""
CHECK = """rules => axe.run(rules).then(result => result.violations.flatMap(
  ({id, nodes}) => nodes.map(node => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`)))"""

pytestmark = [needs_pages, needs_chromium]


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context(offline=True)
    yield context.new_page()
    context.close()


@each(EVERY_PAGE)
def test_axe_finds_nothing(tab, page) -> None:
    from axe_playwright_python.base import AXE_SCRIPT

    tab.goto(page.as_uri(), wait_until="load")
    settle(tab)
    tab.add_style_tag(content="* { transition: none !important; }")
    tab.evaluate(ONE_OF_EACH)
    tab.evaluate(AXE_SCRIPT)
    for width, height, theme in STATES[EVERY_PAGE.index(page) % 2]:
        tab.set_viewport_size({"width": width, "height": height})
        tab.emulate_media(color_scheme=theme)
        tab.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        settle(tab)
        assert tab.evaluate(CHECK, RULES) == [], (width, theme)
