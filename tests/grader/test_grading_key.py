"""A result is made anew when what it depends on has changed: the package, the assignment, the grader."""

from dataclasses import replace
from pathlib import Path

import pytest
from alexgrader.__main__ import fingerprint, key
from alexgrader.assignment import Assignment, Notebook
from alexgrader.sandbox import ROOT, Limits
from alexgrader.submissions import Submission

ONE = Submission(student="Ada", assignment="lenet", name="lenet.ipynb", digest="d1")
LENET = Assignment("lenet", Notebook(()), "a1")


def made(folder: Path) -> Path:
    (folder / "sub").mkdir(parents=True)
    (folder / "one.py").write_text("value = 1\n", encoding="utf-8")
    (folder / "sub" / "two.py").write_text("value = 2\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("change", [
    lambda folder: (folder / "sub" / "two.py").write_text("value = 3\n", encoding="utf-8"),
    lambda folder: (folder / "three.py").write_text("", encoding="utf-8"),
    lambda folder: (folder / "one.py").unlink(),
    lambda folder: (folder / "one.py").rename(folder / "uno.py"),
])
def test_the_package_counts(tmp_path: Path, change) -> None:
    before = fingerprint(made(tmp_path / "package"))
    assert fingerprint(made(tmp_path / "again")) == before, "its content counts, not its place"
    change(tmp_path / "package")
    fingerprint.cache_clear()
    assert fingerprint(tmp_path / "package") != before


def test_the_key_has_the_fingerprint_of_this_package(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(ONE, LENET, Limits(), False)
    assert key(ONE, LENET, Limits(), False) == before
    assert fingerprint() == fingerprint(ROOT / "code" / "alexbook")
    for other in (key(replace(ONE, digest="d2"), LENET, Limits(), False),
                  key(ONE, replace(LENET, digest="a2"), Limits(), False)):
        assert other != before
    monkeypatch.setattr("alexgrader.__main__.fingerprint", lambda: "another package")
    assert key(ONE, LENET, Limits(), False) != before
