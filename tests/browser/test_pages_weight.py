"""What a reader's first view of a page transfers, and that its policy lets the page work and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_book import EVERY_PAGE, HTML, READY, name_of, needs_chromium, needs_pages
from page_server import serving

# Bytes, gzipped where a server would, figures not counted; what loads once a reader draws or asks is not there yet.
# The landing page is what a reader meets first; Explore has all widgets, and the search page its index.
LIMIT, LIMITS = 300_000, {"index.html": 150_000, "explore.html": 260_000, "search.html": 260_000}
PAGES = [name_of(page) for page in EVERY_PAGE]
FIGURES = re.compile(r"/_images/")

pytestmark = [needs_pages, needs_chromium]


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[str, dict[str, int]]]:
    with serving(HTML) as (address, sent):
        yield address, sent


@pytest.mark.parametrize("page", PAGES)
def test_first_view_is_light_and_within_the_policy(browser, site, page: str, record_property) -> None:
    """A fresh reader: nothing in the cache, the whole page scrolled past."""
    address, sent = site
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab, errors, asked = context.new_page(), [], []
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    sent.clear()
    tab.goto(address + page, wait_until="load")
    tab.wait_for_function(READY)
    tab.evaluate("""async () => {
        for (let y = 0; y < document.body.scrollHeight; y += 800) {
          scrollTo(0, y);
          await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 10)));
        }
    }""")
    tab.wait_for_load_state("networkidle")
    context.close()
    weight = sum(size for path, size in sent.items() if not FIGURES.search(path))
    record_property("bytes", weight)
    print(f"{page}: {weight:,} bytes in {len(sent)} files, and {sum(sent.values()) - weight:,} of figures")
    assert errors == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert any("/_static/style-" in path for path in sent), "the page did not load its own styles"
    assert weight <= LIMITS.get(page, LIMIT), sorted(sent.items(), key=lambda item: -item[1])[:10]


@pytest.mark.parametrize("where", ["http", "file"])
def test_policy_stops_foreign_and_inserted_scripts(browser, site, tmp_path: Path, where: str) -> None:
    """A script from elsewhere, an inline script and a handler that somebody puts into a page do not run."""
    other = tmp_path / "foreign"
    other.mkdir()
    (other / "foreign.js").write_text("window.foreign = true;", encoding="utf-8")
    with serving(other) as (elsewhere, sent):
        context = browser.new_context()
        tab = context.new_page()
        tab.goto(site[0] + "index.html" if where == "http" else (HTML / "index.html").as_uri())
        tab.evaluate("""address => {
            for (const source of [address + "foreign.js", null]) {
              const script = document.createElement("script");
              if (source) script.src = source; else script.textContent = "window.inserted = true;";
              document.body.append(script);
            }
            document.body.insertAdjacentHTML("beforeend", "<img src='x:' onerror='window.handled = true'>");
        }""", elsewhere)
        tab.wait_for_timeout(500)
        assert tab.evaluate("[window.foreign, window.inserted, window.handled]") == [None, None, None]
        assert not sent
        assert tab.evaluate("typeof DOCUMENTATION_OPTIONS.pagename") == "string", "the page's own scripts must run"
        context.close()


@pytest.mark.parametrize("page", PAGES)
def test_page_has_no_inline_handlers(page: str) -> None:
    assert not re.search(r"<[^>]*\son[a-z]+=", re.sub(r"<script.*?</script>", "", (HTML / page).read_text(
        encoding="utf-8"), flags=re.DOTALL))


def test_site_has_no_dead_weight() -> None:
    assert not list(HTML.rglob("*.map"))
    assert not [path for path in HTML.rglob("*") if "fontawesome" in path.name and path.is_file()]
