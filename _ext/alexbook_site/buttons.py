"""The buttons above a page: they point at the repository that the pages are built from, so that a fork's point at it.

Without a published address there are none.
"""

import os
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

from sphinx.application import Sphinx
from sphinx.config import Config

PLACEHOLDER = "/OWNER/"
GITHUB = "https://github.com/"


def published_address(root: Path) -> str:
    """Where the book's repository is: on GitHub Actions the one that runs there, else pyproject.toml's."""
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def main_branch(root: Path) -> str:
    """The branch on which the book is edited."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return project.get("tool", {}).get("alexbook", {}).get("branch", "main")


def colab(root: Path, name: str) -> str | None:
    """The address that opens a notebook of the book in Colab; ``None`` where the book is on no GitHub."""
    address = published_address(root)
    if PLACEHOLDER in address or not address.startswith(GITHUB):
        return None
    branch = os.environ.get("BOOK_BRANCH") or main_branch(root)
    return f"https://colab.research.google.com/github/{urlsplit(address).path.strip('/')}/blob/{branch}/{quote(name)}"


def set_buttons(app: Sphinx, config: Config) -> None:
    """Gives the theme the repository's address, or takes away the one that Jupyter Book puts there by default."""
    options = config.html_theme_options
    address = published_address(Path(app.srcdir))
    if PLACEHOLDER in address:
        options.pop("repository_url", None)
        options["launch_buttons"] = {}
        return
    branch, on_github = main_branch(Path(app.srcdir)), address.startswith(GITHUB)
    options["repository_url"] = address
    options["repository_provider"] = "github" if on_github else "gitlab"
    # The branch whose notebooks a button opens; see .github/workflows/pages.yml. Colab opens GitHub's alone.
    options["repository_branch"] = os.environ.get("BOOK_BRANCH", branch)
    options["launch_buttons"] = {"colab_url": "https://colab.research.google.com"} if on_github else {}
    options["use_repository_button"] = options["use_issues_button"] = options["use_edit_page_button"] = True
    # An edit belongs on the main branch; the one that Colab opens is written over at each publication.
    edit = "edit" if on_github else "-/edit"
    config.html_context["edit_page_url_template"] = f"{address}/{edit}/{branch}/{{{{ file_name }}}}"
    config.html_context["edit_page_provider_name"] = "GitHub" if on_github else "GitLab"


def setup(app: Sphinx) -> None:
    app.connect("config-inited", set_buttons)
