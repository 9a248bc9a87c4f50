"""Questions as Moodle XML and as GIFT, Moodle's form for plain text."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from alexteach.markup import html
from alexteach.questions import Item

SIGNS = re.compile(r"([\\~=#{}:])")


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    ET.SubElement(element, "text").text = text
    return element


def xml(category: str, items: Sequence[Item]) -> str:
    """Questions as a Moodle XML document.

    Args:
        category: Where they go in the question bank; a ``/`` opens a category within another.
        items: The questions.

    Returns:
        The document's text.
    """
    root = ET.Element("quiz")
    _text(ET.SubElement(root, "question", type="category"), "category", f"$course$/top/{category}")
    for item in items:
        question = ET.SubElement(root, "question", type="multichoice" if item.choices else "numerical")
        _text(question, "name", item.name)
        _text(question, "questiontext", html(item.text), format="html")
        _text(question, "generalfeedback", html(item.working), format="html")
        for tag, value in (("defaultgrade", f"{item.points:g}"), ("penalty", "0.3333333"), ("hidden", "0")):
            ET.SubElement(question, tag).text = value
        if item.choices:
            for tag, value in (("single", "true"), ("shuffleanswers", "true"), ("answernumbering", "ABCD")):
                ET.SubElement(question, tag).text = value
        for choice in item.choices:
            answer = _text(question, "answer", html(choice.text), fraction="100" if choice.right else "0",
                           format="html")
            _text(answer, "feedback", html(choice.why), format="html")
        if item.answer is not None:
            answer = _text(question, "answer", f"{item.answer:.15g}", fraction="100", format="moodle_auto_format")
            _text(answer, "feedback", "", format="html")
            ET.SubElement(answer, "tolerance").text = f"{item.tolerance:g}"
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _escaped(text: str) -> str:
    return SIGNS.sub(r"\\\1", " ".join(text.split()))


def gift(category: str, items: Sequence[Item]) -> str:
    """Questions as GIFT; the arguments are those of :func:`xml`."""
    parts = [f"$CATEGORY: $course$/top/{category}\n"]
    for item in items:
        lines = [f"::{_escaped(item.name)}::[html]{_escaped(html(item.text))} {{"]
        if item.answer is not None:
            lines[0] += f"#{item.answer:.15g}:{item.tolerance:g}"
        lines += [f"{'=' if choice.right else '~'}{_escaped(html(choice.text))}#{_escaped(html(choice.why))}"
                  for choice in item.choices]
        if item.working:
            lines.append(f"####{_escaped(html(item.working))}")
        parts.append("\n".join([*lines, "}\n"]))
    return "\n".join(parts)
