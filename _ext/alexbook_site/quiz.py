"""A short quiz at the end of each chapter's page, from ``quizzes/NAME.yml`` (see ``quizzes/README.md``).

The page carries everything as plain HTML: each question with its choices, and the reasons folded away below it.
``_static/quiz.js`` turns the choices into buttons that answer; without JavaScript and on paper the reasons remain.
"""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from .locales import speaker

TITLE = "Check yourself"
BEFORE = "Further reading"
LETTERS = "ABCD"
# What the page says of itself; a translation has them in its catalog of the quizzes.
NUMBER, FOLDED, RIGHT_IS = "Question {number} of {of}", "Answer and reasons", "Right is {letter}."
RIGHT, WRONG = "Right.", "No."


@dataclass(frozen=True)
class Choice:
    """One possible answer, and the reason why it is right or wrong."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with three or four choices, exactly one of them right.

    ``truth`` and ``computed`` are for the tests alone: an expression whose value the right choice must state, and one
    for each other number (as it is written) that the chapter's page does not show. ``variants`` is for
    ``teaching/alexteach``: the same question with other numbers.
    """

    text: str
    choices: tuple[Choice, ...]
    truth: str = ""
    computed: dict[str, str] = field(default_factory=dict)
    variants: dict = field(default_factory=dict)


def keys_fit(entry: object, needed: set[str], allowed: set[str], where: str) -> None:
    """Raises ``ExtensionError`` where an entry is no mapping, lacks a key, or has one that means nothing."""
    keys = set(entry) if isinstance(entry, dict) else set()
    if missing := needed - keys:
        raise ExtensionError(f"{where} lacks {', '.join(sorted(missing))}.")
    if unknown := keys - needed - allowed:
        raise ExtensionError(f"{where}: nothing is known about {', '.join(sorted(unknown))}.")


def texts_fit(entry: dict, names: set[str], where: str) -> None:
    """Raises ``ExtensionError`` where what should be text is not: YAML reads a bare yes, no or number as a value."""
    if wrong := [name for name in sorted(names) if not isinstance(entry[name], str)]:
        raise ExtensionError(f"{where}: {wrong[0]} is {entry[wrong[0]]!r} and should be text; put it in quotation "
                             "marks, since YAML reads a bare yes, no or number as a value.")


def load(path: Path) -> list[Question]:
    """The questions of a file; ``ExtensionError`` says in one sentence what does not fit."""
    questions = []
    for place, entry in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1):
        where = f"{path.name}, question {place}"
        keys_fit(entry, {"question", "choices"}, {"truth", "computed", "variants"}, where)
        texts_fit(entry, {"question"}, where)
        for choice in entry["choices"]:
            keys_fit(choice, {"text", "why"}, {"right"}, where)
            texts_fit(choice, {"text", "why"}, where)
        choices = tuple(Choice(**choice) for choice in entry["choices"])
        if not 3 <= len(choices) <= len(LETTERS):
            raise ExtensionError(f"{where} has {len(choices)} choices; it needs three or four.")
        if (right := sum(choice.right for choice in choices)) != 1:
            raise ExtensionError(f"{where} has {right} right choices; it needs exactly one.")
        if "variants" in entry:
            keys_fit(entry["variants"], {"values", "question", "choices"}, set(), f"{where}, variants")
        questions.append(Question(entry["question"], choices, entry.get("truth", ""), entry.get("computed", {}),
                                  entry.get("variants", {})))
    return questions


def marked(text: str) -> str:
    """Text as HTML, with printers' quotation marks; `this` is code and stays as it is, *this* is stressed."""
    parts = html.escape(text, quote=False).split("`")
    for place in range(0, len(parts), 2):
        prose = re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", parts[place])
        prose = re.sub(r'"([^"]*)"', "\N{LEFT DOUBLE QUOTATION MARK}\\1\N{RIGHT DOUBLE QUOTATION MARK}", prose)
        parts[place] = prose.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def render_question(question: Question, number: int, of: int, say: Callable[[str], str] = str) -> str:
    """A question as it stands on the page: a group with its choices, and the reasons folded away."""
    choices = "".join(f'<li><span class="quiz-text">{marked(say(choice.text))}</span></li>'
                      for choice in question.choices)
    reasons = "".join(
        f'<li{" data-right" if choice.right else ""}><strong>{say(RIGHT if choice.right else WRONG)}</strong> '
        f"{marked(say(choice.why))}</li>" for choice in question.choices)
    letter = LETTERS[[choice.right for choice in question.choices].index(True)]
    return (
        f'<fieldset class="quiz-question" id="question-{number}">'
        f'<legend><span class="quiz-number">{say(NUMBER).format(number=number, of=of)}</span> '
        f'{marked(say(question.text))}</legend>'
        f'<ol class="quiz-choices" type="A">{choices}</ol>'
        '<div class="quiz-feedback" role="status"></div>'
        f'<details class="quiz-reasons"><summary>{say(FOLDED)}</summary><p>{say(RIGHT_IS).format(letter=letter)}</p>'
        f'<ol type="A">{reasons}</ol></details></fieldset>\n')


def render(questions: Iterable[Question], say: Callable[[str], str] = str) -> str:
    """All questions of a chapter as HTML, each text as ``say`` translates it."""
    questions = list(questions)
    body = "".join(render_question(question, n, len(questions), say) for n, question in enumerate(questions, 1))
    return f'<div class="quiz">\n{body}<p class="quiz-score" role="status"></p></div>'


def add_quiz(app: Sphinx, doctree: nodes.document) -> None:
    """Puts a chapter's quiz in front of its last section, or at its end."""
    root, name = Path(app.srcdir), app.env.docname
    path = root / "quizzes" / f"{Path(name).name}.yml"
    if not name.startswith("chapters/") or not path.is_file():
        return
    app.env.note_dependency(str(path))
    say = speaker(app, "quizzes")
    section = nodes.section("", nodes.title(TITLE, say(TITLE)), nodes.raw("", render(load(path), say), format="html"),
                            ids=["check-yourself"], names=["check yourself"], classes=["quiz-section"])
    chapter = next(iter(doctree.findall(nodes.section)))
    parts = [part for part in chapter.children if isinstance(part, nodes.section)]
    last = [part for part in parts if part.next_node(nodes.title).astext() == BEFORE]
    chapter.insert(chapter.index(last[0]) if last else len(chapter), section)


def setup(app: Sphinx) -> None:
    # Before Sphinx collects the page's own contents, so that the quiz is among them.
    app.connect("doctree-read", add_quiz, priority=400)
