"""What a chapter has to show, found by its own words: a figure by its caption, a cell by its text, and so on.

A name is the beginning of what is meant, and must fit exactly one thing. Numbers of cells and figures change when a
chapter is edited, and so do the cells' ids; their words change when something else is said.
"""

import base64
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from alexbook_site import quiz
from alexbook_site.chapters import EXERCISE, Chapter, read
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
IMAGES = {"image/svg+xml": "svg+xml", "image/png": "png", "image/webp": "webp"}
PIXEL_SIZE = re.compile(r'viewBox="\s*[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)')
TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)
DRAWING = re.compile(r"<svg.*?</svg>", re.DOTALL)
ROOM = (1160, 440)  # pixels that a slide has for a drawing above a line of words
WIDGET = re.compile(r"^<(ax-[a-z-]+)[^>]*>.*?</\1>", re.MULTILINE | re.DOTALL)
Thing = TypeVar("Thing")


class WrongDeck(Exception):
    """A deck cannot be made; the message says why, in one sentence."""


@dataclass(frozen=True)
class Figure:
    """A figure of a chapter.

    Attributes:
        caption: its caption as Markdown, or "".
        alt: its alternative text, or a drawing's title.
        markup: an ``<img>`` with its data, or the drawing itself.
        ratio: its width divided by its height.
    """

    caption: str
    alt: str
    markup: str
    ratio: float


@dataclass(frozen=True)
class Cell:
    """A code cell: its source, what it printed, the tables that it showed."""

    source: str
    printed: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Exercise:
    """An exercise: its number, title, difficulty and time, and its text as Markdown."""

    number: int
    title: str
    effort: str
    text: str


def plain(text: str) -> str:
    """Markdown as it is said: on one line, without the signs of emphasis, code and mathematics."""
    return re.sub(r"[*`$]", "", " ".join(text.split()))


class Source:
    """A chapter and its quiz, as a deck names their parts."""

    def __init__(self, path: Path) -> None:
        """
        Args:
            path: the chapter's notebook.

        Raises:
            WrongDeck: where there is none.
        """
        if not path.is_file():
            raise WrongDeck(f"There is no chapter {path.stem}.")
        self.path = path
        self.about: Chapter = read(path)
        self._cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]

    @property
    def name(self) -> str:
        return self.path.stem

    def figure(self, words: str) -> Figure:
        """The figure whose caption or alternative text begins with these words."""
        return self._one(words, "figure", self.figures, lambda figure: (figure.caption, figure.alt))

    def cell(self, words: str) -> Cell:
        """The code cell that contains this text."""
        found = [cell for cell in self.cells if words in cell.source]
        if len(found) != 1:
            raise WrongDeck(f"{self.name} has {len(found) or 'no'} cell{'s' * (len(found) > 1)} with {words!r}; "
                            "it must be exactly one.")
        return found[0]

    def question(self, words: str) -> quiz.Question:
        """The question of the quiz that begins with these words."""
        return self._one(words, "question", self.questions, lambda question: (question.text,))

    def exercise(self, words: str) -> Exercise:
        """The exercise whose title begins with these words."""
        return self._one(words, "exercise", self.exercises, lambda exercise: (exercise.title,))

    def widget(self, tag: str) -> str:
        """The first element of this name, as the chapter has it."""
        for cell in self._prose():
            for found in WIDGET.finditer(cell):
                if found[1] == tag:
                    return found[0]
        raise WrongDeck(f"{self.name} has no widget {tag!r}.")

    @cached_property
    def figures(self) -> list[Figure]:
        return [_figure(kind, content, self._caption(place), _alt(cell))
                for place, cell in enumerate(self._cells) if cell["cell_type"] == "code"
                for kind, content in _drawn(cell)]

    @cached_property
    def cells(self) -> list[Cell]:
        return [Cell("".join(cell["source"]), _printed(cell), tuple(_tables(cell)))
                for cell in self._cells if cell["cell_type"] == "code"]

    @cached_property
    def questions(self) -> list[quiz.Question]:
        return quiz.load(ROOT / "quizzes" / f"{self.name}.yml")

    @cached_property
    def exercises(self) -> list[Exercise]:
        found = []
        for cell in self._prose():
            if title := EXERCISE.search(cell):
                effort, _, text = cell[title.end():].partition(")")
                text = text.lstrip(".: \n").partition("<details>")[0]
                found.append(Exercise(int(title[1]), title[2].rstrip("."), " ".join(effort.split()), text.strip()))
        return found

    def _prose(self) -> Iterator[str]:
        for cell in self._cells:
            if cell["cell_type"] == "markdown":
                yield "".join(cell["source"])

    def _caption(self, place: int) -> str:
        """As the pages find it (``alexbook_site.numbering``): in the cell's metadata, or below in italics."""
        if given := self._cells[place]["metadata"].get("mystnb", {}).get("figure", {}).get("caption"):
            return given
        for below in self._cells[place + 1:]:
            if below["cell_type"] == "markdown":
                first = "".join(below["source"]).strip().partition("\n\n")[0]
                return first if re.match(r"\*[^*\s]", first) else ""
            if any(_drawn(below)):
                return ""
        return ""

    def _one(self, words: str, what: str, things: Iterable[Thing], said: Callable[[Thing], tuple[str, ...]]) -> Thing:
        found = [thing for thing in things if any(plain(text).startswith(plain(words)) for text in said(thing))]
        if len(found) != 1:
            raise WrongDeck(f"{self.name} has {len(found) or 'no'} {what}{'s' * (len(found) > 1)} that "
                            f"begin{'s' * (len(found) < 2)} with {words!r}; it must be exactly one.")
        return found[0]


def _alt(cell: dict) -> str:
    return cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")


def _drawn(cell: dict) -> Iterator[tuple[str, str]]:
    """The pictures among a cell's outputs, as kind and content."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "text/html" in data:
            if "<svg" in (text := "".join(data["text/html"])):
                yield "text/html", text
        elif kind := next((kind for kind in IMAGES if kind in data), None):
            yield kind, "".join(data[kind])


def _figure(kind: str, content: str, caption: str, alt: str) -> Figure:
    if kind == "text/html":
        content = _larger(content)
        title = TITLE.search(content)
        return Figure(caption, alt or (html.unescape(title[1]) if title else ""), content, _ratio(content))
    if kind == "image/svg+xml":
        ratio, data = _ratio(content), base64.b64encode(content.encode()).decode()
    else:
        data = content.replace("\n", "")
        width, height = Image.open(io.BytesIO(base64.b64decode(data))).size
        ratio = width / height
    return Figure(caption, alt, f'<img alt="{html.escape(plain(alt))}" src="data:image/{IMAGES[kind]};base64,{data}"/>',
                  ratio)


def _larger(content: str) -> str:
    """Of a drawing's two forms, for a wide and a narrow page, the one whose words are larger on a slide."""
    forms = [form[0] for form in DRAWING.finditer(content)]
    if len(forms) < 2:
        return content

    def scale(form: str) -> float:
        size = PIXEL_SIZE.search(form)
        return min(ROOM[0] / float(size[1]), ROOM[1] / float(size[2])) if size else 0.0
    best = max(forms, key=scale)
    for form in forms:
        content = content.replace(form, best.replace("net-narrow", "net-wide", 1) if form is best else "")
    return content


def _ratio(drawing: str) -> float:
    size = PIXEL_SIZE.search(drawing)
    return float(size[1]) / float(size[2]) if size else 1.0


def _printed(cell: dict) -> str:
    """What a cell printed, or its value where that is text alone."""
    return "".join("".join(output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"])
                   for output in cell.get("outputs", [])
                   if output.get("name") == "stdout" or list(output.get("data", ())) == ["text/plain"])


def _tables(cell: dict) -> Iterator[str]:
    for output in cell.get("outputs", []):
        text = "".join(output.get("data", {}).get("text/html", ""))
        if "<table" in text:
            yield text
