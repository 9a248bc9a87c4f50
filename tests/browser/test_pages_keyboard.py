"""A chapter by the keyboard alone: everything can be reached, seen and left again, on a wide screen and on a phone."""

import pytest
from built_book import HTML, needs_chromium, needs_pages, settle

PAGE = HTML / "chapters" / "06-output-sizes.html"  # it has tables, a widget, a quiz, hints and solutions
SCREENS = {"desktop": (1440, 900, "light"), "phone": (390, 844, "dark")}

pytestmark = [needs_pages, needs_chromium]

# What the Tab key has to reach: all that is operable and shown. Of radio buttons in a group one is reached.
OPERABLE = """() => [...document.querySelectorAll(
  "a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex^='-'])")]
  .filter((e) => !e.disabled && e.tabIndex >= 0 && e.type !== "radio" && e.checkVisibility({visibilityProperty: true}))
  .map((e, n) => e.dataset.stop = String(n))"""
# Where the focus is: which element, whether a reader can see it, and what marks it.
STOP = """() => {
  const e = document.activeElement, shown = e.type === "radio" ? e.closest("label") : e;
  const box = shown.getBoundingClientRect(), style = getComputedStyle(shown);
  const middle = document.elementFromPoint(box.x + Math.min(box.width, innerWidth - box.x) / 2,
    Math.max(box.y, 0) + Math.min(box.height, innerHeight - Math.max(box.y, 0)) / 2);
  (window.stops ??= []).push([shown, style.outline + style.boxShadow]);
  return {
    stop: e.dataset.stop, html: e.outerHTML.slice(0, 160),
    shown: box.width > 1 && box.height > 1 && shown.checkVisibility({opacityProperty: true, visibilityProperty: true})
      && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    covered: !(middle && (shown.contains(middle) || middle.contains(shown))),
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
      && contrast(style.outlineColor, getComputedStyle(document.body).backgroundColor) >= 3,
  };
  function contrast(...colors) {
    const [dark, bright] = colors.map((color) => color.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
      .reduce((sum, part, n) => sum + part * [0.2126, 0.7152, 0.0722][n], 0.05)).sort((a, b) => a - b);
    return bright / dark;
  }
}"""
UNMARKED = """() => {
  document.activeElement.blur();
  return window.stops.filter(([e, focused]) => getComputedStyle(e).outline + getComputedStyle(e).boxShadow === focused)
    .map(([e]) => e.outerHTML.slice(0, 160));
}"""
FOCUSED = "document.activeElement"


@pytest.fixture(scope="module", params=SCREENS)
def tab(browser, request):
    """One page for all tests on a screen: each leaves it as it was."""
    width, height, theme = SCREENS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, offline=True,
                                  reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(PAGE.as_uri(), wait_until="load")
    settle(tab)
    tab.add_style_tag(content="* { transition: none !important; }")
    yield tab
    context.close()


def test_every_stop_is_reached_and_seen(tab) -> None:
    """From the first to the last, once round: shown where it is, marked, and nothing left out; no place holds it."""
    expected = tab.evaluate(OPERABLE)
    stops = []
    for _ in range(2 * len(expected)):
        tab.keyboard.press("Tab")
        if tab.evaluate(f"{FOCUSED} === document.body"):
            break  # round once
        stops.append(tab.evaluate(STOP))
    else:
        raise AssertionError(f"the focus does not leave: {stops[-1]}")
    assert stops[0]["html"].startswith('<a href="#main-content"')
    assert [stop["html"] for stop in stops if not stop["shown"]] == []
    assert [stop["html"] for stop in stops if stop["covered"]] == []
    assert [stop["html"] for stop in stops if not stop["outlined"]] == []
    assert tab.evaluate(UNMARKED) == []
    reached = [stop["stop"] for stop in stops]
    missed = [tab.evaluate(f"document.querySelector('[data-stop=\"{n}\"]').outerHTML.slice(0, 160)")
              for n in expected if n not in reached]
    assert missed == [] and len(set(reached)) == len(reached)


def test_skip_link_leads_to_the_text(tab) -> None:
    tab.keyboard.press("Tab")
    assert tab.evaluate(f"{FOCUSED}.getBoundingClientRect().top") >= 0
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate(f"document.getElementById('main-content').contains({FOCUSED})")


def test_solution_unfolds_and_folds(tab) -> None:
    tab.locator("article details:not(.hide) > summary").first.focus()
    for opened in (True, False):
        tab.keyboard.press("Enter")
        assert tab.evaluate(f"{FOCUSED}.parentElement.open") is opened
    assert tab.evaluate(f"{FOCUSED}.localName") == "summary"


def test_theme_switches(tab) -> None:
    tab.focus(".theme-switch-button")
    seen = set()
    for _ in range(3):
        tab.keyboard.press("Enter")
        seen.add(tab.evaluate("document.documentElement.dataset.mode"))
        assert tab.evaluate(f"{FOCUSED}.matches('.theme-switch-button')")
    assert seen == {"auto", "light", "dark"}


def test_search_opens_and_escape_brings_back(tab) -> None:
    tab.locator(".search-button__button:visible").first.focus()
    tab.evaluate(f"window.before = {FOCUSED}")
    tab.keyboard.press("Enter")
    assert tab.evaluate(f"{FOCUSED}.matches('#pst-search-dialog[open] input')")
    tab.keyboard.press("Escape")
    assert tab.evaluate("!document.querySelector('dialog[open]')")
    assert tab.evaluate(f"{FOCUSED} === window.before")


@pytest.mark.parametrize("tab", ["phone"], indirect=True)
@pytest.mark.parametrize("which", ["primary", "secondary"])
def test_panel_opens_and_escape_brings_back(tab, which: str) -> None:
    tab.focus(f".{which}-toggle")
    tab.keyboard.press("Enter")
    panel = f"#pst-{which}-sidebar-modal[open]"
    tab.wait_for_selector(panel)
    tab.keyboard.press("Tab")
    assert tab.evaluate(f"{FOCUSED}.closest('{panel}') !== null")
    shown = f"(() => {{ const b = {FOCUSED}.getBoundingClientRect(); return b.right > 0 && b.left < innerWidth; }})()"
    assert tab.evaluate(shown)
    tab.keyboard.press("Escape")
    tab.wait_for_function("!document.querySelector('dialog[open]')")
    assert tab.evaluate(f"{FOCUSED}.matches('.{which}-toggle')")


def test_next_page_is_reached(tab) -> None:
    tab.focus("a.right-next")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/07-*.html")
    tab.go_back()
    settle(tab)
