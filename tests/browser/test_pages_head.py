"""What the pages say of themselves to search engines and messengers, and where their buttons lead."""

import os
import re
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import built_book
import pytest
from alexbook_site import buttons, head, icons
from bs4 import BeautifulSoup
from built_book import HTML, PAGES, ROOT, each
from sphinx.application import Sphinx

BOOK = "AlexNet, Layer by Layer"
built, each_page = built_book.needs_pages, each(PAGES)


@cache
def soup(page: Path) -> BeautifulSoup:
    """The page as far as its title; what follows is most of it, and slow to parse."""
    text = page.read_text(encoding="utf-8")
    return BeautifulSoup(text[:text.index("</h1>")], "html.parser")


def facts(page: BeautifulSoup) -> dict[str, str]:
    """The head's tags by name; none may stand there twice."""
    tags = page.head.select("meta[name], meta[property]")
    found = {tag.get("name") or tag["property"]: tag["content"] for tag in tags}
    assert len(found) == len(tags)
    return found


# --- the built pages --------------------------------------------------------------------------------------------------

@built
@each_page
def test_page_introduces_itself(page: Path) -> None:
    said = facts(soup(page))
    heading = soup(page).find("h1").get_text().rstrip("#").strip()
    assert soup(page).title.get_text() == (BOOK if heading == BOOK else f"{heading} \N{EM DASH} {BOOK}")
    assert soup(page).html["lang"] == "en"
    assert 50 <= len(said["description"]) <= 160
    assert said["og:title"] == heading and said["og:description"] == said["description"]
    assert said["og:type"] == ("article" if page.parent.name == "chapters" else "website")
    assert said["og:site_name"] == BOOK and said["twitter:card"] == "summary_large_image"
    assert len(said["og:image:alt"].split()) > 5


@built
@each_page
def test_preview_is_a_picture_of_the_stated_size(page: Path) -> None:
    said, address = facts(soup(page)), head.book_address()
    image = said["og:image"]
    if address:
        assert image.startswith(address)
    file = HTML / image.removeprefix(address) if address else page.parent / image
    signature, width, height = struct.unpack(">8s8x2I", file.read_bytes()[:24])
    assert signature == b"\x89PNG\r\n\x1a\n"
    assert (width, height) == (int(said["og:image:width"]), int(said["og:image:height"]))


@built
@each_page
def test_address_is_stated_only_if_it_is_known(page: Path) -> None:
    canonical = [link["href"] for link in soup(page).select("link[rel=canonical]")]
    address = head.book_address()
    stated = [f"{address}{page.relative_to(HTML).as_posix()}"] if address else []
    assert canonical == stated
    assert [facts(soup(page))["og:url"]] == stated if address else "og:url" not in facts(soup(page))


@built
def test_no_two_pages_introduce_themselves_alike() -> None:
    for of in (lambda page: facts(page)["description"], lambda page: page.title.get_text()):
        assert len({of(soup(page)) for page in PAGES}) == len(PAGES)


@built
def test_search_page_is_not_a_result_itself() -> None:
    assert facts(soup(HTML / "search.html"))["robots"] == "noindex"
    assert not any("robots" in facts(soup(page)) for page in PAGES)


@built
@each_page
def test_buttons_lead_to_the_books_own_repository_or_are_absent(page: Path) -> None:
    address = buttons.published_address(ROOT)
    whole = built_book.soup(page) if page.stem == "index" else soup(page)
    links = [link["href"] for link in whole.select(".article-header-buttons a[href], .door a[href]")]
    outward = [link for link in links if re.match("https?:", link)]
    if buttons.PLACEHOLDER in address:
        assert outward == []
        return
    place = address.removeprefix("https://github.com/")
    assert all(f"github.com/{place}" in link or f"/github/{place}/" in link for link in outward)
    branch = os.environ.get("BOOK_BRANCH", "main")
    for link in outward:
        if file := re.fullmatch(rf".*/(?:edit/main|blob/{branch})/(.*)", link):
            assert (ROOT / file[1]).is_file(), link


# --- their making -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "short"), [
    ("Short. And sweet.", "Short. And sweet."),
    ("A sentence that is long enough to stand for its page. " + "Another one follows it. " * 9,
     "A sentence that is long enough to stand for its page. Another one follows it. Another one follows it. "
     "Another one follows it. Another one follows it."),
    ("word, " * 40, "word, " * 25 + "word\N{HORIZONTAL ELLIPSIS}"),
])
def test_descriptions_end_with_a_sentence_or_say_that_they_do_not(text: str, short: str) -> None:
    assert head.shorten(text) == short and len(short) <= 160


@pytest.fixture
def built_small(tmp_path: Path, monkeypatch) -> Callable[[str], Path]:
    """Builds a book of two pages with this part of the extension alone, published at an address; its folder."""
    (tmp_path / "source" / "chapters").mkdir(parents=True)
    text = "Title\n=====\n\nWhat *this* page is \"about\" & more.\n\n.. toctree::\n\n   chapters/a\n"
    (tmp_path / "source" / "index.rst").write_text(text, encoding="utf-8")
    (tmp_path / "source" / "chapters" / "a.rst").write_text(text.partition("\n\n..")[0], encoding="utf-8")

    def build(address: str) -> Path:
        monkeypatch.setenv("BOOK_URL", address)
        out = tmp_path / f"built{len(list(tmp_path.iterdir()))}"
        settings = {"extensions": ["alexbook_site.head"], "html_theme": "basic", "html_title": BOOK}
        Sphinx(tmp_path / "source", None, out, out / "trees", "html", settings, status=None, freshenv=True).build()
        return out

    return build


def test_preview_is_found_from_a_folder_and_from_the_web(built_small) -> None:
    out = built_small("")
    assert facts(soup(out / "index.html"))["og:image"] == "_static/preview.png"
    assert facts(soup(out / "chapters" / "a.html"))["og:image"] == "../_static/preview.png"
    out = built_small("https://example.org/book/")
    for name in ("index.html", "chapters/a.html"):
        published = facts(soup(out / name))
        assert published["og:image"] == "https://example.org/book/_static/preview.png"
        assert published["og:url"] == f"https://example.org/book/{name}"


def test_a_description_is_the_first_paragraph_as_it_is_read(built_small) -> None:
    said = facts(soup(built_small("") / "index.html"))
    assert said["description"] == said["og:description"]
    assert re.fullmatch("What this page is .about. & more.", said["description"])


@pytest.mark.parametrize("name", ["fas fa-rocket", "fa-solid fa-list", "search", "fab fa-github", "fas fa-unknown"])
def test_an_icon_is_a_drawing_whatever_the_theme_calls_it(name: str) -> None:
    drawn = BeautifulSoup(icons.icon(name), "html.parser").svg
    assert drawn["aria-hidden"] == "true" and "icon" in drawn["class"] and drawn.find("path")["d"]


@built
@each_page
def test_no_icon_is_left_to_a_font(page: Path) -> None:
    assert not built_book.soup(page).select("[class*='fa-']")


@pytest.mark.parametrize("url", ["https://example.org/book", "https://example.org/book/"])
def test_book_url_is_the_base_of_every_address(monkeypatch, url: str) -> None:
    monkeypatch.setenv("BOOK_URL", url)
    assert head.book_address() == "https://example.org/book/"


def configured(monkeypatch, folder: Path, repository: str, **environment: str) -> SimpleNamespace:
    """What the settings are for a book whose pyproject.toml names a repository, and in which environment."""
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "BOOK_BRANCH", "BOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (folder / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{repository}"\n', encoding="utf-8")
    options = {"repository_url": "https://github.com/executablebooks/jupyter-book", "launch_buttons": {"binder": "x"}}
    config = SimpleNamespace(html_theme_options=options, html_context={}, html_baseurl="")
    buttons.set_buttons(SimpleNamespace(srcdir=folder), config)
    return config


def test_without_an_address_there_are_no_buttons(monkeypatch, tmp_path: Path) -> None:
    config = configured(monkeypatch, tmp_path, "https://github.com/OWNER/book")
    assert config.html_theme_options == {"launch_buttons": {}} and config.html_context == {}


@pytest.mark.parametrize(("repository", "environment"), [
    ("https://github.com/teacher/book", {}),
    ("https://github.com/OWNER/book", {"GITHUB_REPOSITORY": "teacher/book"}),
    ("https://github.com/someone/else", {"GITHUB_REPOSITORY": "teacher/book"}),
])
def test_buttons_point_at_the_repository_that_is_built(monkeypatch, tmp_path: Path, repository, environment) -> None:
    config = configured(monkeypatch, tmp_path, repository, BOOK_BRANCH="colab", **environment)
    options = config.html_theme_options
    assert options["repository_url"] == "https://github.com/teacher/book"
    assert options["launch_buttons"] == {"colab_url": "https://colab.research.google.com"}
    assert options["repository_branch"] == "colab"
    assert config.html_context["edit_page_url_template"] == "https://github.com/teacher/book/edit/main/{{ file_name }}"
