"""Style sheets without the rules that no page uses: the theme brings all of Bootstrap and Font Awesome.

Which classes and ids are used is known when all pages are there.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import tinycss2
from tinycss2.ast import Node

TRIMMED = ("_static/styles/*.css", "_static/mystnb*.css")
NESTED = {"media", "supports", "container", "layer"}
NAME = re.compile(r"[\w-]+")
OWN_NAME = re.compile(r"[.#]((?:\\.|[\w-])+)")
IN_BRACKETS = re.compile(r":(?:not|is|where|has)\([^()]*(?:\([^()]*\)[^()]*)*\)")


def names_in(text: str) -> set[str]:
    """Every word of a page or script that could be a class or an id."""
    return set(NAME.findall(text))


def can_match(selector: str, used: set[str]) -> bool:
    """Whether every class and id that the selector asks for is used; what stands in ``:not()`` and the like is free."""
    asked = (re.sub(r"\\(.)", r"\1", name) for name in OWN_NAME.findall(IN_BRACKETS.sub("", selector)))
    return all(name in used for name in asked)


def split_selectors(prelude: str) -> list[str]:
    """``a, b:is(c, d)`` as ``["a", "b:is(c, d)"]``."""
    parts, depth = [""], 0
    for character in prelude:
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def keep(rules: Iterable[Node], used: set[str]) -> Iterator[str]:
    """The rules that can match, as CSS."""
    for rule in rules:
        if rule.type == "qualified-rule":
            if wanted := [s for s in split_selectors(tinycss2.serialize(rule.prelude)) if can_match(s, used)]:
                yield f"{','.join(wanted)}{{{tinycss2.serialize(rule.content)}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in NESTED and rule.content is not None:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            if body := "".join(keep(inner, used)):
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{body}}}"
        elif rule.type == "at-rule" and "fontawesome" not in tinycss2.serialize(rule.content or []):
            yield rule.serialize()


def trim(css: str, used: set[str]) -> str:
    """The stylesheet without comments, and without rules for classes and ids that are not among ``used``."""
    return "\n".join(keep(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), used))


def trim_folder(folder: Path, pages: Iterable[Path]) -> None:
    """Trims the theme's style sheets in a built book to what its pages and scripts name."""
    scripts = (folder / "_static").rglob("*.js")
    used = set().union(*(names_in(path.read_text(encoding="utf-8")) for path in [*pages, *scripts]))
    for pattern in TRIMMED:
        for path in folder.glob(pattern):
            path.write_text(trim(path.read_text(encoding="utf-8"), used), encoding="utf-8", newline="\n")
