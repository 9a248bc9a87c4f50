"""The notebooks for class: headings and code of the chapters, nothing of the text, and the clean ones run."""

from pathlib import Path

import lesson_notebooks as tool
import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from repository import CHAPTERS, ROOT

TEXT = """# Title

Words.

**1. Predict** (easy, 3 minutes)

<details><summary>Solution</summary>

## Not a heading

</details>

```
# no heading either
```
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lesson")
    tool.write(CHAPTERS, made)
    return made


def test_headings_are_what_is_kept() -> None:
    assert tool.headings(TEXT) == ["# Title", "**1. Predict** (easy, 3 minutes)"]


def test_empty_cells_name_what_is_to_be_written() -> None:
    cells = [new_markdown_cell(TEXT), new_code_cell("import a"), new_code_cell("def f(x):\n    return x"),
             new_code_cell("f(1)"), new_code_cell("draw()", metadata={"tags": ["hide-input"]})]
    chapter = new_notebook(cells=cells)
    sources = [cell.source for cell in tool.lesson(chapter, empty=True).cells if cell.cell_type == "code"]
    assert sources == ["import a", "# Your code: f", "", "draw()"]
    assert [cell.source for cell in tool.lesson(chapter, empty=False).cells if cell.cell_type == "code"] == [
        cell.source for cell in cells[1:]]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_both_have_every_heading_and_no_output(folder: Path, path: Path) -> None:
    chapter = nbformat.read(path, as_version=4)
    for kind in ("clean", "empty"):
        made = nbformat.read(folder / kind / path.name, as_version=4)
        code = [cell for cell in made.cells if cell.cell_type == "code"]
        assert len(code) == sum(cell.cell_type == "code" for cell in chapter.cells)
        assert not any(cell.outputs for cell in code)
        for cell in made.cells:
            assert cell.cell_type == "code" or ("\n" not in cell.source and cell.source.startswith(("#", "**")))
        assert made.cells[0].source.startswith("# ")
    code = [cell.source for cell in chapter.cells if cell.cell_type == "code"]
    clean = nbformat.read(folder / "clean" / path.name, as_version=4)
    assert [cell.source for cell in clean.cells if cell.cell_type == "code"] == code


def test_a_clean_notebook_runs(folder: Path) -> None:
    """The code is the chapters', which `make test` runs; here one notebook shows that the rest is sound, too."""
    notebook = nbformat.read(folder / "clean" / "01-sliding-window.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT / "chapters")}}).execute()
    assert any(cell.get("outputs") for cell in notebook.cells)
