"""A deck as its file says it: ``slides/NN-name.yml``, checked for what a lecture needs."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from .source import ROOT, WrongDeck

FOLDER = ROOT / "slides"
LEAST, MOST = 10, 20
AUTOMATIC = 2  # the first slide, with the chapter's title and question, and the last, with its goals
MISCONCEPTION = "Misconception:"


@dataclass(frozen=True)
class Slide:
    """One slide: words, and at most one thing that it shows of the chapter.

    Attributes:
        title: its heading.
        notes: what the lecturer says, as Markdown.
        minutes: how long it takes.
        text: words, as Markdown with ``{{ numbers }}``.
        then: words that appear with the next click.
        figure: how a figure's caption or alternative text begins.
        output: text of the cell whose output is shown.
        code: text of the cell whose source is shown.
        lines: first and last line of that output or code, counted from 1; all without it.
        quiz: how a question of the chapter's quiz begins: it is asked here.
        answer: the same: it is answered here.
        exercise: how an exercise's title begins.
        widget: the name of one of the chapter's widgets.
        settings: what is set in it otherwise than in the chapter.
        of: another chapter's name, if the figure, cell or widget is from there.
    """

    title: str
    notes: str
    minutes: float
    text: str = ""
    then: str = ""
    figure: str = ""
    output: str = ""
    code: str = ""
    lines: tuple[int, int] | None = None
    quiz: str = ""
    answer: str = ""
    exercise: str = ""
    widget: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    of: str = ""

    @property
    def kind(self) -> str:
        """What the slide shows, by the field that names it; ``"text"`` if it has only words."""
        return next((name for name in KINDS if getattr(self, name)), "text")


KINDS = ("figure", "output", "code", "quiz", "answer", "exercise", "widget")
NEEDED = ("title", "notes", "minutes")
KNOWN = tuple(each.name for each in fields(Slide))


@dataclass(frozen=True)
class Deck:
    """A chapter's deck: the name that it shares with the chapter, and its slides without the two automatic ones."""

    name: str
    slides: tuple[Slide, ...]

    @property
    def count(self) -> int:
        """How many slides are shown."""
        return len(self.slides) + AUTOMATIC

    @property
    def minutes(self) -> float:
        """The lecture's time, with a minute for each of the automatic slides."""
        return sum(slide.minutes for slide in self.slides) + AUTOMATIC


def files(folder: Path = FOLDER) -> list[Path]:
    """The decks' files, in the book's order."""
    return sorted(folder.glob("[0-9][0-9]-*.yml"))


def load(path: Path) -> Deck:
    """Reads a deck.

    Raises:
        WrongDeck: where it is no lecture, or says something that means nothing.
    """
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list):
        raise WrongDeck(f"{path.name} must be a list of slides.")
    deck = Deck(path.stem, tuple(_slide(entry, f"{path.name}, slide {place}")
                                 for place, entry in enumerate(entries, 2)))
    if not LEAST <= deck.count <= MOST:
        raise WrongDeck(f"{path.name} makes {deck.count} slides; a deck has {LEAST} to {MOST}.")
    kinds = [slide.kind for slide in deck.slides]
    for kind in ("quiz", "answer", "exercise"):
        if kind not in kinds:
            raise WrongDeck(f"{path.name} has no slide with {kind!r}; a lecture asks, answers, and lets people work.")
    asked: set[str] = set()
    for slide in deck.slides:
        if slide.answer and slide.answer not in asked:
            raise WrongDeck(f"{path.name} answers {slide.answer!r} before it is asked.")
        asked.add(slide.quiz)
    if not any(MISCONCEPTION in slide.notes for slide in deck.slides):
        raise WrongDeck(f"{path.name} names no misconception; notes say it behind {MISCONCEPTION!r}.")
    return deck


def _slide(entry: Any, where: str) -> Slide:
    if not isinstance(entry, dict):
        raise WrongDeck(f"{where} must be a mapping with {', '.join(NEEDED)}.")
    if missing := [name for name in NEEDED if not entry.get(name)]:
        raise WrongDeck(f"{where} lacks {', '.join(missing)}.")
    if unknown := sorted(set(entry) - set(KNOWN)):
        raise WrongDeck(f"{where}: nothing is known about {', '.join(unknown)}; there are {', '.join(KNOWN)}.")
    shown = [name for name in KINDS if entry.get(name)]
    if len(shown) > 1:
        raise WrongDeck(f"{where} shows {' and '.join(shown)}; a slide shows one thing.")
    if not shown and not entry.get("text"):
        raise WrongDeck(f"{where} shows nothing and has no text.")
    return Slide(**entry | ({"lines": tuple(entry["lines"])} if "lines" in entry else {}))
