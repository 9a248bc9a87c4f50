"""All that this book uses of other projects beyond what they promise, with the version in which it was seen.

Whoever raises a version in ``requirements/lock.txt`` looks here first. Two more things are elsewhere: each file in
``_templates`` names the template that it replaces, and the search takes its stemmer from ``sphinx.search.en``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def add_slugs(env: BuildEnvironment, docname: str, names: Mapping[str, str]) -> None:
    """Makes addresses on a page (address -> words) ones that MyST lets other pages link: myst-parser 3.0.1.

    MyST keeps them in the page's metadata, as ``(heading's level, id, words)``.
    """
    known = env.metadata[docname].get("myst_slugs", {})
    env.metadata[docname]["myst_slugs"] = known | {name: (0, name, words) for name, words in names.items()}


def is_code_cell(node: nodes.Element) -> bool:
    """Whether a node is a code cell of a notebook: myst-nb 1.4.0."""
    return node.get("nb_element") == "cell_code"


def outputs_by_kind(node: nodes.Element) -> dict[str, nodes.Element] | None:
    """What one output of a cell is in each format, by MIME type; ``None`` for other nodes: myst-nb 1.4.0."""
    if node.get("nb_element") != "mime_bundle":
        return None
    return {child["mime_type"]: child for child in node.children}


def file_name(asset: object) -> str:
    """The path of a script or style sheet in a page's context, without its checksum: Sphinx 7.4.7.

    Scripts are ``_JavaScript`` and style sheets ``_CascadingStyleSheet``; what is inline has no path.
    """
    return str(getattr(asset, "filename", asset) or "").partition("?")[0]


def base_name(asset: object) -> str:
    """The last part of :func:`file_name`."""
    return PurePosixPath(file_name(asset)).name


def inline_script(asset: Any) -> str:
    """The text of an inline script in a page's context, ``""`` for others: Sphinx 7.4.7."""
    return (getattr(asset, "attributes", None) or {}).get("body") or ""


def leave_out_thebe(app: Sphinx) -> None:
    """Disconnects sphinx-thebe 0.3.1, which Jupyter Book 1.0.4 loads whether or not a book runs its cells in the page.

    It would put a second copy of its constants into every page, and its script runs into an error there.
    """
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__.partition(".")[0] == "sphinx_thebe":
                app.disconnect(listener.id)


def leave_out_search_index(app: Sphinx) -> None:
    """Sphinx 7.4.7 makes no index for its own search, nor the page for it: the book has another."""
    app.builder.search = False


TAB_STOPS = ('"pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",'
             '".pst-scrollable-table-container"')


def without_tab_stops(script: str) -> str:
    """The theme's script without boxes that it asks for their width, all at once: pydata-sphinx-theme 0.17.1.

    It would lay out the whole of a long page before anybody can scroll; book.js does the same, little by little.

    Raises:
        ValueError: where the script has no such list.
    """
    if TAB_STOPS not in script:
        raise ValueError("pydata-sphinx-theme.js has no list of boxes with tab stops, or another one than before.")
    return script.replace(TAB_STOPS, '"none"')


def setup(app: Sphinx) -> None:
    leave_out_thebe(app)
