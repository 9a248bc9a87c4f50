"""The book's search: an index of its sections, written with the pages, which ``search.js`` asks in the browser.

A place is a section, an exercise, a question of a quiz or an entry of the glossary (:mod:`.places` reads them from the
finished pages, with tables and what cells print). :mod:`.index` weighs each word of each place; what the field calls a
thing comes from the glossary (``% forms:`` and ``% search:``). Sphinx's own index knows pages, no tables, and numbers
only with their commas; lunr has had no release since 2020; MiniSearch would need the whole text in the reader's browser
to make its index there.

``search/`` beside the pages holds scripts, as a page opened from a file may load a script, but not fetch a file: the
search, the index, and each page's text, of which results show an excerpt.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.search.en import js_porter_stemmer

from .. import chapters
from ..private_api import leave_out_search_index
from .index import STOP_WORDS, build
from .places import KINDS, Place, read

FOLDER = "search"
HERE = Path(__file__).parent
NO_TEXT = {"search", "genindex"}
LAST = 700  # of the extension's listeners: the pages are published by then


def aliases(entries: Iterable) -> dict[tuple[str, str], list[str]]:
    """What the glossary calls its entries and the sections that explain them: (page, address) -> words."""
    found: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        words = [entry.term, *entry.forms, *entry.sought]
        for place in (("glossary", entry.address), *entry.explained):
            found.setdefault(place, []).extend(words)
    return found


def titled(place: Place, number: int | None) -> str:
    """What a result says of the page: ``8 AlexNet in PyTorch``."""
    return f"{number} {place.page_title}" if number else place.page_title


def write(folder: Path, places: list[Place], names: dict[tuple[str, str], list[str]]) -> None:
    """The search's scripts for these places."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = list(dict.fromkeys(place.page for place in places))
    title = {place.page: titled(place, chapters.number(place.page)) for place in places}
    data = {
        "pages": [[page, title[page]] for page in pages],
        "kinds": [[name, weight] for name, weight in KINDS.values()],
        "places": [[pages.index(place.page), place.address, place.heading, list(KINDS).index(place.kind)]
                   for place in places],
        **build(places, names),
    }
    stop = json.dumps(sorted(STOP_WORDS))
    code = (HERE / "search.js").read_text(encoding="utf-8")
    (folder / "search.js").write_text(f"{js_porter_stemmer}\n{code}", encoding="utf-8")
    (folder / "index.js").write_text(f"bookSearch.know({_json(data)}, {stop});\n", encoding="utf-8")
    for number, page in enumerate(pages):
        texts = {at: place.shown for at, place in enumerate(places) if place.page == page}
        (folder / f"text-{number}.js").write_text(f"bookSearch.read({number}, {_json(texts)});\n", encoding="utf-8")


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def on_finished(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.name != "html":
        return
    root = Path(app.outdir)
    places = [place for name in sorted(app.env.found_docs - NO_TEXT) for place in
              read(name, (root / f"{name}.html").read_text(encoding="utf-8"))]
    write(root / FOLDER, places, aliases(app.env.glossary_entries))


def search_page(app: Sphinx) -> Iterable[tuple[str, dict, str]]:
    """The page itself, which Sphinx makes only with an index of its own, and its style, before sheets are joined."""
    if app.builder.name == "html":
        folder = Path(app.outdir) / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "search.css").write_text((HERE / "search.css").read_text(encoding="utf-8"), encoding="utf-8")
        yield "search", {}, "search.html"


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", leave_out_search_index)
    app.connect("html-collect-pages", search_page)
    app.connect("build-finished", on_finished, priority=LAST)
