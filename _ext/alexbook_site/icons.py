"""The pages' icons: GitHub's octicons, which come with sphinx-design, inline and a few hundred bytes each.

The theme's own come as a script of 0.54 MB (gzipped). The templates ask for icons by octicons' names; the buttons that
the theme lists have Font Awesome's.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx_design.icons import get_octicon, list_octicons

OCTICONS = {"expand": "screen-full", "file-pdf": "file", "file": "file-code", "github": "mark-github",
            "gitlab": "git-branch", "lightbulb": "issue-opened", "pencil-alt": "pencil"}
OTHER = "dot-fill"  # for what has no drawing: the button's words still say what it does
SIZE = "1em"


def icon(name: str) -> str:
    """An icon as SVG in the text's color, hidden from screen readers: the button around it has a name.

    Args:
        name: an octicon's, such as ``rocket``, or the theme's classes, such as ``fas fa-rocket``.
    """
    name = name.split()[-1].removeprefix("fa-")
    name = OCTICONS.get(name, name)
    return get_octicon(name if name in list_octicons() else OTHER, SIZE, classes=["icon"])


def offer(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any],
          doctree: nodes.document | None) -> None:
    """Lets the templates call ``icon``."""
    context["icon"] = icon


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", offer)
