"""tools/run_notebooks.py stores what readers should see, and nbval compares it strictly."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "tools" / "run_notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(path: Path, *sources: str) -> Path:
    """A notebook with a first cell for the setup and one code cell for each source."""
    cells = [new_markdown_cell("# Title\n\nText."), new_code_cell("# setup"), *map(new_code_cell, sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_run_stores_clean_outputs(tool, tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.ipynb",
        "import os, sys\nprint(sorted(os.listdir()))",
        "for i in range(3):\n    print(f'\\rstep {i}', end='', flush=True)\nprint()",
        "import ctypes\n_ = os.write(2, b'noise of a library\\n')",
        "import alexbook\nalexbook.__name__",
    )
    assert tool.run(path, None)
    first = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(first, as_version=4)
    shown = [cell.outputs for cell in notebook.cells[2:]]
    assert notebook.cells[1].source == tool.SETUP
    assert shown[0][0].text == "[]\n", "a chapter runs in an empty folder"
    assert shown[1][0].text == "step 2\n", "of a progress bar, the last state is kept"
    assert shown[2] == [], "what a library writes to the process's own stderr is not stored"
    assert shown[3][0].data["text/plain"] == "'alexbook'"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert tool.run(path, None)
    assert path.read_text(encoding="utf-8") == first, "running again changes nothing"


def test_run_changes_nothing_where_a_cell_fails(tool, tmp_path: Path, capsys) -> None:
    path = written(tmp_path / "a.ipynb", "1 / 0")
    before = path.read_bytes()
    assert not tool.run(path, None)
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_run_complains_about_stderr(tool, tmp_path: Path, capsys) -> None:
    path = written(tmp_path / "a.ipynb", "import warnings\nwarnings.warn('old')")
    assert not tool.run(path, None)
    assert "writes to stderr" in capsys.readouterr().err


def test_run_reads_text(tool, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('# %% [markdown]\n# # Title\n\n# %%\n# setup\n\n# %% tags=["x"]\n1 + 1\n')
    assert tool.run(tmp_path / "a.py", tmp_path)
    notebook = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    assert notebook.cells[2].outputs[0].data["text/plain"] == "2"
    assert notebook.cells[2].metadata == {"tags": ["x"]}


def stored(source: str, text: str, **metadata) -> nbformat.NotebookNode:
    output = new_output("stream", name="stdout", text=text)
    return new_code_cell(source, execution_count=1, outputs=[output], metadata=metadata)


def test_comparison_is_strict(tmp_path: Path) -> None:
    """A wrong stored output fails, unless its cell is tagged; noise on stderr does not count."""
    cells = [
        stored("print(1)", "1\n"),
        stored("print(2)", "3\n"),
        stored("print(4)", "5\n", tags=["nbval-ignore-output"]),
        new_code_cell("import sys\nprint('noise', file=sys.stderr)", execution_count=1),
        new_code_cell("[0.1 + 0.2]", execution_count=1, outputs=[
            new_output("execute_result", {"text/plain": "[0.3]"}, execution_count=1)]),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "a.ipynb")
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--nbval", "-p", "no:xdist", "-p", "no:cacheprovider", "-rA", "a.ipynb"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    outcomes = re.findall(r"^(PASSED|FAILED) a.ipynb::Cell (\d)", result.stdout, re.MULTILINE)
    assert sorted(cell for outcome, cell in outcomes if outcome == "PASSED") == ["0", "2", "3"]
    assert sorted(cell for outcome, cell in outcomes if outcome == "FAILED") == ["1", "4"]
