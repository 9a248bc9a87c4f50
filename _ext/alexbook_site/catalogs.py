"""What a translator needs besides the text: the quizzes' and the widgets' words, as catalogs of their own.

Sphinx's gettext builder collects what is in the documents. Quizzes are written into the pages as HTML and widgets speak
from scripts, so that ``make gettext`` would not find them; here they are added, as ``quizzes.pot`` and ``widgets.pot``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.builders.gettext import Catalog, MsgOrigin
from sphinx.environment import BuildEnvironment

from . import quiz, widgets

COMMENT = r"//[^\n]*|/\*.*?\*/"
QUOTED = r'"(?:[^"\\\n]|\\.)*"'
SIMPLE = r"`(?:[^`\\]|\\.)*`"
PIECE = rf"\$\{{(?:[^`{{}}]|\{{[^`{{}}]*\}}|{SIMPLE})*\}}"  # what a template inserts, which may hold a template
TEMPLATE = rf"`(?:{PIECE}|[^`\\]|\\.)*`"
LITERAL = f"(?:{QUOTED}|{TEMPLATE})"
# A comment is matched first, so that what it quotes is no message; "a" + "b" is one.
TOKEN = re.compile(rf"(?P<comment>{COMMENT})|(?P<text>{LITERAL}(?:\s*\+\s*{LITERAL})*)", re.DOTALL)
PART = re.compile(LITERAL, re.DOTALL)
LABEL = re.compile(r"this\.(?:choice|number|slider)\(\"\w+\", $")  # behind it comes a control's label
CODE = re.compile(
    r"use strict$|Backspace$|M\$\{|\(|<|\.|[a-z]+( [a-z]+-[a-z]+)+ |.*(?:\bax-|[{};#]\s*$|://)", re.DOTALL)
PLACE = re.compile(r"\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")


def unquoted(literals: str) -> str:
    """The text of one literal of JavaScript, or of several that are joined by ``+``."""
    return "".join(re.sub(r"\\(.)", r"\1", part[1:-1]) for part in PART.findall(literals))


def is_message(text: str, before: str) -> bool:
    """Whether a literal is something that a reader sees: a label, two words or more, or one with a capital.

    Args:
        text: the literal's text.
        before: the code in front of it on its line.
    """
    words = PLACE.sub("", text)
    if CODE.match(text) or not re.search(r"[A-Za-z]{2}", words):
        return False
    if LABEL.search(before):
        return True
    return bool(re.search(r"[A-Za-z]{2,}[,.:;]? +(?:\(|[A-Za-z])", words) or re.fullmatch(r"[A-Z][a-z]+( .*)?", words))


def script_messages(script: str) -> Iterator[tuple[int, str]]:
    """The line and the text of each message in a widget's script.

    Args:
        script: JavaScript.

    Returns:
        The messages in the script's order; ``"a" + "b"`` is one, and what ``${...}`` inserts stays as it is written.
    """
    for token in TOKEN.finditer(script):
        if not token["text"]:
            continue
        before = script[:token.start()]
        text = unquoted(token["text"])
        if is_message(text, before.rpartition("\n")[2]):
            yield before.count("\n") + 1, text


def quiz_messages(questions: list[quiz.Question]) -> Iterator[str]:
    """All words of a quiz: each question, its choices, and their reasons."""
    for question in questions:
        yield question.text
        for choice in question.choices:
            yield choice.text
            yield choice.why


def data_messages() -> Iterator[str]:
    """The words that the widgets' data bring: names of conditions, layers, kernels and groups of runs."""
    yield from widgets.WORDS.values()
    yield from widgets.KINDS.values()
    yield from (title for _, title, *_ in widgets.KERNELS)
    yield from (group.title for group in widgets.GROUPS)


def add_catalogs(app: Sphinx, env: BuildEnvironment) -> None:
    """Adds both catalogs to those that the gettext builder writes; does nothing for the pages."""
    if app.builder.name != "gettext":
        return
    root = Path(app.srcdir)
    quizzes: Catalog = app.builder.catalogs["quizzes"]
    for text in (quiz.TITLE, quiz.NUMBER, quiz.FOLDED, quiz.RIGHT_IS, quiz.RIGHT, quiz.WRONG):
        quizzes.add(text, MsgOrigin(quiz.__file__, 1))
    for path in sorted(root.glob("quizzes/*.yml")):
        for text in quiz_messages(quiz.load(path)):
            quizzes.add(text, MsgOrigin(str(path), 1))
    spoken: Catalog = app.builder.catalogs["widgets"]
    for path in [root / "_static" / "quiz.js", *sorted(root.glob("_static/widgets/*.js"))]:
        for line, text in script_messages(path.read_text(encoding="utf-8")):
            spoken.add(text, MsgOrigin(str(path), line))
    for text in data_messages():
        spoken.add(text, MsgOrigin(widgets.__file__, 1))


def name_the_project(app: Sphinx) -> None:
    """Says in the catalogs' heads whose words they are; Jupyter Book tells Sphinx the title alone."""
    if app.builder.name == "gettext":
        app.config.project, app.config.version = app.config.html_title, version("alexbook")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", name_the_project)
    app.connect("env-updated", add_catalogs)
