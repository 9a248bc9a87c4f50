"""Numbers of figures and equations: all of them, in order, with addresses, and beside formulas on a phone."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from built_book import CHROMIUM, HTML
from repository import CHAPTERS

pytestmark = pytest.mark.skipif(not (HTML / "index.html").is_file(), reason="the book is not built: run `make book`")
each_chapter = pytest.mark.parametrize("notebook", CHAPTERS, ids=lambda path: path.stem)


def page(notebook: Path) -> Path:
    return HTML / "chapters" / f"{notebook.stem}.html"


@cache
def article(notebook: Path) -> BeautifulSoup:
    return BeautifulSoup(page(notebook).read_text(encoding="utf-8"), "html.parser").find("article")


@cache
def cells(notebook: Path) -> list[dict]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


def drawn(notebook: Path) -> int:
    """How many figures the notebook holds: images and drawings that its cells show, images in its text."""
    count = 0
    for cell in cells(notebook):
        if cell["cell_type"] == "markdown":
            count += len(re.findall(r"^!\[", "".join(cell["source"]), flags=re.MULTILINE))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text = "".join(data.get("text/html", []))
            count += "<svg" in text if text else any(kind.startswith("image/") for kind in data)
    return count


def displayed(notebook: Path) -> int:
    """How many equations the notebook's text sets on lines of their own."""
    texts = ("".join(cell["source"]) for cell in cells(notebook) if cell["cell_type"] == "markdown")
    return sum(len(re.findall(r"\$\$.+?\$\$", text, flags=re.DOTALL)) for text in texts)


def test_there_is_something_to_number() -> None:
    assert sum(map(drawn, CHAPTERS)) > 100 and sum(map(displayed, CHAPTERS)) > 20


@each_chapter
def test_figures_are_numbered(notebook: Path) -> None:
    chapter, found = int(notebook.name[:2]), article(notebook).find_all("figure")
    assert [figure["id"] for figure in found] == [f"figure-{chapter}-{n}" for n in range(1, drawn(notebook) + 1)]
    for number, figure in enumerate(found, 1):
        assert figure.select_one("figcaption .figure-number").get_text() == f"Figure {chapter}.{number}"
        assert figure.select_one("figcaption a.headerlink")["href"] == f"#{figure['id']}"
        assert figure.find(["img", "svg"]) and figure.find_parent("figure") is None
        image = figure.find("img")
        assert not image or image["alt"] not in figure.figcaption.get_text(), "the alternative text is said twice"
    outside = [image for image in article(notebook).select("div.cell_output img") if not image.find_parent("figure")]
    assert outside == []


@each_chapter
def test_figures_are_said_in_words(notebook: Path) -> None:
    """A caption beyond the number, said once, and for those who do not see the figure what it shows."""
    for figure in article(notebook).find_all("figure"):
        number = figure.select_one(".figure-number").get_text()
        words = figure.figcaption.get_text(" ").partition(number)[2].rstrip("# \n").split()
        assert len(words) >= 4, f"{number} has no caption in words; it is {' '.join(words)!r}"
        for picture in figure.find_all("img"):
            assert len(picture["alt"].split()) >= 4, number
        for drawing in figure.find_all("svg"):
            title = drawing.title.get_text() if drawing.title else ""
            assert len((drawing.get("aria-label") or title).split()) >= 2, number


@each_chapter
def test_captions_are_the_words_below(notebook: Path) -> None:
    """A cell whose metadata have a caption has no second one below: a paragraph that begins with a title in italics."""
    text = cells(notebook)
    for place, cell in enumerate(text):
        if "figure" in cell["metadata"].get("mystnb", {}):
            below = next((other for other in text[place + 1:] if other["cell_type"] == "markdown" or
                          any("svg" in kind for out in other["outputs"] for kind in out.get("data", ()))), None)
            assert below is None or below["cell_type"] == "code" or not re.match(
                r"\*[^* ]", "".join(below["source"])), "".join(below["source"])[:80]


@each_chapter
def test_equations_are_numbered(notebook: Path) -> None:
    chapter, found = int(notebook.name[:2]), article(notebook).select("div.math")
    assert [math.get("id") for math in found] == [f"equation-{chapter}-{n}" for n in range(1, displayed(notebook) + 1)]
    for number, math in enumerate(found, 1):
        assert math.select_one(".eqno").get_text().startswith(f"({chapter}.{number})")
        assert math.select_one(".eqno a.headerlink")["href"] == f"#{math['id']}"


@each_chapter
def test_addresses_are_unique(notebook: Path) -> None:
    names = [tag["id"] for tag in article(notebook).select("[id^='figure-'], [id^='equation-']")]
    assert len(names) == len(set(names)) and len(names) >= drawn(notebook) + displayed(notebook)


# --- on a phone -------------------------------------------------------------------------------------------------------

NUMBERED = "article :is(figure[id], figure[id] figcaption, .eqno)"
OUTSIDE = """parts => [...document.querySelectorAll(parts)].filter(element => {
  if (element.closest("details:not([open])")) return false;
  const box = element.getBoundingClientRect();
  return box.left < 0 || box.right > document.documentElement.clientWidth + 1 || !box.width;
}).map(element => element.outerHTML.slice(0, 120))"""
COVERED = """() => [...document.querySelectorAll('article div.math')].filter(math => {
  const number = math.querySelector('.eqno').getBoundingClientRect();
  const formula = math.querySelector('.formula').getBoundingClientRect();
  return formula.right > number.left + 1 && formula.bottom > number.top + 1 && number.bottom > formula.top + 1
    && formula.left < number.right;
}).map(math => math.id)"""


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
@pytest.mark.parametrize("notebook", filter(displayed, CHAPTERS), ids=lambda path: path.stem)
def test_numbers_are_within_a_phone(browser, notebook: Path) -> None:
    """Each number lies within the screen, folded ones too, and none on its formula (test_book.py looks at figures)."""
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.goto(page(notebook).as_uri(), wait_until="load")
    tab.evaluate("for (const fold of document.querySelectorAll('article details')) fold.open = true")
    tab.evaluate("() => document.fonts.ready.then(() => true)")
    assert tab.evaluate(OUTSIDE, NUMBERED) == []
    assert tab.evaluate(COVERED) == []
    tab.close()
