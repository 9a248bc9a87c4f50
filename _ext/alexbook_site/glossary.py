"""Links from the chapters' text to the glossary, and from a search to the sections that explain a term.

``glossary.md`` is the only source: its entries, other words for the same thing (an entry that only says "See ..."),
the forms in which a term is written (a comment ``% forms: ...`` in its definition), what readers may ask for who do
not know the term (``% search: ...``, for the search alone) and the section that a definition links. On a chapter's
page the first use of each term in running text leads to its entry. The chapters stay as they are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from .private_api import is_code_cell

PAGE = "glossary"
SEE = re.compile(r"See\s+(.+?)\.?\s*$")
NOT_TEXT = (nodes.title, nodes.literal, nodes.FixedTextElement, nodes.reference, addnodes.pending_xref, nodes.math,
            nodes.raw, nodes.table, nodes.citation, nodes.footnote)
LEFT_ALONE = {"Further reading"}  # titles of papers


@dataclass(frozen=True)
class Entry:
    """A term with the address of its entry, all forms in which it is written, and where it is explained."""

    term: str
    address: str
    forms: tuple[str, ...]
    explained: tuple[tuple[str, str], ...]  # pairs of a chapter and a section's address
    sought: tuple[str, ...] = ()


def definitions(doctree: nodes.document) -> Iterator[tuple[nodes.term, nodes.definition]]:
    for item in doctree.findall(nodes.definition_list_item):
        yield item[0], item[-1]


def term_of(node: nodes.term) -> str:
    """The term itself; its node also holds what goes into the index."""
    return "".join(text.astext() for text in node.findall(nodes.Text) if not isinstance(text.parent, addnodes.index))


def listed(definition: nodes.definition, what: str) -> tuple[str, ...]:
    """What the definition's comment ``% what: one, another`` lists; nothing where there is none."""
    lines = (line for comment in definition.findall(nodes.comment) for line in comment.astext().splitlines())
    return tuple(word.strip() for line in lines if line.strip().startswith(f"{what}:")
                 for word in line.partition(":")[2].split(",") if word.strip())


def links_of(definition: nodes.definition) -> tuple[tuple[str, str], ...]:
    """The sections of chapters that a definition links."""
    return tuple((link["reftarget"], link["reftargetid"]) for link in definition.findall(addnodes.pending_xref)
                 if link["reftarget"].startswith("chapters/") and link.get("reftargetid"))


def entries(doctree: nodes.document) -> list[Entry]:
    """The glossary's entries; one that only says "See X" lends its forms to X.

    Raises:
        ExtensionError: for a "See" that leads nowhere.
    """
    found: dict[str, Entry] = {}
    others: list[tuple[str, tuple[str, ...]]] = []
    for node, definition in definitions(doctree):
        term = term_of(node)
        forms = listed(definition, "forms") or (term,)
        words = " ".join(p.astext() for p in definition.findall(nodes.paragraph))
        if see := SEE.fullmatch(words):
            others.append((see[1], forms))
        else:
            found[term] = Entry(term, node["ids"][0], forms, links_of(definition),
                                listed(definition, "search"))
    for term, forms in others:
        if term not in found:
            raise ExtensionError(f'glossary.md says "See {term}", but has no such entry.')
        entry = found[term]
        found[term] = Entry(term, entry.address, entry.forms + forms, entry.explained, entry.sought)
    return list(found.values())


def pattern(form: str) -> str:
    """A form as it may stand in a sentence: over a line's end, in the plural, with a capital at its beginning."""
    words = r"\s+".join(re.escape(word).replace("'", "['\N{RIGHT SINGLE QUOTATION MARK}]") for word in form.split())
    words = f"{words[:-1]}(?:y|ies)" if re.search(r"[^aeiou]y$", form) else f"{words}(?:s|es)?"
    return words if re.search("[A-Z]", form) else f"(?i:{words})"


class Finder:
    """Finds terms in text: whole words, the longest form first."""

    def __init__(self, terms: list[Entry]) -> None:
        forms = sorted(((form, entry) for entry in terms for form in entry.forms), key=lambda pair: -len(pair[0]))
        self.entries = [entry for _, entry in forms]
        choices = "|".join(f"({pattern(form)})" for form, _ in forms)
        self.regex = re.compile(rf"(?<![\w-])(?:{choices})(?![\w-])")

    def first_uses(self, text: str, seen: set[str]) -> Iterator[tuple[int, int, Entry]]:
        """Where in the text terms are used that are not yet among ``seen``, which grows."""
        for match in self.regex.finditer(text):
            entry = self.entries[match.lastindex - 1]
            if entry.term not in seen:
                seen.add(entry.term)
                yield match.start(), match.end(), entry


def is_prose(text: nodes.Text) -> bool:
    """Whether a text stands in a paragraph or a caption, and not in code, a link, a heading or a picture in it."""
    node, in_paragraph = text.parent, False
    while node is not None:
        if isinstance(node, nodes.caption):
            return True  # it stands in its code cell's output
        if isinstance(node, NOT_TEXT) or is_code_cell(node):
            return False
        if isinstance(node, nodes.section) and node.next_node(nodes.title).astext() in LEFT_ALONE:
            return False
        if isinstance(node, nodes.paragraph):
            in_paragraph = True
            if any(address.startswith("exercise-") for address in node["ids"]):
                return False  # an exercise's heading
        node = node.parent
    return in_paragraph


def link_text(text: nodes.Text, finder: Finder, seen: set[str], address: str) -> None:
    """Replaces a text by itself with links to the glossary at ``address``."""
    words, parts, done = text.astext(), [], 0
    for start, end, entry in finder.first_uses(words, seen):
        parts += [nodes.Text(words[done:start]),
                  nodes.reference("", words[start:end], internal=True, refuri=f"{address}#{entry.address}",
                                  classes=["glossary-term"])]
        done = end
    if done:
        text.parent.replace(text, [part for part in [*parts, nodes.Text(words[done:])] if part.astext()])


def read_glossary(app: Sphinx, env: BuildEnvironment) -> None:
    """All pages are read: the glossary's entries are known."""
    env.glossary_entries = entries(env.get_doctree(PAGE)) if PAGE in env.found_docs else []


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Links a chapter's terms."""
    known = app.env.glossary_entries
    if not known or not docname.startswith("chapters/"):
        return
    finder, seen = Finder(known), set()
    address = app.builder.get_relative_uri(docname, PAGE)
    for text in [text for text in doctree.findall(nodes.Text) if is_prose(text)]:
        link_text(text, finder, seen, address)


def setup(app: Sphinx) -> None:
    app.connect("env-updated", read_glossary)
    app.connect("doctree-resolved", link_terms)
