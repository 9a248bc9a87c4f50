"""What a chapter says of itself, read from its notebook: the one home of its title, times, hardware and goals.

The title is the first heading, the number is that of the file's name, and the rest is the notebook's metadata::

    "alexbook": {"minutes": 45, "run_minutes": 1, "hardware": "PyTorch; no download",
                 "goals": [{"goal": "count a network's parameters", "shown_by": ["exercise-2", "check-yourself"]}]}

``minutes`` is the time to read, ``run_minutes`` the time to run on one core of a laptop, and ``shown_by`` names the
places on the chapter's page that show whether a goal is reached. Pages, README, the instructor's guide and the tests
take all of it from here. Nothing but Python is needed, so that any tool can.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

NAME = re.compile(r"(?:chapters/)?(\d\d)-[\w-]+")
EXERCISE = re.compile(r"^\*\*(\d+)\. ([^*]+)\*\* \(", re.MULTILINE)
HEADING = re.compile(r"^#{2,} (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
QUIZ = "check-yourself"
FIELDS: dict[str, type | tuple[type, ...]] = {
    "minutes": (int, float), "run_minutes": (int, float), "hardware": str, "goals": list}
GOALS_TAG = "goals"  # of the cell that goals_cell() writes


class IncompleteChapter(Exception):
    """A notebook does not say of itself what a chapter has to; the message says what is missing, in one sentence."""


@dataclass(frozen=True)
class Goal:
    """What a reader can do after the chapter, and the addresses on its page that show it."""

    words: str
    shown_by: tuple[str, ...]


@dataclass(frozen=True)
class Chapter:
    """A chapter's own words about itself.

    Attributes:
        path: its notebook.
        title: its first heading, as Markdown.
        question: its first paragraph, on one line and without links.
        minutes: the time that it takes to read.
        run_minutes: the time that it takes to run.
        hardware: what it needs.
        goals: what its readers can do afterwards.
    """

    path: Path
    title: str
    question: str
    minutes: float
    run_minutes: float
    hardware: str
    goals: tuple[Goal, ...]

    @property
    def number(self) -> int:
        """The number that the file's name begins with."""
        return int(self.path.stem.partition("-")[0])

    @cached_property
    def _prose(self) -> str:
        return FENCED.sub("", markdown(_cells(self.path)))

    @property
    def exercises(self) -> dict[str, str]:
        """Address -> title of each exercise."""
        part = self._prose.partition("## Exercises")[2]
        return {f"exercise-{place}": title for place, title in EXERCISE.findall(part)}

    @property
    def sections(self) -> dict[str, str]:
        """Address -> title of each section, as the pages have them."""
        return {address(title): title for title in HEADING.findall(self._prose)}


def number(docname: str) -> int | None:
    """The number of a chapter's page (``chapters/06-output-sizes``) or file; ``None`` for other pages."""
    found = NAME.fullmatch(docname)
    return int(found[1]) if found else None


def address(title: str) -> str:
    """The address that a heading has on its page: its words, without a number at their beginning."""
    return re.sub(r"^[\d-]+|-+$", "", re.sub(r"[^a-z0-9]+", "-", title.lower()))


def markdown(cells: list[dict]) -> str:
    """The prose of a notebook's cells."""
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def _cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def read(path: Path) -> Chapter:
    """Reads a chapter.

    Args:
        path: its notebook.

    Raises:
        IncompleteChapter: where the notebook's metadata lack something.
    """
    notebook = json.loads(path.read_text(encoding="utf-8"))
    title, _, rest = markdown(notebook["cells"]).strip().partition("\n")
    question = " ".join(rest.strip().partition("\n\n")[0].split())
    facts = check(notebook["metadata"].get("alexbook"), path.name)
    goals = tuple(Goal(goal["goal"], tuple(goal["shown_by"])) for goal in facts["goals"])
    return Chapter(path, title.removeprefix("# "), re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", question),
                   facts["minutes"], facts["run_minutes"], facts["hardware"], goals)


def check(facts: Any, name: str) -> dict:
    """The metadata of a chapter, if nothing is missing or of another kind.

    Raises:
        IncompleteChapter: if something is.
    """
    if not isinstance(facts, dict):
        raise IncompleteChapter(f'{name} has no "alexbook" in its metadata; CONTRIBUTING.md says what belongs there.')
    for field, kind in FIELDS.items():
        if not isinstance(facts.get(field), kind) or not facts[field]:
            raise IncompleteChapter(f"{name} has no {field!r} in its metadata's \"alexbook\", which needs "
                                    f"{', '.join(FIELDS)}.")
    for goal in facts["goals"]:
        if not (isinstance(goal, dict) and goal.get("goal") and goal.get("shown_by")):
            raise IncompleteChapter(f'{name} has the goal {goal!r}; a goal is {{"goal": "...", "shown_by": ["..."]}}.')
    return facts


def chapters(root: Path) -> list[Chapter]:
    """All chapters below the repository's ``root``, in the book's order."""
    return [read(path) for path in sorted((root / "chapters").glob("*.ipynb"))]


def duration(minutes: float) -> str:
    """A time in words that need no table: "seconds", "half a minute", "45 minutes"."""
    if minutes < 0.4:
        return "seconds"
    known = {0.5: "half a minute", 1: "a minute", 1.5: "a minute and a half"}
    return known.get(minutes, f"{minutes:g} minutes")


def goals_cell(facts: dict) -> str:
    """The Markdown cell that tells readers of the notebook, in Colab too, what its metadata say.

    ``tools/run_notebooks.py`` writes it, into the cell with the tag ``goals``.
    """
    goals = [goal["goal"] for goal in facts["goals"]]
    ends = [";"] * (len(goals) - 1) + ["."]
    lines = ["After this chapter you can", "", *(f"- {goal}{end}" for goal, end in zip(goals, ends, strict=True)), "",
             f"*Time:* {duration(facts['minutes'])} to read, {duration(facts['run_minutes'])} to run on a laptop. "
             f"*Needs:* {facts['hardware']}."]
    return "\n".join(lines)
