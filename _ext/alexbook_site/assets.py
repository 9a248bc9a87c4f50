"""Which scripts and style sheets a page loads. The theme and Jupyter Book list all of theirs on every page."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from .private_api import base_name, inline_script
from .widgets import needed

# Of Sphinx's own scripts a page would use only the object that the theme's scripts ask (layout.html has it).
NEVER = {"sphinx-thebe.css", "sphinx-thebe.js", "documentation_options.js", "doctools.js", "sphinx_highlight.js"}
NEVER_INLINE = re.compile(r"^\s*DOCUMENTATION_OPTIONS\.")
# What the text has to hold for these to be loaded, and what their inline scripts speak of.
WHERE = (
    (re.compile(r'class="(?:[^"]* )?sd-'), {"sphinx-design.min.css", "design-tabs.js"}, None),
    (re.compile(r'class="(?:[^"]* )?(?:toggle|dropdown)[ "]'), {"togglebutton.css", "togglebutton.js"},
     re.compile("toggleHint|toggleOpenOnPrint|togglebuttonSelector")),
    (re.compile("<pre"), {"copybutton.css", "copybutton.js", "clipboard.min.js", "pygments.css"}, None),
    (re.compile('class="quiz'), {"quiz.css", "quiz.js"}, None),
    (re.compile('id="figure-'), {"enlarge.css", "enlarge.js"}, None),
)


def unused(asset: object, body: str) -> bool:
    """Whether a page with this text has no use for a script or style sheet."""
    name, script = base_name(asset), inline_script(asset)
    return name in NEVER or bool(NEVER_INLINE.match(script)) or any(
        (name in names or bool(words and words.search(script))) and not where.search(body)
        for where, names, words in WHERE)


def choose(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any],
           doctree: nodes.document | None) -> None:
    """Leaves out what a page does not use, and of the widgets' files those of widgets that it has not."""
    body = context.get("body", "")
    for kind in ("script_files", "css_files"):
        context[kind] = needed([asset for asset in context[kind] if not unused(asset, body)], body)


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", choose, priority=900)
