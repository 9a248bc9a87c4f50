"""The notes of the chapter on the source code of 2012: each names the lines that its link opens, and each is used."""

import re

import nbformat
from alexbook.networks import source_2012
from repository import ROOT

PAGE = nbformat.read(ROOT / "chapters" / "10-source-code-2012.ipynb", as_version=4)
PROSE = "\n\n".join(cell.source for cell in PAGE.cells if cell.cell_type == "markdown")
LINK = re.compile(r"\[`([^`:]+):([\d-]+)`\]\((https://github\.com/computerhistory/AlexNet-Source-Code/blob/[^)]+)\)")
NOTE = re.compile(r'^(\d+)\. <a id="note-(\d+)"></a>(.+)$', re.MULTILINE)


def test_each_link_opens_the_lines_that_it_names() -> None:
    links = LINK.findall(PROSE)
    assert len(links) >= 20
    for file, lines, url in links:
        anchor = "-".join(f"L{line}" for line in lines.split("-"))
        assert url.endswith(f"/{source_2012.COMMIT}/{file}#{anchor}"), url


def test_notes_are_numbered_and_each_is_referred_to() -> None:
    notes = NOTE.findall(PROSE)
    assert [int(number) for number, *_ in notes] == list(range(1, len(notes) + 1))
    assert all(number == anchor for number, anchor, _ in notes)
    references = re.findall(r'<sup><a href="#note-(\d+)">(\d+)</a></sup>', PROSE)
    assert all(target == shown for target, shown in references)
    assert {int(target) for target, _ in references} == set(range(1, len(notes) + 1))


def test_notes_agree_with_the_places_of_the_package() -> None:
    cited = {f"{file}:{lines}" for file, lines, _ in LINK.findall(PROSE)}
    known = {str(setting.where) for setting in source_2012.SETTINGS.values()}
    wanted = {"minibatch", "weight decay, biases", "images that share a crop", "divisor under color noise"}
    assert {str(source_2012.SETTINGS[name].where) for name in wanted} <= cited & known
    parts = {part.name: str(part.where) for part in source_2012.PARTS}
    assert {parts["conv1"], parts["cnorm2"]} <= cited
