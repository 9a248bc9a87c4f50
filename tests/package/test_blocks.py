"""Drawings of building blocks: whole, inside their frame, no words over each other, said in words."""

import re
from xml.etree import ElementTree

import pytest
from alexbook.figures.architecture import NARROW, WIDE
from alexbook.figures.blocks import Block, Box, Ways, blocks

RESIDUAL = Block("residual", (Ways(((Box("3×3"), Box("3×3")), ()), "+"), Box("ReLU", "function")))
INCEPTION = Block("Inception", (Ways(((Box("1×1"),), (Box("1×1"), Box("5×5")), (Box("pool", "pooling"), Box("1×1"))),
                                     "concatenate"),))
CHAIN = Block("a chain with a long title", (Box("3×3"), Box("two fully connected", "dense")))
SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawings(*which: Block) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in SVG.findall(blocks("Blocks & more", *which)._repr_html_())]


def rectangles(svg: ElementTree.Element) -> list[tuple[float, ...]]:
    """Left, top, right and bottom of each box and joint."""
    return [(x, y, x + width, y + height) for x, y, width, height in (
        [float(box.get(key)) for key in ("x", "y", "width", "height")] for box in svg.iter(f"{NAMESPACE}rect"))]


@pytest.mark.parametrize("which", [(RESIDUAL,), (INCEPTION, CHAIN), (RESIDUAL, INCEPTION, CHAIN, RESIDUAL, INCEPTION)])
def test_all_boxes_are_in_the_frame_and_apart(which):
    for svg, width in zip(drawings(*which), (WIDE, NARROW), strict=True):
        tall = float(svg.get("viewBox").split()[3])
        found = rectangles(svg)
        assert len(found) == sum(1 if isinstance(part, Box) else 1 + sum(map(len, part.ways))
                                 for block in which for part in block.parts)
        for number, (left, top, right, bottom) in enumerate(found):
            assert 0 <= left < right <= width and 0 <= top < bottom <= tall
            for other in found[:number]:
                assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_no_line_lies_under_a_box():
    """Its middle is in no box, where a shortcut bends neither."""
    for svg in drawings(RESIDUAL, INCEPTION, CHAIN):
        for line in svg.iter(f"{NAMESPACE}path"):
            x, y, to_x, to_y = map(float, re.findall(r"-?\d+\.\d", line.get("d")))
            for left, top, right, bottom in rectangles(svg):
                assert not (left < (x + to_x) / 2 < right and top < (y + to_y) / 2 < bottom)


def test_it_is_said_in_words_and_escaped():
    first, second = drawings(RESIDUAL, INCEPTION)
    assert first.find(f"{NAMESPACE}title").text == "Blocks & more"
    assert first.find(f"{NAMESPACE}desc").text == second.find(f"{NAMESPACE}desc").text == str(
        blocks("", RESIDUAL, INCEPTION))
    assert INCEPTION.said() == ("Inception, from top to bottom: three ways (1×1; 1×1, 5×5; pool, 1×1), joined by "
                                "concatenate.")


def test_ids_are_one_of_a_kind_where_it_is_shown_twice():
    drawing = blocks("Twice", RESIDUAL)
    ids = re.findall(r' id="([^"]+)"', drawing._repr_html_() + drawing._repr_html_())
    assert len(set(ids)) == len(ids) == 8


@pytest.mark.parametrize(("make", "message"), [
    (lambda: blocks("none"), "There is no block to draw"),
    (lambda: Box("3×3", "conv"), "is 'conv', but must be one of convolution, pooling"),
    (lambda: blocks("wide", Block("wide", (Box("x" * 60),))), "The block 'wide' is 440 pixels wide"),
])
def test_wrong_input_is_named(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
