"""The book's search: who types a word of the field gets the section that treats it, from the web and from a disk."""

import random
from collections.abc import Iterator

import pytest
from alexbook_site.search import index, places
from built_book import CHROMIUM, HTML, soup
from page_server import serving
from search_queries import QUERIES

SHARE = 0.9  # of the queries that have to lead to the right place among the first three
STATUS = ".found-status:not(:empty)"

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
    tab.wait_for_function("query => document.querySelector('#search-results').dataset.query === query", arg=query)
    return tab.locator(".found > li > a").evaluate_all("links => links.map(link => link.href)")


def found(tab, query: str) -> list[str]:
    """The places found, best first, as ``06-output-sizes#or-227``."""
    places = tab.evaluate("query => bookSearch.links(query)", query)
    return [place.removeprefix("chapters/") + ("" if "#" in place else "#") for place in places]


def test_queries_lead_to_the_section_that_answers_them(from_disk) -> None:
    tab, errors = from_disk
    missed = {query: first for query, right in QUERIES.items()
              if not set(right.split()) & set(first := found(tab, query)[:3])}
    for query, first in missed.items():
        print(f"{query}: {QUERIES[query]}, but found {first}")
    assert len(QUERIES) >= 120
    assert len(missed) <= (1 - SHARE) * len(QUERIES)
    assert errors == []


def test_queries_name_places_that_are_there() -> None:
    for query, right in QUERIES.items():
        for place in right.split():
            page, _, address = place.partition("#")
            path = HTML / f"{page}.html" if page == "glossary" else HTML / "chapters" / f"{page}.html"
            assert path.is_file() and (not address or soup(path).find(id=address)), f"{query}: {place}"


@pytest.mark.parametrize(("one", "other"), [
    ("60965224", "60,965,224"), ("60 965 224", "60,965,224"), ("colour normalisation", "color normalization"),
    ("drop out", "dropout"), ("DROPOUT", "dropout"), ("cross entropy", "cross-entropy"), ("11 x 11", "11\u00d711"),
    ("pooling layers", "pooling layer"),
])
def test_ways_to_write_a_thing_lead_to_the_same_place(from_disk, one: str, other: str) -> None:
    tab, _ = from_disk
    assert found(tab, one)[0] == found(tab, other)[0]


def test_a_word_is_found_while_it_is_typed(from_disk) -> None:
    tab, _ = from_disk
    assert found(tab, "roofl")[0] in found(tab, "roofline")[:2]


def test_one_wrong_letter_is_forgiven_and_two_are_not(from_disk) -> None:
    tab, _ = from_disk
    right = found(tab, "occlusion")[0]
    for typed in ("oclusion", "occllusion", "occlasion", "occlusino"):
        assert found(tab, typed)[0] == right, typed
    assert found(tab, "oclusino ") == []
    assert found(tab, "60965223") == [], "numbers have no typos"


def test_browser_takes_words_apart_as_the_index_does(from_disk) -> None:
    """On all queries, and on a sample of the book."""
    tab, _ = from_disk
    pages = sorted(HTML.glob("chapters/*.html"))[::5]
    texts = [place.shown for path in pages for place in places.read("chapters/x", path.read_text(encoding="utf-8"))]
    sample = [*QUERIES, *random.Random(0).sample(texts, 40)]
    assert tab.evaluate("texts => texts.map(bookSearch.words)", sample) == [list(index.words(text)) for text in sample]


def test_results_are_the_same_from_the_web(from_web, from_disk) -> None:
    for query in ("227", "top-5"):
        assert found(from_web[0], query) == found(from_disk[0], query)
    links = results(from_web[0], "227")
    assert links and all(link.startswith(from_web[0].url.partition("search.html")[0]) for link in links)
    assert from_web[1] == []


def test_nothing_found_is_said(from_web) -> None:
    tab, errors = from_web
    assert results(tab, "transmogrification") == []
    assert "Nothing in the book" in tab.inner_text(STATUS)
    assert errors == []


@pytest.mark.parametrize("query", ["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty"])
def test_words_of_javascript_are_words_like_others(from_disk, query: str) -> None:
    """They are looked up in the index and not in what every JavaScript object has."""
    tab, errors = from_disk
    results(tab, query)
    assert errors == []


def test_result_names_its_place_and_shows_the_text_around_the_word(browser, site: str) -> None:
    tab, errors = new_tab(browser)
    tab.goto(f"{site}search.html?q=dropout")
    tab.wait_for_selector(".found > li mark")
    tab.wait_for_load_state("networkidle")
    shown = tab.locator(".found > li").all_inner_texts()
    assert shown[0].startswith("16 Overfitting: sixty million parameters, 1.2 million images \u203a Dropout"), shown[0]
    assert any("Glossary" in text and "each output of a layer is set to 0" in text for text in shown)
    assert not any("\\[" in text or "\\(" in text for text in shown)
    assert "dropout" in tab.locator(".found mark").first.inner_text().lower()
    assert errors == []
    tab.context.close()


def test_places_of_a_page() -> None:
    """Sections without those inside of them, exercises, questions; tables and formulas as they are read."""
    page = """<nav>no</nav><article><section id="a"><h1><span class="chapter-number">3</span> One
      <a class="headerlink">#</a></h1><p>first \u2014
      <span class="math"><math alttext="62{,}378{,}344 \\times 2"><mn>62,378,344</mn></math></span></p>
      <section id="b"><h2>Two</h2><table><tr><td>195</td><td>7</td></tr></table><pre>x = F.pad(y)</pre></section>
      <section id="exercises"><h2>Exercises</h2><p id="exercise-1"><strong>1. Which?</strong> (easy)</p><p>Try.</p>
      <p id="exercise-2"><strong>2. Why?</strong></p></section>
      <section id="q"><h2>Check yourself</h2><fieldset id="question-1"><legend>Is it?</legend>Yes.</fieldset></section>
      last</section></article><p>no</p>"""
    read = {place.address: place for place in places.read("chapters/03-x", page)}
    assert {at: (place.kind, place.heading) for at, place in read.items()} == {
        "": ("section", "One"), "b": ("section", "Two"), "exercises": ("aside", "Exercises"),
        "exercise-1": ("exercise", "1. Which?"), "exercise-2": ("exercise", "2. Why?"),
        "q": ("aside", "Check yourself"), "question-1": ("quiz", "Is it?")}
    assert read[""].shown == "first \u2014 62,378,344 \u00d7 2 last"
    assert (read["b"].text, read["b"].code, read["b"].above) == ("195 7", "x = F.pad(y)", ("One",))
    assert read["exercise-1"].shown == "(easy) Try."


def test_weights_of_fields_are_in_their_order() -> None:
    def weight(heading: str = "x", above: tuple[str, ...] = ("page",), alias: str = "", text: str = "") -> float:
        place = places.Place("chapters/1", "a", "section", heading, above, [(False, text)])
        return index.weigh(place, alias, 100)["word"]

    ranks = [weight(heading="word"), weight(alias="word"), weight(text="word " * 50), weight(above=("word",))]
    assert ranks == sorted(ranks, reverse=True)
    assert weight(text="word word") > weight(text="word") > weight(text=f"word {'other ' * 200}")


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
        if tab.evaluate("document.activeElement.matches('.found a')"):
            break
    assert tab.evaluate("document.activeElement.matches('.found a')")
    assert errors == []
    tab.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_results_fit_a_phone_and_can_be_read(browser, site: str, theme: str) -> None:
    """Nothing wider than the screen; links and summaries have a contrast of at least 4.5."""
    tab, _ = new_tab(browser, viewport={"width": 390, "height": 844}, color_scheme=theme)
    tab.goto(f"{site}search.html?q=receptive+field")
    tab.wait_for_selector(".found > li mark")
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
      return [...document.querySelectorAll(".found :is(a, p, mark, .found-kind), .found-status")]
        .map(element => {
          const pair = [light(getComputedStyle(element).color), light(background(element))].sort((a, b) => b - a);
          return (pair[0] + 0.05) / (pair[1] + 0.05);
        });
    }""")
    assert len(contrasts) > 3 and min(contrasts) >= 4.5
    tab.context.close()
