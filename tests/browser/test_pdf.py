"""The book on paper: whole, in order, its solutions at the end, every link and number right, nothing cut off."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest
from alexbook_site.chapters import number
from alexbook_site.widgets import WIDGETS
from built_book import CHROMIUM, HTML
from chromium import MISSING
from printing import code, document, pages, printer
from printing.__main__ import make
from pypdf import PdfReader
from pypdf.generic import Destination
from repository import CHAPTERS, ROOT

MILLIMETER = 96 / 25.4  # in pixels of a stylesheet
TEXT_WIDTH = (210 - 2 * 18) * MILLIMETER
PATHS = os.pathsep.join(str(ROOT / name) for name in ("tools", "_ext"))  # as the Makefile sets it

needs_chromium = pytest.mark.skipif(not CHROMIUM or not (HTML / "index.html").is_file(),
                                    reason="Chromium is not installed, or the book is not built")


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "printing", *arguments], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": PATHS} | environment)


# --- without a browser ------------------------------------------------------------------------------------------------

FIRST = """<nav class="bd-links"><a href="#">Home</a><p class="caption">Part &amp; one</p><ul>
<li class="toctree-l1"><a href="chapters/01-one.html">One</a></li>
<li class="toctree-l1"><a href="chapters/02-two.html">Two</a></li>
<li class="toctree-l1"><a href="more.html">More</a></li></ul></nav>
<article><section id="home"><h1>The book<a class="headerlink" href="#home">#</a></h1><p>What it is about.</p>
<div class="lead-picture"><svg></svg></div></section></article>"""
CHAPTER = """<article><section id="top">
<h1><span class="chapter-number">{number}</span> {title}</h1>
<details class="hide"><summary>Show</summary><pre>kept</pre></details>
<div class="cell"><details class="hide"><summary>Show</summary><pre>{setup}</pre></details></div>
<p>See <a href="{other}#exercise-1">there</a>, <a href="../index.html">home</a>, <a href="#exercise-1">here</a>,
<a href="https://example.org/x#y">far away</a>. <img src="../_images/a.png" loading="lazy"></p>
<svg aria-labelledby="t d"><title id="t">T</title><desc id="d">D</desc></svg>
<details><summary>By hand</summary><p>stays</p></details>
<section id="exercises"><h2>Exercises</h2><p id="exercise-1"><strong>1. <em>Do</em> it</strong> (easy).</p>
<details><summary>Hint</summary><p>a hint</p></details>
<details><summary>Solution</summary><p>{title}'s secret, 1 &lt; 2</p><pre><b>x</b></pre></details></section>
<section id="check-yourself"><h2>Check yourself</h2><fieldset class="quiz-question" id="question-1">
<legend>Why?</legend><ol><li>Because</li></ol>
<details class="quiz-reasons"><summary>Answer</summary><p>Right is A.</p></details></fieldset>
</section></section></article>"""


@pytest.fixture
def small_book(tmp_path: Path) -> Path:
    """A built book of two chapters and a page."""
    (tmp_path / "chapters").mkdir()
    (tmp_path / "index.html").write_text(FIRST, encoding="utf-8")
    for place, name, title, other in ((1, "01-one", "One", "02-two.html"), (12, "02-two", "Two", "01-one.html")):
        text = CHAPTER.format(number=place, title=title, other=other, setup=escape(pages.SETUP))
        (tmp_path / "chapters" / f"{name}.html").write_text(text, encoding="utf-8")
    (tmp_path / "more.html").write_text('<article><h1 id="exercise-1">More</h1></article>', encoding="utf-8")
    return tmp_path


def test_addresses_are_unique_and_links_lead_to_their_chapter(small_book: Path) -> None:
    soup = pages.parse(document.document(small_book, "A4"))
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for link in soup.select("a[href^='#']"):
        assert link["href"][1:] in ids, link
    assert [link["href"] for link in soup.find(id="01-one").p.find_all("a")] == [
        "#02-two--exercise-1", "#index", "#01-one--exercise-1", "https://example.org/x#y"]
    assert soup.find(id="02-two").svg["aria-labelledby"] == "02-two--t 02-two--d"
    assert soup.find(id="02-two").img["src"] == (small_book / "_images" / "a.png").as_uri()


def test_words_stay_where_a_link_leads_to_what_is_beside_the_pages(small_book: Path) -> None:
    path = small_book / "chapters" / "01-one.html"
    path.write_text(path.read_text(encoding="utf-8").replace("../index.html", "../slides/index.html"), encoding="utf-8")
    links = pages.parse(document.document(small_book, "A4")).find(id="01-one").p.find_all("a")
    assert (links[1].get_text(), links[1].get("href")) == ("home", None)


def test_solutions_and_answers_move_to_the_end_and_the_rest_stays(small_book: Path) -> None:
    soup = pages.parse(document.document(small_book, "A4"))
    chapter, end = soup.find(id="01-one"), soup.find(id="solutions")
    assert "secret" not in chapter.get_text() and "Right is" not in chapter.get_text()
    assert "a hint" in chapter.get_text() and "stays" in chapter.get_text() and "kept" in chapter.get_text()
    assert all(folded.has_attr("open") for folded in soup.find_all("details"))
    assert pages.SETUP.splitlines()[0] not in soup.get_text()
    assert end.find_next("article") is None, "something comes after the solutions"
    for name, title in (("01-one", "One"), ("02-two", "Two")):
        solution = end.find(id=f"{name}--solution-1")
        assert solution.h3.decode_contents() == "1. <em>Do</em> it"
        assert f"{title}'s secret, 1 < 2" in solution.get_text() and solution.pre.b
        assert solution.a["href"] == f"#{name}--exercise-1"
        assert soup.find(id=name).select_one(".to-solution a")["href"] == f"#{name}--solution-1"
        assert end.find(id=f"{name}--answer-1").a["href"] == f"#{name}--question-1"


def test_code_says_the_same_on_paper_and_fits() -> None:
    block = ('<pre><span></span><span class="n">a</span><span class="w"> </span><span class="o">&lt;</span> '
             '<span class="mi">1</span>\n</pre>')
    assert code.for_paper(block) == '<pre class="short">a &lt; <span class="mi">1</span>\n</pre>'
    assert code.words(block) == "a < 1"
    assert 'style="--columns: 99"' in code.for_paper(f"<pre>{'&lt;' * 99}\nb</pre>")
    assert "style" not in code.for_paper(f"<pre>{'&lt;' * 98}</pre>")
    assert "short" not in code.for_paper("<pre>" + "a\n" * 21 + "</pre>")


def test_title_page_and_contents(small_book: Path) -> None:
    soup = pages.parse(document.document(small_book, "A4"))
    assert soup.header.find(class_="subtitle").get_text() == "What it is about." and soup.header.svg
    names = [link.span.get_text() for link in soup.nav.select(".chapter-entry > a")]
    assert names == ["About this book", "1. One", "12. Two", "More", "Solutions"]
    assert [part.get_text() for part in soup.nav.select(".part")] == ["Part & one", "Appendix"]
    assert [h1.get_text() for h1 in soup.select("article h1")] == names


@pytest.mark.parametrize(("old", "new", "words"), [
    ("../index.html", "../lost.html", "01-one.html links to ../lost.html"),
    ('id="exercise-1"', "", "01-one.html has a solution without an exercise"),
    ("<article>", "<div>", "01-one.html has no article"),
])
def test_what_cannot_be_printed_is_said(small_book: Path, old: str, new: str, words: str) -> None:
    page = small_book / "chapters" / "01-one.html"
    page.write_text(page.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(pages.Unprintable, match=re.escape(words)):
        document.document(small_book, "A4")


def test_missing_chromium_is_one_sentence(tmp_path: Path) -> None:
    result = command("--to", str(tmp_path / "book.pdf"), PATH=str(tmp_path))
    assert result.returncode == 1 and result.stdout == "" and result.stderr == f"The book is not printed. {MISSING}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [printer.NotPrinted("broken"), KeyboardInterrupt()])
def test_failing_leaves_what_was_there(small_book: Path, tmp_path: Path, monkeypatch, failure) -> None:
    def fail(path: Path) -> bytes:
        assert path.is_file()
        raise failure

    monkeypatch.setattr("printing.__main__.find", lambda: "chromium")
    monkeypatch.setattr("printing.__main__.print_document", fail)
    target = tmp_path / "pdf" / "book.pdf"
    target.parent.mkdir()
    target.write_bytes(b"yesterday's")
    with pytest.raises(type(failure)):
        make(small_book, target, "A4")
    assert list(target.parent.iterdir()) == [target] and target.read_bytes() == b"yesterday's"


def test_failing_to_write_leaves_nothing(small_book: Path, tmp_path: Path, monkeypatch) -> None:
    def full(path: Path, target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("printing.__main__.find", lambda: "chromium")
    monkeypatch.setattr("printing.__main__.print_document", lambda path: b"%PDF")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        make(small_book, tmp_path / "pdf" / "book.pdf", "A4")
    assert list((tmp_path / "pdf").iterdir()) == []


# --- the PDF ----------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> PdfReader:
    target = tmp_path_factory.mktemp("pdf") / "book.pdf"
    make(HTML, target, "A4")
    return PdfReader(target)


@pytest.fixture(scope="module")
def places(printed: PdfReader) -> dict[str, int]:
    """Address in the document -> page, counted from 1."""
    numbers = {page.indirect_reference.idnum: place for place, page in enumerate(printed.pages, 1)}
    return {name.removeprefix("/"): numbers[there.page.idnum] for name, there in printed.named_destinations.items()}


def plain(text: str) -> str:
    """Words alone: without the marks that Markdown, typography and the breaking of lines add or take away."""
    return re.sub(r"[\W_]+", "", re.sub(r"[`*$]|\\\w+", "", text)).casefold()


def headings(notebook: Path) -> Iterator[tuple[int, str]]:
    """A chapter's headings with their levels, from the notebook, and that of its quiz."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    found = re.findall(r"^(#{1,3}) (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE),
                       re.MULTILINE)
    for marks, title in found:
        if title == "Further reading":
            yield 2, "Check yourself"
        yield len(marks), title


def outline(entries: list, level: int = 1) -> Iterator[tuple[int, str]]:
    for entry in entries:
        if isinstance(entry, Destination):
            yield level, entry.title
        else:
            yield from outline(entry, level + 1)


@needs_chromium
def test_pages_are_many_and_on_paper(printed: PdfReader) -> None:
    assert 300 < len(printed.pages) < 700
    sizes = {tuple(round(float(side) / 72 * 25.4) for side in page.mediabox[2:]) for page in printed.pages}
    assert sizes == {(210, 297)}


@needs_chromium
def test_bookmarks_are_the_chapters_with_their_sections(printed: PdfReader) -> None:
    found = [(level, plain(title)) for level, title in outline(printed.outline)]
    expected = [(level, plain(f"{number(path.stem)}. {title}" if level == 1 else title))
                for path in CHAPTERS for level, title in headings(path)]
    start = found.index(expected[0])
    assert found[start:start + len(expected)] == expected
    assert [title for level, title in found if level == 1][-1] == "solutions"


@needs_chromium
def test_each_chapter_begins_a_page_with_its_title(printed: PdfReader, places: dict[str, int]) -> None:
    starts = [places[path.stem] for path in CHAPTERS]
    assert starts == sorted(set(starts))
    for path, start in zip(CHAPTERS, starts, strict=True):
        title = next(headings(path))[1]
        assert plain(title) in plain(printed.pages[start - 1].extract_text()), title


@needs_chromium
def test_solutions_stand_at_the_end_and_nowhere_else(places: dict[str, int]) -> None:
    """As many as the notebooks fold away, each after the appendix begins; each exercise before."""
    begin = places["solutions"]
    for path in CHAPTERS:
        count = path.read_text(encoding="utf-8").count("<summary>Solution</summary>")
        kinds = {kind: [page for name, page in places.items() if name.startswith(f"{path.stem}--{kind}-")]
                 for kind in ("solution", "exercise", "answer", "question")}
        assert len(kinds["solution"]) == len(kinds["exercise"]) == count
        assert 4 <= len(kinds["answer"]) == len(kinds["question"])
        assert all(page >= begin for page in kinds["solution"] + kinds["answer"])
        assert all(page < begin for page in kinds["exercise"] + kinds["question"])


@needs_chromium
def test_links_lead_to_a_place_in_the_book_or_to_the_web(printed: PdfReader, places: dict[str, int]) -> None:
    inside = 0
    for page in printed.pages:
        for link in (reference.get_object() for reference in page.get("/Annots", [])):
            if "/Dest" in link:
                assert str(link["/Dest"]).removeprefix("/") in places
                inside += 1
            else:
                assert re.match(r"https?://", link["/A"]["/URI"]), link["/A"]["/URI"]
    assert inside > 1000


@needs_chromium
def test_numbers_in_the_contents_and_below_the_pages_are_right(printed: PdfReader, places: dict[str, int]) -> None:
    text = "\n".join(printed.pages[place].extract_text() for place in range(1, places["index"] - 1))
    listed = re.findall(r"^(\d+)\. \D.*?(\d+)$", text.partition("APPENDIX")[0], re.MULTILINE)
    assert [int(number) for _, number in listed] == [places[path.stem] for path in CHAPTERS]
    for place in range(1, len(printed.pages), 20):
        assert str(place + 1) in printed.pages[place].extract_text().split("\n"), f"page {place + 1}"


# --- its layout, in the browser ---------------------------------------------------------------------------------------

TOO_WIDE = """width => [...document.querySelectorAll('body *')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.right > width + 1 && box.width > 2 && !element.closest('svg *');
}).map(element => element.outerHTML.slice(0, 120))"""
CUT = """() => [...document.querySelectorAll('pre, td, th, table, .cell_output, figure')].filter(
    element => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX !== 'visible'
).map(element => element.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory) -> Iterator:
    path = tmp_path_factory.mktemp("layout") / "book.html"
    path.write_text(document.document(HTML, "A4"), encoding="utf-8")
    page = browser.new_page(viewport={"width": round(TEXT_WIDTH), "height": 1000}, color_scheme="light")
    page.emulate_media(media="print")
    page.goto(path.as_uri())
    page.evaluate(printer.READY)
    yield page
    page.close()


@needs_chromium
def test_nothing_is_wider_than_the_paper(tab) -> None:
    assert tab.evaluate(TOO_WIDE, TEXT_WIDTH) == []
    assert tab.evaluate(CUT) == []


@needs_chromium
def test_formulas_are_set(tab) -> None:
    formulas = tab.locator(".math").count()
    assert formulas > 400 and tab.locator(".math math").count() == formulas
    prose = tab.evaluate("""() => [...document.querySelectorAll('p, li, td, th, dd, legend, h1, h2, h3')].map(
        element => [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data).join(' '))""")
    assert [text for text in prose if re.search(r"\\\[|\\\(|\$\$", text)] == []


@needs_chromium
def test_pictures_are_there_and_widgets_are_words(tab) -> None:
    assert tab.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)") == []
    words = tab.locator(", ".join(WIDGETS)).all_inner_texts()
    assert len(words) >= 10 and all(len(text.split()) > 15 for text in words)


# --- the cheat sheet, printed from its page ---------------------------------------------------------------------------


@needs_chromium
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("margin", ["0", "15mm"])
def test_cheat_sheet_prints_on_two_pages_that_can_be_read(browser, paper: str, margin: str) -> None:
    """With its title, every section, and nothing smaller than 9 points; a browser's margins are about 10 mm."""
    sizes = """() => [...document.querySelectorAll('.bd-article :is(h1, h2, p, td, th, code)')]
        .filter(one => one.offsetHeight).map(one => parseFloat(getComputedStyle(one).fontSize) * 0.75)"""
    tab = browser.new_page()
    tab.emulate_media(media="print", color_scheme="light")
    tab.goto((HTML / "cheat-sheet.html").as_uri())
    tab.evaluate(printer.READY)
    smallest = min(tab.evaluate(sizes))
    printed = tab.pdf(format=paper, margin=dict.fromkeys(("top", "right", "bottom", "left"), margin))
    tab.close()
    first, second = (page.extract_text() for page in PdfReader(io.BytesIO(printed)).pages)
    assert "Cheat sheet" in first and "AlexNet, as it ran in 2012" in first and smallest >= 9
    assert "LeNet-5, as it is written today" in second and "Two settings compared" in second
    assert "scrolls sideways" not in first + second
