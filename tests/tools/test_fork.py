"""A fork, published on this machine: the workflow's own commands, run as GitHub Actions would run them for the fork.

Slow (it builds the book once more, about a minute) and close to the real thing: the commands are read from
``.github/workflows/pages.yml``, the fork is a bare repository that the workflow pushes to. Only the actions (checkout,
upload, deployment) are stood in for, and the environment ``.venv`` is this one's. What puts slides and files beside the
finished pages takes minutes and has tests of its own (``test_decks``, ``test_pdf``, ``test_ebook``): Make only says
what it would run.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import time

import pytest
import yaml
from bs4 import BeautifulSoup
from ebook.__main__ import TARGET as EPUB
from figure_pack.__main__ import TARGET as FIGURES
from printing.__main__ import TARGET as PDF
from repository import CHAPTERS, ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8"))
SERVER, REPOSITORY = "https://github.com", "a-teacher/our.alexnet"
ADDRESS = f"{SERVER}/{REPOSITORY}"
PUBLISHED = "https://a-teacher.github.io/our.alexnet"
# What GitHub puts in place of the workflow's expressions.
EXPRESSIONS = {"${{ steps.pages.outputs.base_url }}": PUBLISHED}
READY = ROOT / ".venv" / "ready"
BESIDE = ("make slides", "make downloads")  # what is made of the finished pages

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name == "nt" or not shutil.which("git") or not (ROOT / ".git").exists(),
                       reason="needs git, a repository, and a POSIX shell"),
]
needs_environment = pytest.mark.skipif(not READY.exists(), reason="not the environment that `make book` makes")


@cache
def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@dataclass(frozen=True)
class Fork:
    """The teacher's repository, bare as on a server, and a place for what its workflow checks out."""

    bare: Path
    work: Path

    def checkout(self, job: str) -> Path:
        """What actions/checkout leaves: the main branch, of which the server is the origin."""
        folder = self.work / job
        if not folder.exists():
            git(self.work, "clone", "--quiet", "--branch", "main", str(self.bare), str(folder))
        return folder

    def run(self, job: str) -> Path:
        """Runs a job's commands in a fresh checkout, in order, with the variables that GitHub sets; its folder."""
        folder = self.checkout(job)
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GIT_"))}
        variables |= {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": SERVER,
                      "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_REF_NAME": "main", "HOME": str(self.work),
                      "PIP_DRY_RUN": "1",
                      "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        commands = [step for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]
        assert commands
        for step in commands:
            if step["run"].startswith(BESIDE):
                continue
            given = {name: EXPRESSIONS[value] if value.startswith("${{") else value
                     for name, value in step.get("env", {}).items()}
            done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=folder, text=True,
                                  env=variables | given, capture_output=True)
            assert done.returncode == 0, f"{step['run']}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return folder


@pytest.fixture(scope="module")
def fork(tmp_path_factory) -> Fork:
    """A fork of what is committed and of what is about to be: the files of this working tree that git knows."""
    work = tmp_path_factory.mktemp("fork")
    bare, start = work / "our.alexnet.git", work / "start"
    start.mkdir()
    for name in git(ROOT, "ls-files", "-z").split("\0"):
        if name and (ROOT / name).is_file():
            (start / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, start / name)
    git(start, "init", "--quiet", "--initial-branch", "main")
    git(start, "add", "--all")
    git(start, "-c", "user.name=A teacher", "-c", "user.email=teacher@example.org", "commit", "--quiet", "--message",
        "Fork")
    git(work, "clone", "--quiet", "--bare", str(start), str(bare))
    return Fork(bare, work)


@pytest.fixture(scope="module")
def colab(fork: Fork) -> dict[str, str]:
    """What lies on the fork's branch ``colab`` after the job that writes it: path -> text of its notebooks."""
    fork.run("notebooks")
    names = git(fork.bare, "ls-tree", "-r", "--name-only", "colab").split()
    assert set(names) == set(git(fork.bare, "ls-tree", "-r", "--name-only", "main").split())
    return {name: git(fork.bare, "show", f"colab:{name}") for name in names if name.endswith(".ipynb")}


def test_notebooks_on_colab_install_the_forks_package(colab: dict[str, str]) -> None:
    assert {name for name in colab if name.startswith("chapters/")} == {f"chapters/{p.name}" for p in CHAPTERS}
    for name, text in colab.items():
        cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        setups = [cell for cell in cells if re.search('^    book = "git', cell, re.MULTILINE)]
        assert len(setups) == 1 or not name.startswith("chapters/"), name
        for setup in setups:
            assert re.findall(r'^    book = "git\+(.*)"$', setup, re.MULTILINE) == [ADDRESS], name
            assert 'os.getenv("ALEXBOOK_SOURCE", book)' in setup


def test_nothing_but_addresses_differs_from_main(fork: Fork, colab: dict[str, str]) -> None:
    for line in git(fork.bare, "diff", "--unified=0", "main", "colab").splitlines():
        if re.match(r"[+-](?![+-])", line):
            assert "github.com/" in line, line
            assert (REPOSITORY in line) == line.startswith("+"), line


def test_a_second_run_changes_nothing(fork: Fork, colab: dict[str, str]) -> None:
    before = git(fork.bare, "rev-parse", "colab^{tree}")
    shutil.rmtree(fork.work / "notebooks")
    fork.run("notebooks")
    assert git(fork.bare, "rev-parse", "colab^{tree}") == before


def test_make_address_once_makes_the_branch_equal_to_main(fork: Fork, colab: dict[str, str]) -> None:
    """A teacher who has committed the address loses nothing: the workflow then finds nothing to write."""
    settled = Fork(fork.work / "settled.git", fork.work / "settled")
    settled.work.mkdir()
    git(fork.work, "clone", "--quiet", "--bare", str(fork.bare), str(settled.bare))
    git(settled.bare, "branch", "--force", "main", "colab")
    settled.run("notebooks")
    assert git(settled.bare, "rev-parse", "colab^{tree}") == git(settled.bare, "rev-parse", "main^{tree}")


@pytest.fixture(scope="module")
def pages(fork: Fork) -> Path:
    """The pages that the job ``build`` makes, with this environment's packages.

    Make is to find the environment ready, whatever the workflow has written since the checkout; and were it not, pip
    must not install the fork's package in place of this one.
    """
    environment = fork.checkout("build") / ".venv"
    environment.mkdir()
    for part in (ROOT / ".venv").iterdir():
        if part.name != READY.name:
            (environment / part.name).symlink_to(part)
    (environment / READY.name).touch()
    os.utime(environment / READY.name, times=(time() + 86_400,) * 2)
    before = {path: path.stat().st_mtime for path in (ROOT / ".venv").glob("lib/*/site-packages/*alexbook*")}
    fork.run("build")
    steps = WORKFLOW["jobs"]["build"]["steps"]
    [upload] = [step for step in steps if step.get("uses", "").startswith("actions/upload-pages-artifact")]
    after = {path: path.stat().st_mtime for path in (ROOT / ".venv").glob("lib/*/site-packages/*alexbook*")}
    assert after == before, "the test has changed this environment"
    return environment.parent / upload["with"]["path"]


@needs_environment
def test_every_button_and_link_of_the_pages_leads_to_the_fork(pages: Path, colab: dict[str, str]) -> None:
    """And every notebook that a button opens in Colab lies on the branch where the button looks for it."""
    opened = set()
    for page in pages.rglob("*.html"):
        if page.is_relative_to(pages / "_static"):
            continue
        for link in soup(page).select("a[href]"):
            target = link["href"]
            if "colab.research.google.com/github" in target:
                place, branch, path = re.fullmatch(
                    r"https://colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/blob/(\w+)/(.+)", target).groups()
                assert (place, branch) == (REPOSITORY, "colab") and path in colab, target
                opened.add(path)
    assert opened >= {f"chapters/{path.name}" for path in CHAPTERS}


@needs_environment
def test_pages_state_the_address_that_github_gives_them(pages: Path) -> None:
    """The one that the workflow has asked for before it builds; the picture of a shared link is found there."""
    steps = WORKFLOW["jobs"]["build"]["steps"]
    asked = [n for n, step in enumerate(steps) if step.get("uses", "").startswith("actions/configure-pages")]
    [build] = [n for n, step in enumerate(steps) if step.get("run") == "make book"]
    assert [steps[n]["id"] for n in asked] == ["pages"] and asked[0] < build
    for name in ["index.html", *(f"chapters/{path.stem}.html" for path in CHAPTERS)]:
        head = soup(pages / name).head
        assert [link["href"] for link in head.select("link[rel=canonical]")] == [f"{PUBLISHED}/{name}"]
        assert head.find("meta", property="og:url")["content"] == f"{PUBLISHED}/{name}"
        assert head.find("meta", property="og:image")["content"] == f"{PUBLISHED}/_static/preview.png"


@needs_environment
def test_what_lies_beside_the_pages_is_made_of_them_as_they_are(pages: Path) -> None:
    """Built anew, they would lack the addresses that only the step before them gives."""
    folder, steps = pages.parents[1], [step.get("run", "") for step in WORKFLOW["jobs"]["build"]["steps"]]
    beside = [step for step in steps if step.startswith(BESIDE)]
    assert len(beside) == len(BESIDE) and steps.index("make book") < min(map(steps.index, beside))
    for step in beside:
        command = step.partition("&&")[0].split()
        planned = subprocess.run([*command, "--dry-run", "--old-file=.venv/ready"], cwd=folder, text=True,
                                 capture_output=True, check=True).stdout
        assert "python" in planned and "jupyter-book" not in planned, step
    linked = {link["href"] for link in soup(pages / "index.html").select(".downloads a")}
    assert linked == {f"downloads/{made.name}" for made in (PDF, EPUB, FIGURES)}


@needs_environment
def test_edits_are_suggested_to_main(pages: Path) -> None:
    """The branch that Colab opens is written over at each publication; an edit there would be lost."""
    for path in CHAPTERS:
        buttons = soup(pages / "chapters" / f"{path.stem}.html").select(".article-header-buttons a[href*='/edit/']")
        assert [button["href"] for button in buttons] == [f"{ADDRESS}/edit/main/chapters/{path.name}"]


@needs_environment
def test_repository_and_issues_of_the_pages_are_the_forks(pages: Path) -> None:
    for name in ["index", *(f"chapters/{path.stem}" for path in CHAPTERS)]:
        buttons = soup(pages / f"{name}.html").select(".article-header-buttons a[href]")
        links = {link["href"] for link in buttons}
        assert ADDRESS in links
        assert any(link.startswith(f"{ADDRESS}/issues/new") for link in links)
        assert not [link for link in links if link.startswith(SERVER) and not link.startswith(ADDRESS)]


@needs_environment
def test_no_page_and_no_notebook_on_it_has_another_address(pages: Path) -> None:
    """Not in a setup cell that a page shows, and not in a notebook that it offers for download."""
    original = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    offered = [*(pages / "chapters").glob("*.html"), *(pages / "_sources").rglob("*.ipynb")]
    assert len(offered) >= 2 * len(CHAPTERS)
    for path in offered:
        text = re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8"))
        assert original not in text and ADDRESS in text, path.name


@needs_environment
def test_what_is_published_is_whole_and_small(pages: Path) -> None:
    assert (pages / "index.html").is_file() and not list(pages.rglob("*.map"))
    assert {path.stem for path in CHAPTERS} == {path.stem for path in (pages / "chapters").glob("*.html")}
