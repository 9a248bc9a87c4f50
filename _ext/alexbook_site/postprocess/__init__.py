"""What is done to the finished book: ``html`` mends pages, ``images`` measures pictures, ``figures`` draws plots for
both themes, ``css`` trims and joins style sheets.

Only what no document, template or setting can say is done here; each part says why.
"""

from pathlib import Path

from sphinx.application import Sphinx

from ..private_api import without_tab_stops
from .css import join_sheets
from .figures import adapt_folder
from .html import publish_page

# Of the theme, and on no page.
UNUSED = ("_static/**/*.map", "_static/vendor/fontawesome/**/*", "_static/scripts/fontawesome.js*",
          "_static/scripts/bootstrap.js*", "_static/locales/**/*", "_static/searchtools.js",
          "_static/language_data.js", "searchindex.js", "_static/sphinx-thebe.*", "_static/webpack-macros.html",
          "_static/sbt-webpack*")


def publish_folder(folder: Path) -> None:
    """Rewrites the pages of a built book, and removes what none of them needs."""
    for pattern in UNUSED:
        for path in folder.glob(pattern):
            if path.is_file():
                path.unlink()
    for path in folder.glob("_static/scripts/pydata-sphinx-theme.js"):
        text = path.read_text(encoding="utf-8")
        path.write_text(without_tab_stops(text), encoding="utf-8", newline="\n")
    adapt_folder(folder)
    pages = [path for path in folder.rglob("*.html") if not path.is_relative_to(folder / "_static")]
    for path in pages:
        text = publish_page(path.read_text(encoding="utf-8"), path.parent)
        path.write_text(text, encoding="utf-8", newline="\n")
    join_sheets(folder, pages)


def publish(app: Sphinx, error: Exception | None) -> None:
    """Sphinx's last event: the pages are written."""
    if error is None and app.builder.name == "html":
        publish_folder(Path(app.outdir))


def setup(app: Sphinx) -> None:
    app.connect("build-finished", publish, priority=600)  # after the theme, which writes code's colors then
