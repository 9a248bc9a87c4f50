"""What a lecturer plans with: minutes of exercises and grading, and which chapters a chapter builds on.

Everything is computed from the chapters, the glossary and the assignments, so that the guide cannot promise other times
than they do. Nothing but Python is needed, as in ``chapters``.
"""

import json
import re
from collections import Counter
from pathlib import Path

from alexbook_site.chapters import FENCED, Chapter, markdown

EXERCISE_TIME = re.compile(r"\*\*\d+\. [^*]+\*\* \((?:easy|medium|hard|project), (\d+|an?) (minutes?|hours?)\)")
ENTRY = re.compile(r"\n(?=\S)")
FORMS = re.compile(r"^\s*% forms: (.+)$", re.MULTILINE)
EXPLAINED = re.compile(r"\(chapters/(\d\d)-[\w-]+\.ipynb#")
NO_WORDS = re.compile(r"\$\$.*?\$\$|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>", re.DOTALL)
MINUTES_PER_ANSWER = 4  # to grade one written answer by its rubric; an assumption that the guide states


def _cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def exercise_minutes(path: Path) -> int:
    """The minutes that the headings of a chapter's exercises give, added up.

    Args:
        path: The chapter's notebook.
    """
    found = EXERCISE_TIME.findall(markdown(_cells(path)))
    return sum((1 if number.startswith("a") else int(number)) * (60 if unit.startswith("hour") else 1)
               for number, unit in found)


def grading_minutes(path: Path, students: int) -> int:
    """The minutes that a person needs to grade an assignment's written answers.

    Args:
        path: The assignment's notebook, with nbgrader's marks.
        students: How many hand it in.
    """
    marks = [cell["metadata"].get("nbgrader", {}) for cell in _cells(path)]
    return MINUTES_PER_ANSWER * students * sum(bool(mark.get("grade") and mark.get("solution")) for mark in marks)


def terms(glossary: str) -> dict[int, list[tuple[str, ...]]]:
    """The glossary's terms, each as the forms that a text may have, by the chapter that explains them first.

    Args:
        glossary: The text of ``glossary.md``.
    """
    found: dict[int, list[tuple[str, ...]]] = {}
    for block in ENTRY.split(glossary):
        head, _, definition = block.strip().partition("\n")
        if chapter := EXPLAINED.search(definition):
            forms = FORMS.search(definition)
            listed = tuple(form.strip() for form in forms[1].split(",")) if forms else (head,)
            found.setdefault(int(chapter[1]), []).append(listed)
    return found


def uses(forms: tuple[str, ...], text: str) -> bool:
    """Whether a text has one of a term's forms, as whole words, also in the plural."""
    words = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    return re.search(rf"(?<![\w-])(?:{words})(?:s|es)?(?![\w-])", text, re.IGNORECASE) is not None


def prerequisites(found: list[Chapter], glossary: str) -> dict[int, Counter[int]]:
    """How many terms each chapter uses that an earlier chapter explains.

    Args:
        found: The chapters, in the book's order.
        glossary: The text of ``glossary.md``.

    Returns:
        A chapter's number -> (an earlier chapter's number -> the number of its terms).
    """
    known = terms(glossary)
    needed: dict[int, Counter[int]] = {}
    for chapter in found:
        text = NO_WORDS.sub(" ", FENCED.sub("", markdown(_cells(chapter.path))))
        counts = {earlier: sum(uses(forms, text) for forms in listed)
                  for earlier, listed in known.items() if earlier < chapter.number}
        needed[chapter.number] = Counter({earlier: count for earlier, count in counts.items() if count})
    return needed
