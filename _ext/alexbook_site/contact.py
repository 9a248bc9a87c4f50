"""Where readers write to: the role ``{issue}`` and the directive ``{discussion}``, from the settings in pyproject.toml.

The words of ``{issue}`` link the repository's issues where the book has a published address, and are plain text before.
``{discussion}`` is a paragraph that links ``discussions`` of ``[tool.alexbook]``, and nothing while that is empty.
"""

import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole

from .buttons import GITHUB, PLACEHOLDER, published_address

INVITATION = "To ask, to help others, and to show what you made: "


def issues(root: Path) -> str | None:
    """Where the repository's issues are; ``None`` while the book has no published address."""
    address = published_address(root)
    if PLACEHOLDER in address:
        return None
    return f"{address}/issues" if address.startswith(GITHUB) else f"{address}/-/issues"


def discussions(root: Path) -> str | None:
    """Where readers discuss the book, by the setting; ``None`` where there is no such place.

    Raises:
        ExtensionError: the setting is no address.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    address = project.get("tool", {}).get("alexbook", {}).get("discussions", "")
    if not address or PLACEHOLDER in address:
        return None
    if urlsplit(address).scheme != "https" or not urlsplit(address).netloc:
        raise ExtensionError(f"pyproject.toml's discussions = {address!r} is not an address that begins with https://.")
    return address


class Issue(SphinxRole):
    """``{issue}`words```: the words, as a link to the repository's issues."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        address = issues(Path(self.env.srcdir))
        return [nodes.reference("", self.text, refuri=address) if address else nodes.Text(self.text)], []


class Discussion(SphinxDirective):
    """``{discussion}``: where readers discuss the book."""

    def run(self) -> list[nodes.Node]:
        address = discussions(Path(self.env.srcdir))
        if not address:
            return []
        return [nodes.paragraph("", "", nodes.Text(INVITATION), nodes.reference("", "discussions", refuri=address),
                                nodes.Text("."))]


def setup(app: Sphinx) -> None:
    app.add_role("issue", Issue())
    app.add_directive("discussion", Discussion)
