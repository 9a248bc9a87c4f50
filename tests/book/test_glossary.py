"""The glossary's terms: what the extension finds in a text, and what the built pages link."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from alexbook_site.glossary import Entry, Finder
from bs4 import BeautifulSoup, Tag
from repository import ROOT

HTML = ROOT / "_build" / "html"
GLOSSARY = HTML / "glossary.html"
CHAPTERS = sorted((HTML / "chapters").glob("*.html"))

built = pytest.mark.skipif(not GLOSSARY.is_file(), reason="the book is not built: run `make book`")
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
NOT_TEXT = ["code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "math"]


@cache
def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def terms() -> dict[str, Tag]:
    """Address -> definition of every entry of the glossary's page."""
    return {term["id"]: term.find_next_sibling("dd") for term in soup(GLOSSARY).select("dl.glossary > dt[id]")}


def is_other_word(definition: Tag) -> bool:
    return definition.get_text().strip().startswith("See ")


def links(page: Path) -> list[Tag]:
    return soup(page).select("a.glossary-term")


# --- what is found in a text ------------------------------------------------------------------------------------------


def found(text: str, *forms: str) -> list[tuple[str, str]]:
    """Pairs of what stands in the text and the term that it is taken for."""
    finder = Finder([Entry(form, f"term-{form}", (form,), ()) for form in forms])
    return [(text[start:end], entry.term) for start, end, entry in finder.first_uses(text, set())]


@pytest.mark.parametrize(("text", "forms", "expected"), [
    ("Padding adds zeros.", ["padding"], [("Padding", "padding")]),
    ("two kernels", ["kernel"], [("kernels", "kernel")]),
    ("with losses and biases", ["loss", "bias"], [("losses", "loss"), ("biases", "bias")]),
    ("the kernel's weights", ["kernel"], [("kernel", "kernel")]),
    (f"He{APOSTROPHE}s start", ["He's start"], [(f"He{APOSTROPHE}s start", "He's start")]),
    ("a learning\nrate", ["learning rate"], [("learning\nrate", "learning rate")]),
    ("overlapping pooling", ["pooling", "overlapping pooling"], [("overlapping pooling", "overlapping pooling")]),
    ("a pool and a pool", ["pool"], [("pool", "pool")]),
    ("max-pooling, whirlpool, pool_size", ["pool", "pooling"], []),
    ("He went; he's start", ["He's start"], []),
    ("relu or ReLU", ["ReLU"], [("ReLU", "ReLU")]),
])
def test_finder(text: str, forms: list[str], expected: list[tuple[str, str]]) -> None:
    assert found(text, *forms) == expected


def test_finder_takes_the_first_use_on_a_page() -> None:
    finder, seen = Finder([Entry("stride", "term-stride", ("stride",), ())]), set()
    texts = ("none", "a stride, a stride", "stride")
    assert [[start for start, _, _ in finder.first_uses(text, seen)] for text in texts] == [[], [2], []]


# --- the pages --------------------------------------------------------------------------------------------------------


@built
def test_every_term_is_defined_in_few_words_and_says_where_it_is_explained() -> None:
    defined = [definition for definition in terms().values() if not is_other_word(definition)]
    assert 60 <= len(defined) <= 150  # other words for the same thing may be many
    for address, definition in terms().items():
        if is_other_word(definition):
            target = definition.select_one("a[href]")["href"]
            assert not is_other_word(terms()[target.removeprefix("#")]), address
            continue
        where = [urlsplit(link["href"]) for link in definition.select("a[href]")]
        assert where and all(link.path.startswith("chapters/") and link.fragment for link in where), address
        for link in where:
            section = soup(HTML / link.path).find(id=link.fragment)
            assert section is not None and section.name == "section", link
        assert len(definition.get_text().split()) <= 70, address


@built
def test_every_term_is_linked_from_a_chapter() -> None:
    used = {urlsplit(link["href"]).fragment for page in CHAPTERS for link in links(page)}
    assert used == {address for address, definition in terms().items() if not is_other_word(definition)}


@built
def test_glossary_numbers_are_on_the_page_that_explains_them() -> None:
    for address, definition in terms().items():
        if is_other_word(definition):
            continue
        link = definition.select_one("a[href^='chapters/']")
        words = definition.get_text().replace(link.get_text(), "")
        there = soup(HTML / urlsplit(link["href"]).path).find("article").get_text()
        for number in re.findall(r"\d[\d.,]*(?<![.,])", words):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", there), f"{address}: {number}"


@built
@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_chapter_links_each_term_once_and_only_in_its_text(page: Path) -> None:
    targets = [link["href"] for link in links(page)]
    assert len(targets) >= 10
    assert len(targets) == len(set(targets))
    for link in links(page):
        address = urlsplit(link["href"])
        assert address.path == "../glossary.html" and address.fragment in terms(), link
        assert link.find_parent("p") and not link.find_parent(NOT_TEXT), link
        assert link.find_parent("a") is None and link.find_parent("div", class_="cell_input") is None, link
        assert not any(re.match("exercise-", parent.get("id", "")) for parent in link.parents if parent.name == "p")
