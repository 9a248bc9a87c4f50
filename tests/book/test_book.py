"""The pages that `make book` made: whole, self-contained, and fit to be read, with Chromium where there is one."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from alexbook_site.chapters import Chapter, chapters
from built_book import HTML, PAGES, READY, ROOT, each, needs_chromium, needs_pages, soup
from repository import CHAPTERS

pytestmark = needs_pages
each_page = each(PAGES)
# What joins the pages only when they are published (.github/workflows/pages.yml).
WHEN_PUBLISHED = ("slides/index.html", "downloads/alexnet-layer-by-layer-notebooks.zip")


def title(chapter: Chapter) -> str:
    """A chapter's title as its page shows it."""
    return chapter.title.replace("`", "").replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")


def test_every_chapter_is_a_page_and_in_the_contents() -> None:
    contents = soup(HTML / "index.html").select("nav.bd-links a.reference.internal")
    links = [link["href"] for link in contents if link["href"].startswith("chapters/")]
    assert links == [f"chapters/{path.stem}.html" for path in CHAPTERS]
    assert all((HTML / link).is_file() for link in links)


def test_a_chapter_shows_its_number_with_its_title() -> None:
    """On its page, in the contents beside every page, in the browser's tab, and where the page before leads to it."""
    in_contents = {link["href"]: link for link in soup(HTML / "index.html").select("nav.bd-links a.reference.internal")}
    for chapter in chapters(ROOT):
        name, shown = f"chapters/{chapter.path.stem}.html", f"{chapter.number} {title(chapter)}"
        page = soup(HTML / name)
        assert page.h1.select_one(".chapter-number").get_text() == str(chapter.number)
        assert page.h1.get_text().rstrip("#") == shown == in_contents[name].get_text()
        assert page.title.get_text().startswith(f"{shown} \N{EM DASH} ")
        before = soup((HTML / name).parent / page.select_one(".left-prev")["href"])
        assert before.select_one(".right-next .prev-next-title").get_text() == shown


def test_contents_name_only_what_exists() -> None:
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    for entry in (entry for part in parts for entry in part["chapters"]):
        patterns = [entry["glob"]] if "glob" in entry else [f"{entry['file']}.ipynb", f"{entry['file']}.md"]
        assert any(list(ROOT.glob(pattern)) for pattern in patterns), entry


def test_nothing_else_is_published() -> None:
    names = {page.relative_to(HTML).with_suffix("").as_posix() for page in PAGES}
    extra = {path.stem for path in ROOT.glob("*.md")} | {f"chapters/{p.stem}" for p in (ROOT / "chapters").iterdir()}
    assert names <= extra
    assert names.isdisjoint({"README", "CONTRIBUTING"})


def test_landing_page_maps_the_book() -> None:
    listed = soup(HTML / "index.html").select(".chapter-list dt a")
    assert [link.get_text() for link in listed] == [title(chapter) for chapter in chapters(ROOT)]
    numbers = soup(HTML / "index.html").select(".chapter-list dt .chapter-number")
    assert [int(number.get_text()) for number in numbers] == [chapter.number for chapter in chapters(ROOT)]
    assert all(len(item.get_text().split()) > 5 for item in soup(HTML / "index.html").select(".chapter-list dd"))


def test_every_work_of_the_bibliography_has_a_link() -> None:
    works = soup(HTML / "bibliography.html").select(".citation")
    assert len(works) == len(re.findall("^@", (ROOT / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))
    alone, = (work.get_text() for work in works if not work.select("p a.external"))
    assert "The Architecture that Revolutionized Computer Vision" in alone  # the copy that the errata read has none


@each_page
def test_pictures_say_what_they_show(page: Path) -> None:
    for image in soup(page).select("article img"):
        alt = image.get("alt", "")
        assert len(alt) > 5 and not re.search(r"[0-9a-f]{32}|\.(png|svg)$", alt), image


@each_page
def test_what_page_needs_is_in_the_book(page: Path) -> None:
    for tag in soup(page).select("script[src], link[href], img[src], iframe[src], source[src]"):
        parts = urlsplit(tag.get("src") or tag["href"])
        if parts.scheme != "data" and tag.get("rel") != ["canonical"]:
            assert not parts.netloc and (page.parent / unquote(parts.path)).is_file(), tag


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in soup(page).select("a[href]"):
        parts = urlsplit(link["href"])
        if parts.scheme or parts.netloc or parts.path in WHEN_PUBLISHED:
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        assert target.is_file() and target.is_relative_to(HTML), link
        if parts.fragment and target.suffix == ".html":
            assert soup(target).find(id=unquote(parts.fragment)), link


@each_page
def test_page_shows_no_machine_and_no_error(page: Path) -> None:
    article = soup(page).find("article").get_text()
    assert not re.search(r"/home/\w+/|/Users/\w+/|site-packages|Traceback \(most recent call last\)", article)
    assert "executablebooks/jupyter-book" not in page.read_text(encoding="utf-8"), "a button of Jupyter Book's own"


# --- in the browser ---------------------------------------------------------------------------------------------------

SCREENS = [(1440, 900), (820, 1180), (390, 844)]  # a desktop, a tablet, a phone
OVERFLOW = """() => [...document.querySelectorAll('article *')].filter(element => {
  for (let e = element; e; e = e.parentElement)
    if (/auto|scroll|hidden/.test(getComputedStyle(e).overflowX)) return false;
  return element.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map(element => element.outerHTML.slice(0, 100))"""


CUT_CODE = """() => [...document.querySelectorAll("article .cell_input pre")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.textContent.slice(0, 100))"""


@needs_chromium
@each_page
def test_page_in_the_browser(browser, page: Path) -> None:
    """From a file, offline: no script errors, nothing missing or fetched, math set, nothing wider than the screen.

    And the 79 columns of code need no scrolling on any screen but a phone's.
    """
    context = browser.new_context(offline=True)
    tab, errors, fetched, missing = context.new_page(), [], [], []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("request", lambda request: fetched.append(request.url))
    tab.on("requestfailed", lambda request: missing.append(request.url))
    for width, height in SCREENS:
        tab.set_viewport_size({"width": width, "height": height})
        tab.goto(page.as_uri(), wait_until="load")
        tab.wait_for_function(READY)
        assert tab.locator("article .math math").count() == tab.locator("article .math").count()
        for theme in ("light", "dark"):
            tab.emulate_media(color_scheme=theme)
            tab.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
            assert tab.evaluate(OVERFLOW) == [], (width, theme)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
            assert width == 390 or tab.evaluate(CUT_CODE) == [], (width, theme)
    assert errors == [] and missing == []
    assert [url for url in fetched if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


@each_page
def test_code_has_colors_for_both_themes(page: Path) -> None:
    document = soup(page)
    if document.select_one("div.highlight span"):
        sheets = "".join((page.parent / link["href"].partition("?")[0]).read_text(encoding="utf-8")
                         for link in document.select('link[rel="stylesheet"]'))
        for theme in ("light", "dark"):
            assert re.search(rf'data-theme="?{theme}"?\] \.highlight \.k\b', sheets), theme
