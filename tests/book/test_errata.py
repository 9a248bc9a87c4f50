"""The errata page: every statement of the article has a verdict, what is not plainly right a reason; no number is bare.

It leads to what shows each point, and is short enough to be read.
"""

import re
from collections import Counter

import nbformat
import pytest
from alexbook.arithmetic import trace
from alexbook.networks import get
from alexbook_site.chapters import read
from repository import ROOT

PATH = ROOT / "chapters" / "20-errata.ipynb"
PAGE = nbformat.read(PATH, as_version=4)
PROSE = "\n\n".join(cell.source for cell in PAGE.cells if cell.cell_type == "markdown")
VERDICTS = ("right", "right, but", "imprecise", "wrong")
MAP_ROW = re.compile(r'^\| <a id="claim-(\d+)"></a>\*\*(\d+)\.\*\* (.+) \| \*\*(.+?)[.:]\*\*(.*) \|$', re.MULTILINE)
LONGEST = 3000  # words of Markdown

# What the article states, in its order; a few words of each, as the map quotes them.
STATEMENTS = {
    1: "Revolutionized Computer Vision", 2: "first Deep Convolutional Neural Network", 3: "won the ImageNet challenge",
    4: "multiple deep layers", 5: "60 million parameters", 6: "one of the largest Neural Networks",
    7: "originally designed for Image classification", 8: "high-resolution images", 9: "take advantage of GPU",
    10: "deeper than LeNet", 11: "containing 5 convolutional layers", 12: "only 2 Convolutional layers",
    13: "much better", 14: "upgrade on the sigmoid or tanh", 15: "limited to grayscale", 16: "images with color",
    17: "What makes it good over LeNet?", 18: "its default", 19: "input size is 227x227x3", 20: "Layer 1:",
    21: "Layers 2, 4, 8", 22: "Layer 3:", 23: "Layers 5, 6, 7", 24: '"11x11", "5x5", "3x3"', 25: "Layer 9:",
    26: "Layers 10, 11", 27: "Layer 12:", 28: '"Layer 1" to "Layer 12"', 29: "network as a whole",
    30: "padding='same'", 31: "input_shape=", 32: "Dropout(0.5)",
}

# Numbers of the prose that no cell computes, with the place where they stand, or an expression for their value.
SOURCED = {
    "140,523,240": "the program, layers/layer-params-114.cfg, line 184",
    "500,000": "abstract on the proceedings' web page",
    "253,440": "paper, Figure 2",
}
COMPUTED = {
    "6,400": "trace(get('alexnet_article_text'))['flatten1'].activations",
    "290,400": "trace(get('alexnet_2012'))['conv1'].activations",
    "2,048": "(256 - 224) ** 2 * 2",
    "2,178": "(256 - 224 + 1) ** 2 * 2",
    "61,706": "trace(get('lenet5_modern')).parameters",
}


def printed() -> str:
    """All that the page's cells show in words."""
    outputs = [output for cell in PAGE.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(str(output.get("text", "")) for output in outputs)


def map_rows() -> dict[int, tuple[str, str, str]]:
    """Number of a statement -> its words, the verdict, and what is right."""
    return {int(number): (claim, verdict.lower(), right) for _, number, claim, verdict, right in MAP_ROW.findall(PROSE)}


@pytest.mark.parametrize("number", STATEMENTS)
def test_every_statement_of_the_article_has_a_verdict(number: int) -> None:
    claim, verdict, right = map_rows()[number]
    assert STATEMENTS[number] in claim and verdict in VERDICTS
    assert verdict == "right" or len(right.split()) >= 6, "what is right instead?"


def test_the_map_is_in_order_and_each_claim_has_its_address() -> None:
    assert list(map_rows()) == list(STATEMENTS)
    assert all(address == number for address, number, *_ in MAP_ROW.findall(PROSE))
    ids = re.findall(r'id="([\w-]+)"', PROSE)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'href="#([\w-]+)"', PROSE)) <= set(ids)


def test_wrong_and_half_right_statements_lead_to_what_shows_it() -> None:
    shown_here = {4, 6, 8, 18, 31}  # by the reason itself, a section of the paper, or a cell on this page
    without = {number for number, (_, verdict, right) in map_rows().items()
               if verdict != "right" and "](" not in right}
    assert without == shown_here


def test_links_to_sections_of_other_chapters_lead_somewhere() -> None:
    for name, target in re.findall(r"\]\(([\w-]+\.ipynb)#([\w-]+)\)", PROSE):
        chapter = read(ROOT / "chapters" / name)
        assert target in chapter.sections | chapter.exercises, (name, target)


def test_it_is_short_enough_to_be_read() -> None:
    assert len(PROSE.split()) <= LONGEST


def test_summary_counts_the_verdicts() -> None:
    counts = Counter(verdict for _, verdict, _ in map_rows().values())
    said = (f"{sum(counts.values())} statements {counts['right']} are right, {counts['right, but']} right with a "
            f"remark, {counts['imprecise']} imprecise and {counts['wrong']} wrong")
    assert said in " ".join(PROSE.split()).replace("- ", "")


def test_long_numbers_are_computed_on_the_page_or_sourced() -> None:
    numbers = set(re.findall(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", PROSE))
    assert len(numbers) > 10
    assert {number for number in numbers if number not in printed()} == set(SOURCED) | set(COMPUTED)


@pytest.mark.parametrize("number", COMPUTED)
def test_a_number_that_another_chapter_computes_has_its_value(number: str) -> None:
    assert eval(COMPUTED[number], {"trace": trace, "get": get}) == int(number.replace(",", ""))


def solution(number: int) -> str:
    """The code of an exercise's solution, after what its text gives."""
    text = PROSE[PROSE.index(f"**{number}. ", PROSE.index("## Exercises")):]
    text = text[:re.search(rf"\*\*{number + 1}\. |## Further", text).start()]
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


def test_solutions(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict = {}
    exec("from alexbook import networks\nfrom alexbook.arithmetic import output_size, trace\n"
         "from alexbook.layers import Conv, Dense\n"
         "article, real = (trace(networks.get(n)) for n in ('alexnet_article', 'alexnet_2012'))", names)
    listing, = (cell.source for cell in PAGE.cells if cell.source.startswith("listed = "))
    exec(listing.partition("exercises.")[0], names)
    shown = []
    for number in (1, 2, 3, 4, 5):
        exec(solution(number), names)
        shown.append(capsys.readouterr().out)
    assert "44,426" in shown[0].splitlines()[-1]
    assert shown[1:] == ["[(56, 5, 1, 1, 56)] 56\n", "720 832\n", "", "91.9% 61.9%\n"]
    assert names["mend"]("\u03b2\u20ac\u201d") == "\N{EM DASH}"
