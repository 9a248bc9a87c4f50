"""Which modules of training and batches may import which: one way only, and none by a string."""

import ast
from pathlib import Path

import alexbook
import pytest

CODE = Path(alexbook.__file__).parent
MODULES = {".".join(("alexbook", *path.relative_to(CODE).with_suffix("").parts)).removesuffix(".__init__"): path
           for path in CODE.rglob("*.py")}
ROOMS = [name for name in MODULES if name.split(".")[1:2] in (["training"], ["batches"]) or name in (
    "alexbook.cli", "alexbook.runs", "alexbook._files", "alexbook._renamed")]


def imported(name: str) -> set[str]:
    """The modules of the package that a module imports anywhere in it, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {full if (full := f"{node.module}.{alias.name}") in MODULES else node.module
                      for alias in node.names}
    return found & set(MODULES)


def test_no_module_is_imported_by_a_string() -> None:
    for name in ROOMS:
        text = MODULES[name].read_text(encoding="utf-8")
        assert "import_module" not in text and "__import__" not in text, name


def test_no_circle() -> None:
    arrows, below = {name: imported(name) for name in MODULES}, {}

    def depth(name: str, path: tuple[str, ...]) -> int:
        assert name not in path, f"a circle: {' -> '.join((*path, name))}"
        if name not in below:
            below[name] = 1 + max((depth(other, (*path, name)) for other in arrows[name] - {name}), default=0)
        return below[name]

    assert {name: depth(name, ()) for name in ROOMS}["alexbook.cli"] > 5


@pytest.mark.parametrize(("name", "wrong"), [
    ("batches", ("training", "runs", "cli", "models")), ("runs", ("training", "batches", "cli")),
    ("training", ("cli",)), ("_renamed", ("training", "batches", "runs", "cli"))])
def test_rooms_point_downwards(name: str, wrong: tuple[str, ...]) -> None:
    for module in ROOMS:
        if module.split(".")[1] == name:
            assert not [other for other in imported(module) if other.split(".")[1:2] and other.split(".")[1] in wrong]


def test_frameworks_are_imported_by_the_table_alone() -> None:
    """And there inside of functions, so that neither framework needs the other one."""
    of_frameworks = {name for name in ROOMS if name.rpartition(".")[2].startswith(("torch_", "keras_"))}
    users = {name for name in ROOMS if name not in of_frameworks and imported(name) & of_frameworks}
    assert users == {"alexbook.training.run"}
    top = ast.parse(MODULES["alexbook.training.run"].read_text(encoding="utf-8")).body
    assert not [node for node in top if isinstance(node, ast.ImportFrom) and node.module in of_frameworks]
