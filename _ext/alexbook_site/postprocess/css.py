"""One style sheet for a page, without the rules that no page uses: the theme brings all of Bootstrap and Font Awesome.

Which classes and ids are used is known when all pages are there. A browser shows nothing before it has all style sheets
of a page, and the theme's ask for each other; so those that a page names are joined into one.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import tinycss2
from tinycss2.ast import Node

LINK = re.compile(r'[ \t]*<link (?=[^>]*rel="stylesheet")[^>]*href="([^"?]+)[^"]*"[^>]*>\n?')
IMPORT = re.compile(r'@import "([^"]+)";')
ADDRESS = re.compile(r"""url\((["']?)(?!data:|#)([^"')]+)\1\)""")
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


def with_imports(path: Path) -> str:
    """A style sheet with those that it imports in their places."""
    css = path.read_text(encoding="utf-8").removeprefix('@charset "UTF-8";')
    return IMPORT.sub(lambda found: with_imports(path.parent / found[1]), css)


def moved(css: str, source: Path, target: Path) -> str:
    """The style sheet of a folder ``source`` for the folder ``target``: its addresses lead to the same files."""
    def one(found: re.Match[str]) -> str:
        return f'url("{Path(os.path.relpath(source / found[2], target)).as_posix()}")'

    return ADDRESS.sub(one, css)


def join_sheets(folder: Path, pages: Iterable[Path]) -> None:
    """Gives each page of a built book one style sheet, ``_static/style-CHECKSUM.css``, for all that it names.

    Pages that name the same have the same one. Running it again changes nothing.
    """
    pages, static = list(pages), folder / "_static"
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    used = set().union(*map(names_in, texts.values()),
                       *(names_in(path.read_text(encoding="utf-8")) for path in static.rglob("*.js")))
    trimmed: dict[Path, str] = {}
    for page, text in texts.items():
        sheets = [(page.parent / address).resolve() for address in LINK.findall(text)]
        if not sheets or sheets[0].name.startswith("style-"):
            continue
        for sheet in sheets:
            if sheet not in trimmed:
                trimmed[sheet] = moved(trim(with_imports(sheet), used), sheet.parent, static.resolve())
        css = "\n".join(trimmed[sheet] for sheet in sheets)
        target = static / f"style-{hashlib.sha256(css.encode()).hexdigest()[:12]}.css"
        target.write_text(css, encoding="utf-8", newline="\n")
        link = f'<link rel="stylesheet" href="{Path(os.path.relpath(target, page.parent)).as_posix()}"/>\n'
        first = LINK.search(text)
        assert first is not None
        text = text[:first.start()] + link + LINK.sub("", text[first.end():])
        page.write_text(text, encoding="utf-8", newline="\n")
