"""Rooms point one way: a module imports only from rooms below its own, also where it does so by a string."""

import ast
import re
from pathlib import Path

import pytest
from repository import ROOT

PACKAGE = ROOT / "code" / "alexbook"
# From the ground up. A room may import from those before it; what stands in one line is independent of its neighbors.
FLOORS = (
    ("_triton", "_files", "_renamed", "layers"),
    ("networks",),
    ("arithmetic", "package_data", "checking", "intervals"),
    ("models", "datasets", "runs", "published"),
    ("batches", "figures"),
    ("weights", "explaining"),
    ("training",),
    ("exercises", "cli"),
    ("__main__",),
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
MOST = 12  # public files in one folder, so that it can be seen at a glance


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(dotted: str) -> str:
    """``alexbook.models.torch`` is in the room ``models``; the package itself is no room."""
    return dotted.split(".")[1] if "." in dotted else ""


def imported(source: str) -> set[str]:
    """Every module of the package that a source imports: at its top, inside a function, or by a string."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" if node.module == "alexbook" else str(node.module)
                      for alias in node.names}
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            found |= {text for part in ast.walk(node) if isinstance(part, ast.Constant)
                      for text in re.findall(r"alexbook(?:\.\w+)+", str(part.value))}
    return {name for name in found if name.partition(".")[0] == "alexbook"}


@pytest.mark.parametrize(("source", "expected"), [
    ("from alexbook import layers, networks", {"alexbook.layers", "alexbook.networks"}),
    ("def f():\n    from alexbook.models.torch import build", {"alexbook.models.torch"}),
    ("import alexbook.runs as r, numpy", {"alexbook.runs"}),
    ("import_module(f'alexbook.training.{name}_trainer')", {"alexbook.training"}),
    ("__import__('alexbook.cli')", {"alexbook.cli"}),
    ("print('alexbook.cli')", set()),
])
def test_imports_are_seen(source, expected):
    assert imported(source) == expected


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_rooms_below_its_own(path):
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    below = {room(name) for name in imported(path.read_text(encoding="utf-8"))} - {own, "", "__version__"}
    assert own in FLOOR, f"the room {own} has no floor in FLOORS"
    assert all(FLOOR[other] < FLOOR[own] for other in below), f"{own} imports from {sorted(below)}"


def test_every_room_is_there_and_none_is_crowded():
    there = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in modules()}
    assert set(FLOOR) == there
    for folder in {path.parent for path in modules()} - {PACKAGE / "exercises"}:  # which has one file for each chapter
        public = [path for path in folder.glob("*.py") if not path.name.startswith("_")]
        assert len(public) <= MOST, folder


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_another_rooms_private_files_stay_its_own(path):
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for name in imported(path.read_text(encoding="utf-8")):
        parts = name.split(".")
        assert room(name) == own or not any(part.startswith("_") for part in parts[2:]), name
