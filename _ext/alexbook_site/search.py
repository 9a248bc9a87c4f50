"""The search page's own script, ``search.js``.

Sphinx puts what ``html_search_scorer`` names into the search page; there it may also mend what the search leaves out.
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config


def name_script(app: Sphinx, config: Config) -> None:
    """Sphinx opens the file from wherever the build was started."""
    config.html_search_scorer = str(Path(__file__).with_name("search.js"))


def setup(app: Sphinx) -> None:
    app.connect("config-inited", name_script)
