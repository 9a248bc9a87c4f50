"""The terms of the glossary in the order of the chapters: none is used before the section that explains it.

The first link of an entry of ``glossary.md`` leads to the section that explains its term first. A reader who takes the
chapters in order must not meet the term before that section. Nothing here needs the built book.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from alexbook_site import chapters as book
from alexbook_site.glossary import LEFT_ALONE, SEE, Entry, Finder
from repository import CHAPTERS, ROOT

# (chapter, term) -> why the chapter may use it before it is explained. One that is no longer needed fails.
EXCEPTIONS = {
    (5, "ImageNet"): "the contest is named in the section before the one that tells of it",
    (5, "hand-made features"): "the chapter asks with them, and its first section explains them",
}
# term -> why the section that explains it need not name it
UNNAMED = {
    "hand-made features": "the heading names them",
    "ensemble": "the section tells of averaged predictions; the word itself comes in an exercise",
    "trace": "the section prints what the function of this name computes",
}

LINK = re.compile(r"\(chapters/([\w-]+)\.ipynb#([\w-]+)\)")
HEADING = re.compile(r"(#+) (.+)")
BLOCKS = re.compile(r"^```.*?^```"  # code, in solutions too
                    r"|^<(ax-[\w-]+).*?</\1>",  # what stands where a widget cannot run
                    re.MULTILINE | re.DOTALL)
NO_WORDS = re.compile(r"\$\$.*?\$\$|`[^`]*`|\$[^$]*\$"
                      r"|\[[^]]*\]\([^)]*\.ipynb[^)]*\)"  # a link's words: it leads to where they are explained
                      r"|\]\([^)]*\)|<[^>]*>", re.DOTALL)


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a chapter: the words to look at, and all of it as it is written."""

    chapter: str
    section: str
    text: str
    source: str


def glossary() -> list[Entry]:
    """The entries, from the text of ``glossary.md``; "See X" lends its word to X, as on the built pages."""
    body = re.search(r"```\{glossary\}\n(.*?)\n```", (ROOT / "glossary.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    found: dict[str, Entry] = {}
    others: list[tuple[str, tuple[str, ...]]] = []
    for block in re.split(r"\n(?=\S)", body):
        term, _, definition = block.strip().partition("\n")
        listed = re.search(r"^\s*% forms: (.+)$", definition, re.MULTILINE)
        forms = tuple(form.strip() for form in listed[1].split(",")) if listed else (term,)
        words = re.sub(r"^\s*%.*$|\{term\}|`", "", definition, flags=re.MULTILINE).strip()
        if see := SEE.fullmatch(words):
            others.append((see[1], forms))
        else:
            found[term] = Entry(term, term, forms, tuple(LINK.findall(definition)))
    for term, forms in others:
        found[term] = Entry(term, term, found[term].forms + forms, found[term].explained)
    return list(found.values())


def paragraphs(notebook: Path) -> list[Paragraph]:
    """A chapter's running text; without its goals, headings, code and the titles of papers."""
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
             if book.GOALS_TAG not in cell["metadata"].get("tags", [])]
    text = BLOCKS.sub("", book.markdown(cells))
    found, section, title = [], "", ""
    for part in re.split(r"\n(?:[ \t]*\n)+|\n(?=#+ )|(?<=\n)(?=#+ )", text):
        first, _, rest = part.partition("\n")
        if heading := HEADING.fullmatch(first):
            section, title, part = book.address(heading[2]), heading[2], rest
        if title not in LEFT_ALONE:
            found.append(Paragraph(notebook.stem, section, NO_WORDS.sub(" ", part), part))
    return found


@cache
def whole_book() -> list[Paragraph]:
    return [paragraph for notebook in CHAPTERS for paragraph in paragraphs(notebook)]


def first_explained(entry: Entry) -> int:
    """The number of the paragraph with which the earliest of the sections begins that an entry links."""
    return min(number for number, paragraph in enumerate(whole_book())
               if (paragraph.chapter, paragraph.section) in entry.explained)


def too_early() -> dict[tuple[int, str], str]:
    """(chapter, term) -> section and words, where a term is first used before it is explained."""
    finder = Finder(glossary())
    found: dict[tuple[int, str], str] = {}
    begins = {entry.term: first_explained(entry) for entry in finder.entries}
    for number, paragraph in enumerate(whole_book()):
        for start, end, entry in finder.first_uses(paragraph.text, set()):
            if number < begins[entry.term]:
                words = " ".join(paragraph.text[max(0, start - 60):end + 60].split())
                found.setdefault((int(paragraph.chapter[:2]), entry.term), f"#{paragraph.section}: ... {words} ...")
    return found


@pytest.mark.parametrize("entry", glossary(), ids=lambda entry: entry.term)
def test_linked_sections_exist_and_the_first_uses_the_term(entry: Entry) -> None:
    assert entry.explained
    sections = {(paragraph.chapter, paragraph.section) for paragraph in whole_book()}
    assert set(entry.explained) <= sections
    begin = first_explained(entry)
    section = (whole_book()[begin].chapter, whole_book()[begin].section)
    assert section == entry.explained[0], "the first link leads to the first explanation"
    source = "\n\n".join(p.source for p in whole_book() if (p.chapter, p.section) == section)
    named = any(Finder([entry]).first_uses(source.replace("`", ""), set()))
    assert named != (entry.term in UNNAMED), f"{section} does not name the term"


def test_no_term_is_used_before_it_is_explained() -> None:
    assert {place: words for place, words in too_early().items() if place not in EXCEPTIONS} == {}


def test_every_exception_is_needed() -> None:
    assert EXCEPTIONS.keys() <= too_early().keys()


def test_only_running_text_is_looked_at(tmp_path: Path) -> None:
    text = """# Title

The *stride* is a step, `code`, $math$ and [padding](06-output-sizes.ipynb#padding).

<ax-output-size input="8">
<p>fallback</p>
</ax-output-size>

## 1. The second
A [paper](https://example.org/title).

```python
code = 1
```

## Further reading

- titles
"""
    notebook = tmp_path / "01-title.ipynb"
    notebook.write_text(json.dumps({"cells": [
        {"cell_type": "markdown", "metadata": {"tags": [book.GOALS_TAG]}, "source": "goals"},
        {"cell_type": "markdown", "metadata": {}, "source": text},
        {"cell_type": "code", "metadata": {}, "source": "code"}]}), encoding="utf-8")
    found = [(p.section, " ".join(p.text.split())) for p in paragraphs(notebook) if p.text.strip()]
    assert found == [("title", "The *stride* is a step, , and ."), ("the-second", "A [paper .")]
