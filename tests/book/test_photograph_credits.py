"""The photographs' credits on their page: all of them, as the package has them, reached from where they are shown."""

import json

from alexbook import package_data
from built_book import HTML, needs_pages, soup

pytestmark = needs_pages


def test_every_photograph_has_its_picture_title_author_license_and_origin() -> None:
    credited = json.loads((package_data.folder() / "photographs" / "photographs.json").read_text(encoding="utf-8"))
    entries = soup(HTML / "photographs.html").select(".photograph-credit")
    assert [entry["id"] for entry in entries] == [f"photograph-{name}" for name in credited]
    for entry, (name, about) in zip(entries, credited.items(), strict=True):
        words = entry.get_text().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        assert about["title"] in words and f"({name})" in words
        assert about["author"] in words and about["license"].lower() in words.lower()
        assert entry.select_one("p a[href]")["href"] == about["source"]
        picture = entry.select_one("img")
        assert picture["alt"] == about["title"] and (HTML / picture["src"]).is_file()


def test_the_chapter_that_shows_them_leads_there() -> None:
    links = soup(HTML / "chapters" / "12-photographs.html").select("article a[href]")
    assert any(link["href"].startswith("../photographs.html") for link in links)
