"""Where readers write to: absent until the settings name it, and then what they name."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from alexbook_site import contact
from docutils import nodes
from repository import ROOT
from sphinx.errors import ExtensionError

DISCUSSIONS = "https://github.com/a-teacher/book/discussions"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes the two settings; the folder that holds them."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)

    def written(repository: str = "https://github.com/OWNER/book", more: str = "") -> Path:
        (tmp_path / "pyproject.toml").write_text(
            f'[project.urls]\nRepository = "{repository}"\n[tool.alexbook]\nbranch = "main"\n{more}\n')
        return tmp_path

    return written


def discussion(root: Path) -> list[nodes.Node]:
    settings = SimpleNamespace(env=SimpleNamespace(srcdir=str(root)))
    return contact.Discussion.run(settings)


@pytest.mark.parametrize("more", ["", 'discussions = ""', 'discussions = "https://github.com/OWNER/book/discussions"'])
def test_no_discussion_until_it_is_set(project, more: str) -> None:
    assert discussion(project(more=more)) == []


def test_discussion_is_linked_once_it_is_set(project) -> None:
    [paragraph] = discussion(project(more=f'discussions = "{DISCUSSIONS}"'))
    [link] = paragraph.findall(nodes.reference)
    assert link["refuri"] == DISCUSSIONS and link.astext() in paragraph.astext()


def test_discussion_that_is_no_address_is_refused(project) -> None:
    with pytest.raises(ExtensionError, match=r"discussions = 'ask us' is not an address"):
        contact.discussions(project(more='discussions = "ask us"'))


@pytest.mark.parametrize(("repository", "issues"), [
    ("https://github.com/OWNER/book", None),
    ("https://github.com/a-teacher/book", "https://github.com/a-teacher/book/issues"),
    ("https://gitlab.com/a-teacher/book", "https://gitlab.com/a-teacher/book/-/issues"),
])
def test_issues_are_the_repositorys(project, repository: str, issues: str | None) -> None:
    assert contact.issues(project(repository)) == issues


def test_the_setting_is_there_for_who_looks_for_it() -> None:
    assert "\ndiscussions = " in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
