"""The places of a finished page that a search can lead to, and what is written there."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

# Kind -> how a result names it, and how it ranks against a section that fits as well.
KINDS = {"section": ("", 1.0), "glossary": ("Glossary", 0.9), "asked": ("Most asked", 1.0), "summary": ("", 0.75),
         "exercise": ("Exercise", 0.6), "quiz": ("Quiz", 0.5), "page": ("", 0.65), "aside": ("", 0.5)}
PAGES = {"glossary": "glossary", "most-asked": "asked", "instructors": "aside", "bibliography": "aside"}
HEADINGS = {"What we found": "summary", "Exercises": "aside", "Questions to think about": "aside",
            "Check yourself": "aside", "Further reading": "aside"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
INLINE = {"a", "abbr", "b", "code", "em", "i", "kbd", "mark", "small", "span", "strong", "sub", "sup", "u"}
UNREAD = {"annotation", "button", "nav", "noscript", "script", "style", "svg", "template"}
UNREAD_CLASSES = {"headerlink", "chapter-number", "quiz-number", "quiz-feedback", "quiz-score"}
HEADING = re.compile(r"h[1-6]$")
EXERCISE = re.compile(r"exercise-\d+$")
QUESTION = re.compile(r"question-\d+$")
TEX = ((re.compile(r"\{,\}"), ","), (re.compile(r"\\times\b"), "\N{MULTIPLICATION SIGN}"),
       (re.compile(r"\\[A-Za-z]+|\\."), " "), (re.compile(r"[{}$^_&~]"), " "))


@dataclass
class Place:
    """Something with an address of its own on a page.

    Attributes:
        page: the page's name, as ``chapters/01-sliding-window``.
        address: the part of the address behind ``#``; empty for the page itself.
        kind: one of ``KINDS``.
        heading: its title.
        above: the titles of the sections that it lies in, the page's first.
        text, code: what is written there, in order of reading, without the places inside of it.
    """

    page: str
    address: str
    kind: str
    heading: str = ""
    above: tuple[str, ...] = ()
    parts: list[tuple[bool, str]] = field(default_factory=list)

    @property
    def page_title(self) -> str:
        return self.above[0] if self.above else self.heading

    @property
    def text(self) -> str:
        return _squeezed(words for is_code, words in self.parts if not is_code)

    @property
    def code(self) -> str:
        return _squeezed(words for is_code, words in self.parts if is_code)

    @property
    def shown(self) -> str:
        return _squeezed(words for _, words in self.parts)


def _squeezed(parts) -> str:
    return " ".join("".join(parts).split())


def without_tex(formula: str) -> str:
    r"""``62{,}378{,}344`` as it is read."""
    for pattern, instead in TEX:
        formula = pattern.sub(instead, formula)
    return formula


class Reader(HTMLParser):
    """Reads a page from its ``<article>`` on: ``places`` in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.places = page, []
        self.open: list[tuple[str, set[str]]] = []  # tags, and what ends with them
        self.within: list[Place] = []  # sections, the innermost last
        self.now: Place | None = None
        self.titling: list[str] | None = None

    def begin(self, address: str, kind: str) -> None:
        above = tuple(place.heading for place in self.within)
        self.now = Place(self.page, address, kind, above=above)
        self.places.append(self.now)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        classes = set(has.get("class", "").split())
        if tag == "img" and self.inside("article") and not self.inside("unread"):
            self.add(f" {has.get('alt', '')} ", False)
        if tag in VOID:
            return self.add(" ", False)
        ends: set[str] = {tag} & {"article", "pre"}
        if tag in UNREAD or classes & UNREAD_CLASSES:
            ends.add("unread")
        if tag == "math":
            self.add(without_tex(has.get("alttext", "")), False)
            ends.add("unread")
        if self.inside("article") and not self.inside("unread"):
            ends |= self.enter(tag, has.get("id", ""), classes)
        self.open.append((tag, ends))
        if tag not in INLINE:
            self.add(" ", False)
        return None

    def enter(self, tag: str, address: str, classes: set[str]) -> set[str]:
        """Begins a place or a title where there is one; what ends with the tag."""
        page_kind = PAGES.get(self.page, "section" if self.page.startswith("chapters/") else "page")
        if tag == "section" and address:
            self.begin(address if self.within else "", page_kind)
            self.within.append(self.now)
            return {"section"}
        if tag == "fieldset" and QUESTION.match(address):
            self.begin(address, "quiz")
            return {"place"}
        if EXERCISE.match(address):
            self.begin(address, "exercise")
            return set()
        if tag == "dt" and address and self.page == "glossary":
            self.begin(address, "glossary")
        wanted = (HEADING.match(tag) or tag in ("legend", "dt")
                  or (tag == "strong" and self.now is not None and self.now.kind == "exercise"))
        if wanted and self.now is not None and not self.now.heading:
            self.titling = []
            return {"title"}
        return set()

    def handle_endtag(self, tag: str) -> None:
        if not any(name == tag for name, _ in self.open):
            return
        if tag not in INLINE:
            self.add(" ", False)
        name = None
        while name != tag:
            name, ends = self.open.pop()
            self.leave(ends)

    def leave(self, ends: set[str]) -> None:
        if "title" in ends and self.titling is not None:
            heading = _squeezed(self.titling)
            self.now.heading, self.titling = heading, None
            if self.now.kind == "section" and heading in HEADINGS:
                self.now.kind = HEADINGS[heading]
        if "section" in ends:
            self.within.pop()
        if ends & {"section", "place"}:
            self.now = self.within[-1] if self.within else None

    def inside(self, what: str) -> bool:
        return any(what in ends for _, ends in self.open)

    def handle_data(self, data: str) -> None:
        if self.inside("unread") or not self.inside("article"):
            return
        self.add(data, self.inside("pre"))

    def add(self, words: str, is_code: bool) -> None:
        if self.titling is not None:
            self.titling.append(words)
        elif self.now is not None:
            self.now.parts.append((is_code, words))


def read(page: str, html: str) -> list[Place]:
    """The places of a page.

    Args:
        page: its name, as ``chapters/01-sliding-window``.
        html: the whole page.

    Returns:
        The places in the order of the page, each with its own words; entries of the glossary that only lead to another
        one, and places without a title, are left out.
    """
    reader = Reader(page)
    reader.feed(html)
    reader.close()
    return [place for place in reader.places
            if place.heading and not (place.kind == "glossary" and place.text.startswith("See "))]
