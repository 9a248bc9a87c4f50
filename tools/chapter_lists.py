#!/usr/bin/env python3
"""Write the lists of chapters, from what the notebooks say; ``make notebooks`` and ``make address`` do it.

    README.md        the chapters, with links that open them in Colab
    instructors.md   times and hardware of each; what it builds on; its goals, and the exercises that show them

The lists stand between comments, and what is between them is written over. The pages' own lists need none of this.
"""

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "_ext"))  # the book's extension, which reads chapters

from alexbook_site import planning  # noqa: E402
from alexbook_site.chapters import QUIZ, Chapter, Goal, chapters, duration  # noqa: E402

GITHUB = "https://github.com/"


def colab_address(address: str, branch: str, name: str) -> str | None:
    """The address that opens a notebook, by its ``name`` in the repository, in Colab; None if that is not on GitHub."""
    if not address.startswith(GITHUB):
        return None
    return f"https://colab.research.google.com/github/{address.removeprefix(GITHUB)}/blob/{branch}/{name}"


def links(found: list[Chapter], address: str, branch: str) -> str:
    """README's list: each chapter's title, and a link that opens it in Colab."""
    lines = []
    for chapter in found:
        name = f"chapters/{chapter.path.name}"
        colab = colab_address(address, branch, name)
        lines.append(f"- [{chapter.title}]({name})" + (f" ([open in Colab]({colab}))" if colab else ""))
    return "\n".join(lines)


def times(found: list[Chapter]) -> str:
    """The guide's table of times and hardware, with their sums."""
    exercises = [planning.exercise_minutes(chapter.path) for chapter in found]
    rows = [f"| [{chapter.number} {chapter.title}](chapters/{chapter.path.name}) | {duration(chapter.minutes)} "
            f"| {minutes} minutes | {duration(chapter.run_minutes)} | {chapter.hardware} |"
            for chapter, minutes in zip(found, exercises, strict=True)]
    reading = sum(chapter.minutes for chapter in found)
    said = (f"To read everything takes {reading:,} minutes ({hours(reading)}), all exercises take {sum(exercises):,} "
            f"minutes ({hours(sum(exercises))}): together {reading + sum(exercises):,} minutes, "
            f"{(reading + sum(exercises)) / reading:.1f} times the reading.")
    return "\n".join(["| Chapter | Read | Exercises | Run | Needs |", "|---|---|---|---|---|", *rows, "", said])


def hours(minutes: float) -> str:
    """Minutes in hours, to half an hour: "17.5 hours"."""
    return f"{round(minutes / 30) / 2:g} hours"


def builds_on(found: list[Chapter], glossary: str, most: int = 3) -> str:
    """The guide's table of what a chapter builds on: the earlier chapters that explain most of its terms."""
    names = {chapter.number: f"chapters/{chapter.path.name}" for chapter in found}
    rows = []
    needed = planning.prerequisites(found, glossary)
    for chapter in found:
        strongest = sorted(needed[chapter.number].items(), key=lambda pair: (-pair[1], pair[0]))[:most]
        listed = ", ".join(f"[{number}]({names[number]}) ({count})" for number, count in strongest)
        rows.append(f"| [{chapter.number} {chapter.title}]({names[chapter.number]}) | {listed or 'nothing'} |")
    return "\n".join(["| Chapter | Builds most on (terms that it uses) |", "|---|---|", *rows])


def grading(sources: list[Path], students: int = 25) -> str:
    """What it takes to grade the assignments' written answers, for a class."""
    minutes = [planning.grading_minutes(path, students) for path in sources]
    return (f"For {students} students, at {planning.MINUTES_PER_ANSWER} minutes for each written answer (our "
            f"assumption, not a measurement), the written answers take {sum(minutes):,} minutes "
            f"({hours(sum(minutes))}).")


def goals(found: list[Chapter]) -> str:
    """The guide's goals of each chapter, with what shows them."""
    parts = []
    for chapter in found:
        heading = f"### {chapter.number}. [{chapter.title}](chapters/{chapter.path.name})"
        parts.append("\n".join([heading, "", *(f"- {goal.words}: {shown(goal, chapter)}" for goal in chapter.goals)]))
    return "\n" + "\n\n".join(parts) + "\n"


def shown(goal: Goal, chapter: Chapter) -> str:
    """Links to what shows that a goal is reached; sections are worked through together.

    Raises:
        KeyError: for an address that the chapter has not.
    """
    titles = {QUIZ: "the quiz"} | chapter.sections | chapter.exercises
    alone = [name for name in goal.shown_by if name == QUIZ or name in chapter.exercises]
    link = {name: f"[{titles[name]}](chapters/{chapter.path.name}#{name})" for name in goal.shown_by}
    said = [", ".join(link[name] for name in alone)] if alone else []
    said += [f"together, in {link[name]}" for name in goal.shown_by if name not in alone]
    return ", and ".join(said)


def fill(path: Path, name: str, text: str) -> None:
    """Replaces what stands between the comments ``<!-- name -->`` and ``<!-- end of name -->`` in a file."""
    between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    before = path.read_text(encoding="utf-8")
    path.write_text(between.sub(lambda found: f"{found[1]}{text}\n{found[2]}", before), encoding="utf-8", newline="\n")


def write(root: Path, address: str, branch: str) -> None:
    """Writes all lists below ``root``; a copy of the book may have no guide."""
    found = chapters(root)
    lists: list[tuple[str, str, Callable[[], str]]] = [
        ("README.md", "chapters", lambda: links(found, address, branch)),
        ("instructors.md", "times", lambda: times(found)),
        ("instructors.md", "prerequisites",
         lambda: builds_on(found, (root / "glossary.md").read_text(encoding="utf-8"))),
        ("instructors.md", "goals", lambda: goals(found))]
    if sources := sorted((root / "assignments" / "source").glob("*/*.ipynb")):
        lists.append(("instructors.md", "grading", lambda: grading(sources)))
    for file, name, make in lists:
        if (root / file).is_file():
            fill(root / file, name, make())


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    write(ROOT, project["project"]["urls"]["Repository"], project["tool"]["alexbook"]["branch"])
