"""What is done to the finished pages, before anybody reads them.

Each page loses what it does not use (Font Awesome, search scripts, unused styles), gains what crawlers and screen
readers need, and ends with a content security policy: scripts come from the book itself or not at all.
"""

import base64
import hashlib
import os
import re
from pathlib import Path

from bs4 import BeautifulSoup
from page_facts import describe
from page_icons import draw_icons
from pictures import set_pictures
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from stylesheets import names_in, trim

# `file:` lets a copy on disk work in browsers where 'self' means nothing there; a page from the web cannot use it.
OWN = "'self' file:"
POLICY = ("default-src 'none'; script-src {own} {hashes}; style-src {own} 'unsafe-inline'; img-src {own} data:; "
          "font-src {own} data:; media-src {own}; connect-src 'self'; form-action {own}; base-uri 'none'")
POLICY_TAG = '<meta http-equiv="Content-Security-Policy"'
PLACE = "<template>the article</template>"
SEARCH_ONLY = ("searchtools.js", "language_data.js", "searchindex.js")
DESIGN = ("sphinx-design.min.css", "design-tabs.js")
TOGGLES = ("togglebutton.css", "togglebutton.js")
MATH = ("startup.js",)
NEVER = ("fontawesome.js", "sphinx-thebe.css", "sphinx-thebe.js")
UNUSED_FILES = ("_static/**/*.map", "_static/vendor/fontawesome/**/*", "_static/scripts/fontawesome.js*",
                "_static/locales/**/*", "_static/sphinx-thebe.*", "_static/webpack-macros.html", "_static/sbt-webpack*")
TRIMMED = ("_static/styles/*.css", "_static/mystnb*.css")
SHORT_FORMULA = re.compile(r'(<span class="math[^"]*">\\\((?:(?!</span>).){1,36}\\\)</span>)([.,;:!?)\]\u2019\u201d]+)')
HANDLERS = {"window.print()": "print", "toggleFullScreen()": "fullscreen"}


def leave_out(page: BeautifulSoup, *names: str) -> None:
    """Removes the scripts and stylesheets with these file names, preloads included."""
    for tag in page.find_all(["script", "link"]):
        address = tag.get("src") or tag.get("href") or ""
        if Path(address.partition("?")[0]).name in names:
            tag.decompose()


def leave_out_inline(page: BeautifulSoup, words: str) -> None:
    """Removes the inline scripts that match the pattern."""
    for script in page.find_all("script", src=False, string=re.compile(words)):
        script.decompose()


def lighten(page: BeautifulSoup, article: str, name: str) -> None:
    """Leaves out what this page loads and does not use."""
    leave_out(page, *NEVER)
    if name != "search.html":
        leave_out(page, *SEARCH_ONLY)
    if not re.search(r'class="(?:[^"]* )?sd-', article):
        leave_out(page, *DESIGN)
    if not re.search(r'class="(?:[^"]* )?(?:toggle|dropdown)[ "]', article):
        leave_out(page, *TOGGLES)
        leave_out_inline(page, "toggleHint|toggleOpenOnPrint|togglebuttonSelector")
    if not re.search(r'class="(?:[^"]* )?math[ "]', article):
        leave_out(page, *MATH)
        leave_out_inline(page, "window.MathJax")
    unused = "#ethical-ad-placement, #searchbox, meta[name^=docsearch], meta[name=viewport] ~ meta[name=viewport]"
    for tag in page.select(unused):
        tag.decompose()


def mend(page: BeautifulSoup) -> None:
    """Puts right what the theme gets wrong for screen readers and keyboards."""
    for button in page.find_all("button"):
        if "search-button-field" in button.get("class", []):
            del button["aria-label"]  # its name is the text that it shows
        elif button.get("title") and not button.get("aria-label") and not button.get_text(strip=True):
            button["aria-label"] = button["title"]
        if action := HANDLERS.get(button.get("onclick", "")):
            del button["onclick"]
            button["data-does"] = action
    for keys in page.select(".search-button__kbd-shortcut"):
        keys["aria-hidden"] = "true"
    for nav in page.select("#jb-print-docs-body nav"):
        nav["aria-label"] = "On this page, in print"
    if (top := page.find(id="pst-back-to-top")) and page.main:
        page.main.append(top.extract())  # inside a landmark
    if sidebar := page.find(id="pst-primary-sidebar"):
        sidebar.attrs |= {"role": "complementary", "aria-label": "The book"}
    if skip := page.find(id="pst-skip-link"):
        skip.name, skip["aria-label"] = "nav", "Skip"


def mend_article(article: str) -> str:
    """Puts right what the theme and Sphinx leave to mend in the text.

    A bibliography's roles; a table's empty corner, which is no header; pictures below the first wait until they are
    near; a short formula and the comma or period after it stay on one line.
    """
    article = re.sub(r'(<div[^>]* class="(?:docutils )?citation(?:-list)?"[^>]*?) role="[^"]*"', r"\1", article)
    article = re.sub(r' role="(?:list|doc-bibliography|doc-biblioentry)"', "", article)
    article = re.sub(r'<th class="head[^"]*">(?:<p>\s*</p>)?</th>', "<td></td>", article)
    article = SHORT_FORMULA.sub(r'<span class="held">\1\2</span>', article)
    first, image, rest = article.partition("<img ")
    return first + image + rest.replace("<img ", '<img loading="lazy" ')


def policy(text: str) -> str:
    """The page's content security policy: no foreign scripts, and of inline ones only those that are there now."""
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", text, flags=re.DOTALL)
    digests = {hashlib.sha256(script.replace("\r\n", "\n").encode()).digest() for script in scripts}
    return POLICY.format(own=OWN, hashes=" ".join(sorted(f"'sha256-{base64.b64encode(d).decode()}'" for d in digests)))


def publish_page(text: str, name: str, book: str, address: str) -> str:
    """A page as it is published.

    Args:
        text: the page as Sphinx wrote it.
        name: its path in the book, with slashes.
        book: the book's title.
        address: where the book is published, ending in a slash; empty if that is not known.
    """
    before, start, rest = text.partition("<article")
    article, end, after = rest.partition("</article>")
    # What the authors wrote stays out of the parser: it is most of the page, and must come through unchanged.
    page = BeautifulSoup(f"{before}{PLACE if start else ''}{after}", "html.parser")
    lighten(page, article, name)
    draw_icons(page)
    mend(page)
    describe(page, article, name, book, address)
    whole = page.decode(formatter="minimal").replace(PLACE, start + mend_article(article) + end)
    return re.sub(r"(<meta charset=[^>]*>)", rf'\1\n{POLICY_TAG} content="{policy(whole)}"/>', whole, count=1)


def book_address() -> str:
    """Where the pages are published, from ``BOOK_URL``; empty if that is not set."""
    address = os.environ.get("BOOK_URL", "")
    return f"{address.rstrip('/')}/" if address else ""


def publish_folder(folder: Path, book: str, address: str) -> None:
    """Rewrites the pages of a built book, and removes what none of them needs."""
    for pattern in UNUSED_FILES:
        for path in folder.glob(pattern):
            if path.is_file():
                path.unlink()
    pages = [path for path in folder.rglob("*.html") if not path.is_relative_to(folder / "_static")]
    used: set[str] = set()
    for path in pages:
        try:
            text = path.read_text(encoding="utf-8")
            if POLICY_TAG not in text:
                text = publish_page(set_pictures(text, path.parent), path.relative_to(folder).as_posix(), book, address)
        except KeyError as error:
            raise ExtensionError(f"{path.name}: no drawing for the icon {error} in _ext/page_icons.py") from error
        path.write_text(text, encoding="utf-8", newline="\n")
        used |= names_in(text)
    for script in (folder / "_static").rglob("*.js"):
        used |= names_in(script.read_text(encoding="utf-8"))
    for pattern in TRIMMED:
        for path in folder.glob(pattern):
            path.write_text(trim(path.read_text(encoding="utf-8"), used), encoding="utf-8", newline="\n")


def publish(app: Sphinx, error: Exception | None) -> None:
    """Sphinx's last event: the pages are written."""
    if error is None and app.builder.name == "html":
        publish_folder(Path(app.outdir), app.config.html_title or app.config.project, book_address())
