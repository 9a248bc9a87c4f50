"""Questions as QTI 1.2, in a package as Canvas imports it; other platforms read the same."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from alexteach.markup import html
from alexteach.questions import Item

QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
PACKAGE = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"


def _under(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text
    return element


def _material(parent: ET.Element, text: str) -> None:
    _under(_under(parent, "material"), "mattext", html(text), texttype="text/html")


def identifier(*parts: str) -> str:
    """A name that XML takes, the same for the same parts at every run."""
    return "i" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _item(section: ET.Element, item: Item) -> None:
    ident = identifier(item.name, item.text)
    element = _under(section, "item", ident=ident, title=item.name)
    fields = _under(_under(element, "itemmetadata"), "qtimetadata")
    kind = "multiple_choice_question" if item.choices else "numerical_question"
    for label, entry in (("question_type", kind), ("points_possible", f"{item.points:g}")):
        field = _under(fields, "qtimetadatafield")
        _under(field, "fieldlabel", label)
        _under(field, "fieldentry", entry)
    presentation = _under(element, "presentation")
    _material(presentation, item.text)
    processing = _under(element, "resprocessing")
    _under(_under(processing, "outcomes"), "decvar", maxvalue="100", minvalue="0", varname="SCORE", vartype="Decimal")
    feedback: dict[str, str] = {}
    if item.choices:
        given = _under(presentation, "response_lid", ident="response1", rcardinality="Single")
        choices = _under(given, "render_choice")
        for place, choice in enumerate(item.choices):
            label = f"{ident}-{place}"
            _material(_under(choices, "response_label", ident=label), choice.text)
            condition = _under(processing, "respcondition", **{"continue": "Yes"})
            _under(_under(condition, "conditionvar"), "varequal", label, respident="response1")
            _under(condition, "displayfeedback", feedbacktype="Response", linkrefid=f"{label}-fb")
            feedback[f"{label}-fb"] = choice.why
    else:
        given = _under(presentation, "response_str", ident="response1", rcardinality="Single")
        _under(_under(given, "render_fib", fibtype="Decimal"), "response_label", ident="answer1")
    if item.working:
        condition = _under(processing, "respcondition", **{"continue": "Yes"})
        _under(_under(condition, "conditionvar"), "other")
        _under(condition, "displayfeedback", feedbacktype="Response", linkrefid="general_fb")
        feedback["general_fb"] = item.working
    condition = _under(processing, "respcondition", **{"continue": "No"})
    asked = _under(condition, "conditionvar")
    if item.choices:
        right = [choice.right for choice in item.choices].index(True)
        _under(asked, "varequal", f"{ident}-{right}", respident="response1")
    else:
        assert item.answer is not None
        either = _under(asked, "or")
        _under(either, "varequal", f"{item.answer:.15g}", respident="response1")
        both = _under(either, "and")
        _under(both, "vargte", f"{item.answer - item.tolerance:.15g}", respident="response1")
        _under(both, "varlte", f"{item.answer + item.tolerance:.15g}", respident="response1")
    _under(condition, "setvar", "100", action="Set", varname="SCORE")
    for name, text in feedback.items():
        _material(_under(_under(element, "itemfeedback", ident=name), "flow_mat"), text)


def assessment(title: str, items: Sequence[Item]) -> str:
    """A quiz as a QTI 1.2 document.

    Args:
        title: The quiz's name on the platform.
        items: Its questions.

    Returns:
        The document's text.
    """
    root = ET.Element("questestinterop", {"xmlns": QTI})
    quiz = _under(root, "assessment", ident=identifier(title), title=title)
    section = _under(quiz, "section", ident="root_section")
    for item in items:
        _item(section, item)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def package(quizzes: Sequence[tuple[str, str, Sequence[Item]]]) -> bytes:
    """Quizzes as one content package, a zip with a manifest.

    Args:
        quizzes: A file's name without ending, a title and the questions of each quiz.

    Returns:
        The zip's bytes, the same at every run.
    """
    manifest = ET.Element("manifest", {"xmlns": PACKAGE, "identifier": identifier(*(name for name, _, _ in quizzes))})
    metadata = _under(manifest, "metadata")
    _under(metadata, "schema", "IMS Content")
    _under(metadata, "schemaversion", "1.1.3")
    _under(manifest, "organizations")
    resources = _under(manifest, "resources")
    files: dict[str, str] = {}
    for name, title, items in quizzes:
        place = f"{name}/{name}.xml"
        resource = _under(resources, "resource", identifier=identifier(name), type="imsqti_xmlv1p2", href=place)
        _under(resource, "file", href=place)
        files[place] = assessment(title, items)
    ET.indent(manifest)
    files["imsmanifest.xml"] = '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(manifest, encoding="unicode")
    return zipped(files)


def zipped(files: dict[str, str]) -> bytes:
    """Texts as a zip whose bytes do not depend on the day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.external_attr = (0o755 if text.startswith("#!") else 0o644) << 16
            archive.writestr(info, text.encode(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
