"""The book's own part of the Sphinx build: what settings cannot say.

- the chapters' buttons ("Open in Colab", repository, issues) point at the repository that the pages are built from,
  so that a fork's pages point at the fork; without a published address there are no buttons;
- ``{chapter-list}`` on the landing page lists the chapters with the question that each one answers, ``{doors}`` shows
  three ways in, and ``{network-picture}`` draws a network from its data;
- what publishing.py does to the finished pages;
- the theme's in-page execution (thebe), which the book does not use and whose script runs into an error, is left out.
"""

import json
import os
import re
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

from alexbook.diagrams import architecture
from docutils import nodes
from docutils.statemachine import StringList
from publishing import book_address, publish
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

PLACEHOLDER = "/OWNER/"


def published_address(root: Path) -> str:
    """Where the book's repository is: on GitHub Actions the one that runs there, else pyproject.toml's."""
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def set_buttons(app: Sphinx, config: Config) -> None:
    """Gives the theme the repository's address, or takes away the one that Jupyter Book puts there by default."""
    config.html_baseurl = book_address()
    options = config.html_theme_options
    address = published_address(Path(app.srcdir))
    if PLACEHOLDER in address:
        options.pop("repository_url", None)
        options["launch_buttons"] = {}
        return
    options["repository_url"] = address
    # The branch whose notebooks a button opens; see .github/workflows/pages.yml.
    options["repository_branch"] = os.environ.get("BOOK_BRANCH", "main")
    options["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}
    options["use_repository_button"] = options["use_issues_button"] = options["use_edit_page_button"] = True
    # An edit belongs on the main branch; the one that Colab opens is written over at each publication.
    config.html_context["edit_page_url_template"] = f"{address}/edit/main/{{{{ file_name }}}}"
    config.html_context["edit_page_provider_name"] = "GitHub"


def opening(notebook: Path) -> tuple[str, str]:
    """A chapter's title and its first paragraph: the question that it answers."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"][:2]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    title, _, rest = text.strip().partition("\n")
    question = " ".join(rest.strip().partition("\n\n")[0].split())
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", question)  # its links start from the chapter's folder
    return title.removeprefix("# "), words


class Book(SphinxDirective):
    """What the directives of the landing page share: Markdown, made here, becomes part of the page."""

    def markdown(self, lines: list[str], *classes: str) -> nodes.container:
        container = nodes.container(classes=list(classes))
        self.state.nested_parse(StringList(lines, self.get_location()), self.content_offset, container)
        return container

    def chapters(self) -> list[Path]:
        return sorted(Path(self.env.srcdir).glob("chapters/*.ipynb"))


class ChapterList(Book):
    """``{chapter-list}``: every chapter's title, as a link, with its first paragraph."""

    def run(self) -> list[nodes.Node]:
        lines = []
        for notebook in self.chapters():
            self.env.note_dependency(str(notebook))
            title, question = opening(notebook)
            lines += [f"[{title}](chapters/{quote(notebook.name)})", f": {question}", ""]
        return [self.markdown(lines, "chapter-list")]


class Doors(Book):
    """``{doors}``: to read, to run, to teach. Each leads to what exists, or further down the page."""

    def run(self) -> list[nodes.Node]:
        first = f"chapters/{quote(self.chapters()[0].name)}"
        address = published_address(Path(self.env.srcdir))
        run = "#three-ways"
        if PLACEHOLDER not in address:
            branch = os.environ.get("BOOK_BRANCH", "main")
            run = f"https://colab.research.google.com/github/{urlsplit(address).path.strip('/')}/blob/{branch}/{first}"
        teach = "instructors.md" if Path(self.env.srcdir, "instructors.md").is_file() else "#three-ways"
        count = len(self.chapters())
        doors = [
            ("Read", first, f"{count} chapters, on any screen. Everything that the code shows is on the page."),
            ("Run", run, "Each chapter alone, top to bottom, in Colab or on a laptop without a GPU."),
            ("Teach", teach, "Fork it, publish it under your name, hand out and grade assignments."),
        ]
        frame = nodes.container(classes=["doors"])
        frame += [self.markdown([f"[{name}]({link})", "", words], "door") for name, link, words in doors]
        return [frame]


class NetworkPicture(SphinxDirective):
    """``{network-picture} NAME``: the network drawn from its data, in the page's colors, with a version for phones."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        drawing = architecture(self.arguments[0])._repr_html_()
        return [nodes.raw("", f'<div class="lead-picture">{drawing}</div>', format="html")]


def leave_out_thebe(app: Sphinx) -> None:
    """Disconnects the extension that loads a second copy of thebe's constants into every page."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__.partition(".")[0] == "sphinx_thebe":
                app.disconnect(listener.id)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", set_buttons)
    app.connect("build-finished", publish)
    app.add_directive("chapter-list", ChapterList)
    app.add_directive("doors", Doors)
    app.add_directive("network-picture", NetworkPicture)
    leave_out_thebe(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
