"""The book's search: who types a word of the field gets the chapter that treats it, from the web and from a disk."""

from collections.abc import Iterator

import pytest
from built_book import CHROMIUM, HTML
from page_server import serving

TREATED = {
    "padding": "01-sliding-window.html#padding-adding-a-margin",
    "LRN": "07-alexnet-keras.html",
    "227": "06-output-sizes.html",
    "dropout": "16-overfitting.html#dropout",
    "receptive field": "01-sliding-window.html#how-far-back-does-one-output-see",
    "top-5": "05-from-lenet-to-alexnet.html",
    "groups": "01-sliding-window.html#groups",
    "tanh": "02-lenet-keras.html#the-network",
    "sigmoid": "15-relu.html",
    "flat loss": "08-alexnet-pytorch.html#a-loss-that-stays-flat",
    "stuck": "08-alexnet-pytorch.html#a-loss-that-stays-flat",
    "debug": "08-alexnet-pytorch.html#a-loss-that-stays-flat",
    "loss not decreasing": "08-alexnet-pytorch.html#a-loss-that-stays-flat",
}
STATUS = ".search-summary[role=status]:not(:empty)"

pytestmark = [
    pytest.mark.skipif(not (HTML / "search.html").is_file(), reason="the book is not built: run `make book`"),
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving(HTML) as (address, _):
        yield address


def new_tab(browser, **settings) -> tuple:
    """A tab, and the list of what goes wrong in it."""
    tab, errors = browser.new_context(**settings).new_page(), []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return tab, errors


@pytest.fixture(scope="module")
def from_web(browser, site: str) -> Iterator[tuple]:
    """A tab on the search page, as a server delivers it."""
    tab, errors = new_tab(browser)
    tab.goto(f"{site}search.html")
    yield tab, errors
    tab.context.close()


@pytest.fixture(scope="module")
def from_disk(browser) -> Iterator[tuple]:
    """A tab on the search page of a copy on a disk."""
    tab, errors = new_tab(browser)
    tab.goto((HTML / "search.html").as_uri())
    yield tab, errors
    tab.context.close()


def results(tab, query: str) -> list[str]:
    """Where the results lead, once the search has ended."""
    tab.locator("main input[name=q]").fill(query)
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**q={query.replace(' ', '+')}*")
    tab.wait_for_selector(STATUS)
    return tab.locator("ul.search > li > a").evaluate_all("links => links.map(link => link.href)")


@pytest.mark.parametrize("query", TREATED)
def test_chapter_is_among_the_first_three_results(from_disk, query: str) -> None:
    tab, errors = from_disk
    first = results(tab, query)[:3]
    assert any(f"/chapters/{TREATED[query]}" in link for link in first), first
    assert errors == []


@pytest.mark.parametrize("query", ["227", "top-5"])
def test_results_are_the_same_from_the_web(from_web, query: str) -> None:
    """There each result's page is read for its summary, which takes its time."""
    test_chapter_is_among_the_first_three_results(from_web, query)


def test_nothing_found_is_said(from_web) -> None:
    tab, errors = from_web
    assert results(tab, "transmogrification") == []
    assert "Nothing in the book" in tab.inner_text(STATUS)
    assert errors == []


@pytest.mark.parametrize("query", ["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty"])
def test_words_of_javascript_are_words_like_others(from_disk, query: str) -> None:
    """They are looked up in the index and not in what every JavaScript object has."""
    tab, errors = from_disk
    tab.locator("main input[name=q]").fill(query)
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**q={query}*")
    tab.wait_for_selector(STATUS)
    assert errors == []


def test_result_shows_the_text_around_the_word(browser, site: str) -> None:
    tab, errors = new_tab(browser)
    tab.goto(f"{site}search.html?q=dropout")
    tab.wait_for_selector("ul.search > li p.context")
    tab.wait_for_load_state("networkidle")
    summaries = tab.locator("ul.search > li p.context").all_inner_texts()
    assert summaries[0].startswith("dropout: In training"), "the glossary's definition"
    assert "dropout" in summaries[1].lower() and not any("\\[" in summary for summary in summaries)
    assert errors == []
    tab.context.close()


def test_keyboard_alone_is_enough(browser, site: str) -> None:
    """Ctrl-K on a chapter's page, a word, Enter; the first result with Tab."""
    tab, errors = new_tab(browser)
    tab.goto(f"{site}chapters/01-sliding-window.html")
    tab.keyboard.press("Control+k")
    assert tab.evaluate("document.activeElement.name") == "q"
    tab.keyboard.press("Escape")
    assert not tab.locator("dialog[open]").count()
    tab.keyboard.press("Control+k")
    tab.keyboard.type("stride")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=stride*")
    tab.wait_for_selector(STATUS)
    for _ in range(12):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.matches('ul.search a')"):
            break
    assert tab.evaluate("document.activeElement.matches('ul.search a')")
    assert errors == []
    tab.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_results_fit_a_phone_and_can_be_read(browser, site: str, theme: str) -> None:
    """Nothing wider than the screen; links and summaries have a contrast of at least 4.5."""
    tab, _ = new_tab(browser, viewport={"width": 390, "height": 844}, color_scheme=theme)
    tab.goto(f"{site}search.html?q=receptive+field")
    tab.wait_for_selector("ul.search > li p.context")
    tab.wait_for_load_state("networkidle")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    contrasts = tab.evaluate("""() => {
      const light = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(Number)
          .map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const background = element => {
        for (let e = element; e; e = e.parentElement) {
          const color = getComputedStyle(e).backgroundColor;
          if (!/, 0\\)|transparent/.test(color)) return color;
        }
        return "rgb(255, 255, 255)";
      };
      return [...document.querySelectorAll("ul.search :is(a, p.context, .highlighted), .search-summary")]
        .map(element => {
          const pair = [light(getComputedStyle(element).color), light(background(element))].sort((a, b) => b - a);
          return (pair[0] + 0.05) / (pair[1] + 0.05);
        });
    }""")
    assert len(contrasts) > 3 and min(contrasts) >= 4.5
    tab.context.close()
