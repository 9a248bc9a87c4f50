"""The decks in a browser: nothing overflows, all can be read, nothing comes from elsewhere, widgets and notes live."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from built_book import needs_chromium
from decks import deck, page

NAMES = [path.stem for path in deck.files()]
READY = "() => window.Reveal?.isReady()"
WAIT = "() => document.fonts.ready.then(() => Promise.all([...document.images].map(image => image.decode())))"
# Each slide is shown with all its fragments at 1280 x 720: what sticks out of it, and what is too small to see.
OVERFLOWS = """() => {
  const found = [];
  Reveal.configure({ margin: 0, controls: false, progress: false, slideNumber: false });
  for (let at = 0; at < Reveal.getTotalSlides(); at++) {
    Reveal.slide(at, 0, 99);
    const slide = document.querySelector("section.present .slide"), room = slide.getBoundingClientRect();
    const wrong = (why, part) => found.push(`slide ${at + 1}: ${why} ${part.tagName} ${part.textContent.slice(0, 40)}`);
    if (slide.scrollHeight > 721 || slide.scrollWidth > 1281) wrong("scrolls", slide);
    for (const part of slide.querySelectorAll("h1, h2, .body *")) {
      if (part.parentElement.closest(".live, svg, math")) continue;
      const box = part.getBoundingClientRect();
      if (box.width && (box.bottom > room.bottom - 20 || box.right > room.right - 20)) wrong("sticks out", part);
    }
    for (const part of slide.querySelectorAll("figure.shown > img, figure.shown svg")) {
      if (part.getBoundingClientRect().height < 250) wrong("is small", part);
    }
    for (const part of slide.querySelectorAll(".words, .question, .choices, .why")) {
      if (parseFloat(getComputedStyle(part).fontSize) < 26) wrong("has small words", part);
    }
  }
  return found;
}"""
# All slides below each other, fragments shown, for axe: contrast, alternative texts, names.
SPREAD = """() => {
  document.querySelectorAll(".reveal > :not(.slides)").forEach(part => part.remove());  // they lie above the slides
  for (const part of document.querySelectorAll("html, body, .reveal, .slides")) {
    part.style.cssText = "position: static; inset: auto; height: auto; overflow: visible; transform: none; zoom: 1";
  }
  for (const slide of document.querySelectorAll("section")) {
    for (const name of ["hidden", "inert", "aria-hidden"]) slide.removeAttribute(name);
    slide.className = "present";
    slide.style.cssText = "display: block; position: static; visibility: visible; opacity: 1; transform: none";
  }
  document.querySelectorAll(".fragment").forEach(part => part.classList.add("visible"));
}"""
CHECK = """rules => axe.run("main", rules).then(result => result.violations.flatMap(
  ({id, nodes}) => nodes.map(node => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`)))"""
KINDS = ["color-contrast", "image-alt", "svg-img-alt", "list", "label", "button-name", "select-name",
         "scrollable-region-focusable", "aria-allowed-attr"]
RULES = {"runOnly": {"type": "rule", "values": KINDS}, "resultTypes": ["violations"]}

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All decks, made once; without the photographs' network, 7 MB that no test here loads."""
    made = tmp_path_factory.mktemp("slides")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(page.DATA, "ax-photograph", ("photographs",))
        for path in deck.files():
            (made / f"{path.stem}.html").write_text(page.page(deck.load(path)), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def tab(browser):
    """One tab for all decks; it notes what is asked of the network, and what is complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    opened = context.new_page()
    opened.complaints = []

    def note(wrong: bool, text: str) -> None:
        if wrong:
            opened.complaints.append(text)

    opened.on("console", lambda said: note(said.type in ("error", "warning"), said.text))
    opened.on("pageerror", lambda problem: note(True, str(problem)))
    opened.on("request", lambda asked: note(not asked.url.startswith(("file:", "data:")), asked.url))
    yield opened
    context.close()


def show(tab, path) -> None:
    tab.complaints.clear()
    tab.goto(path.as_uri(), wait_until="load")
    tab.wait_for_function(READY)
    tab.evaluate(WAIT)


@pytest.mark.parametrize("name", NAMES)
def test_slides_can_be_read(folder, tab, name: str) -> None:
    """Nothing overflows, contrast and alternative texts are there, and the file asks nothing of the network."""
    show(tab, folder / f"{name}.html")
    assert tab.evaluate(OVERFLOWS) == []
    tab.evaluate(SPREAD)
    tab.evaluate(AXE_SCRIPT)
    assert tab.evaluate(CHECK, RULES) == []
    assert tab.complaints == []


def test_widgets_live(folder, tab) -> None:
    show(tab, folder / "06-output-sizes.html")
    tab.wait_for_function("() => document.querySelectorAll('.ax-ready').length === 2")
    tab.evaluate("() => { document.querySelector('ax-output-size').settings = { input: 224 }; }")
    assert "54" in tab.locator("ax-output-size .ax-says").inner_text()
    picture = tab.locator("ax-network-explorer image").first.get_attribute("href")
    assert picture.startswith("data:image/")


def test_keys_of_a_widget_turn_no_slide(folder, tab) -> None:
    show(tab, folder / "06-output-sizes.html")
    place = tab.evaluate("""() => {
      const slide = document.querySelector("ax-output-size").closest("section");
      Reveal.slide(Reveal.getSlides().indexOf(slide));
      return Reveal.getIndices().h;
    }""")
    tab.locator("ax-output-size select").first.focus()
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("() => Reveal.getIndices().h") == place
    tab.evaluate("() => document.activeElement.blur()")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("() => Reveal.getIndices().h") == place + 1


def test_the_speaker_has_notes(folder, tab) -> None:
    """The speaker's window runs its script, which the page's policy allows by its checksum."""
    show(tab, folder / "06-output-sizes.html")
    tab.evaluate("() => Reveal.slide(1)")
    with tab.expect_popup() as opened:
        tab.keyboard.press("s")
    notes = opened.value
    notes.wait_for_function("() => document.querySelector('.speaker-controls-notes .value')?.textContent.trim()")
    assert "single chain" in notes.locator(".speaker-controls-notes .value").inner_text()
    notes.close()
    assert not [said for said in tab.complaints if "Content Security Policy" in said]


def test_a_deck_prints_a_page_for_each_slide(folder, browser) -> None:
    from decks.printer import print_deck
    from pypdf import PdfReader

    name = "06-output-sizes"
    pages = PdfReader(print_deck(browser, folder / f"{name}.html")).pages
    assert len(pages) == deck.load(deck.FOLDER / f"{name}.yml").count
    assert float(pages[0].mediabox.width) / float(pages[0].mediabox.height) == pytest.approx(1280 / 720, rel=0.01)
