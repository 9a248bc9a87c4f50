"""Drawings of networks: the words are the trace's sizes, the links are where groups say, the markup is sound."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations, product

import notebook_rules
import pytest
from alexbook import figures, networks
from alexbook.arithmetic import trace
from alexbook.figures.architecture import (
    COLORS,
    CROSSING,
    MIDDLE,
    NARROW,
    STYLE,
    WIDE,
    Diagram,
    architecture,
    links,
    stages,
)
from alexbook.layers import RBF, Conv, Dense, Flatten, MaxPool, Windowed
from alexbook.networks import Network
from nbformat.v4 import new_code_cell, new_notebook, new_output
from tiny_networks import TINY

NAMES = list(networks.NETWORKS)
TOWERS = {"alexnet_2012", "alexnet_paper", "alexnet_bvlc", "caffenet", "alexnet_photos", "alexnet_photos_128"}
SVG = "{http://www.w3.org/2000/svg}"
every = pytest.mark.parametrize("name", NAMES)


def drawings(*names: str | Network) -> list[ET.Element]:
    """The wide and the narrow drawing."""
    return ET.fromstring(architecture(*names)._repr_html_()).findall(SVG + "svg")


def words(group: ET.Element, css: str) -> list[str]:
    return [text.text for text in group.iter(SVG + "text") if text.get("class") == css]


def layers(drawing: ET.Element) -> dict[str, ET.Element]:
    return {group.get("data-layer"): group for group in drawing.iter(SVG + "g") if group.get("data-layer")}


@every
def test_sizes_are_those_of_the_trace(name: str) -> None:
    network = networks.get(name)
    towers = 2 if name in TOWERS else 1
    rows = [row for row in trace(network) if isinstance(row.layer, (Windowed, Dense, RBF))]
    for drawing in drawings(name):
        groups = layers(drawing)
        assert list(groups) == ["input", *(row.name for row in rows)]
        assert "".join(words(groups["input"], "size")) == "×".join(map(str, network.input_shape))
        for row in rows:
            here = 1 if row is rows[-1] else towers
            *sides, maps = row.output_shape
            size = "×".join(map(str, (*sides, maps // here))) if sides else f"{maps // here:,}"
            said = "".join(words(groups[row.name], "size"))
            assert said in (size, size * here), row.name
            boxes = [box for box in groups[row.name].iter(SVG + "g") if box.get("data-box")]
            assert len(boxes) == here
            if isinstance(row.layer, Conv):
                detail = ", ".join(words(groups[row.name], "detail"))
                assert detail.startswith(f"{row.layer.kernel}×{row.layer.kernel}")
                assert (f"stride {row.layer.stride}" in detail) == (row.layer.stride != 1)
                assert (f"padding {row.layer.padding}" in detail) == (row.layer.padding != 0)


@every
def test_links_are_where_groups_say(name: str) -> None:
    """In the words of the paper: conv2, conv4 and conv5 see their own half, conv3 and the dense layers all."""
    expected = set()
    drawn = stages(networks.get(name))
    for index, stage in enumerate(drawn[1:], start=1):
        pairs = set(product(range(drawn[index - 1].towers), range(stage.towers)))
        own = stage.name in ("pool1", "conv2", "pool2", "conv4", "conv5", "pool5")
        expected |= {(str(index), str(a), str(b)) for a, b in pairs if not (own and a != b)}
    for drawing in drawings(name):
        paths = [path for path in drawing.iter(SVG + "path") if path.get("data-stage")]
        assert {(path.get("data-stage"), path.get("data-from"), path.get("data-to")) for path in paths} == expected
        assert len(paths) == len(expected)
        crossing = [drawn[int(path.get("data-stage"))].name for path in paths if "crossing" in path.get("class")]
        assert sorted(crossing) == (sorted(["conv3", "fc6", "fc7", "fc8"] * 2) if name in TOWERS else [])


def test_groups_of_any_number() -> None:
    net = Network("four", "four", "made up", (8, 8, 4), (
        Conv(8, 3, groups=4, name="a"), Conv(8, 1, groups=2, name="b"), Conv(8, 1, name="c"), Flatten(),
        Dense(3, name="d")))
    drawn = stages(net)
    assert [stage.towers for stage in drawn] == [1, 4, 4, 4, 1]
    found = [{(link.source, link.target) for link in links(drawn) if link.stage == index} for index in range(1, 5)]
    assert found[0] == {(0, tower) for tower in range(4)}
    assert found[1] == {(a, b) for a, b in product(range(4), repeat=2) if a // 2 == b // 2}
    assert found[2] == set(product(range(4), repeat=2))
    assert found[3] == {(tower, 0) for tower in range(4)}


@pytest.mark.parametrize("network", TINY.values(), ids=TINY)
def test_odd_networks_are_drawn(network: Network) -> None:
    if stages(network)[1:]:
        assert len(drawings(network)) == 2


@every
def test_everything_lies_inside_the_drawing(name: str) -> None:
    """Boxes and words, whose letters are at most 8 pixels wide."""
    for drawing in drawings(name):
        _, _, width, height = map(float, drawing.get("viewBox").split())
        for text in drawing.iter(SVG + "text"):
            x, y, long = float(text.get("x")), float(text.get("y")), 8 * len(text.text)
            start = {"start": x, "middle": x - long / 2, "end": x - long}[text.get("text-anchor")]
            assert start >= -6 and start + long <= width + (300 if text.get("class") == "title" else 6), text.text
            assert 10 <= y <= height - 3
        for rect in drawing.iter(SVG + "rect"):
            x, y, w, h = (float(rect.get(field)) for field in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0 and x + w <= width and y + h <= height


@every
def test_boxes_do_not_overlap(name: str) -> None:
    for drawing in drawings(name):
        places = []
        for box in (group for group in drawing.iter(SVG + "g") if group.get("data-box")):
            rect = box.find(SVG + "rect")
            x, y, w, h = (float(rect.get(field)) for field in ("x", "y", "width", "height"))
            deep = 0.25 * h if box.find(SVG + "path") is not None else 0
            places.append((x, y - deep, x + w + deep, y + h))
        for one, other in combinations(places, 2):
            apart = max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3])
            assert apart > 3, (one, other)


@every
def test_boxes_are_to_scale(name: str) -> None:
    network = networks.get(name)
    for drawing in drawings(name):
        tallest = max(stage.shape[0] for stage in stages(network) if len(stage.shape) == 3)
        groups = layers(drawing)
        full = max(float(rect.get("height")) for group in groups.values() for rect in group.iter(SVG + "rect"))
        for stage in stages(network):
            if len(stage.shape) == 3 and stage.shape[0] > 5:
                rect = next(groups[stage.name].iter(SVG + "rect"))
                assert float(rect.get("height")) == pytest.approx(full * stage.shape[0] / tallest, abs=0.06)


def test_networks_drawn_together_have_one_scale() -> None:
    for drawing in drawings("lenet5", "alexnet_2012"):
        lenet, alexnet = (group for group in drawing.iter(SVG + "g") if group.get("data-network"))
        tall = [float(next(layers(group)["input"].iter(SVG + "rect")).get("height")) for group in (lenet, alexnet)]
        assert tall[0] / tall[1] == pytest.approx(32 / 224, rel=0.02)


def test_ids_are_one_per_page() -> None:
    diagram = architecture("alexnet_2012")
    page = ET.fromstring(f"<main>{diagram._repr_html_()}{diagram._repr_html_()}</main>")
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) == 8


@every
def test_title_and_description_are_announced_once(name: str) -> None:
    html = architecture(name)._repr_html_()
    for drawing, width in zip(drawings(name), (WIDE, NARROW), strict=True):
        parts = {element.get("id"): element.text for element in drawing.iter() if element.get("id")}
        title, description = (parts[word] for word in drawing.get("aria-labelledby").split())
        assert drawing.get("role") == "img" and drawing.get("viewBox").split()[2] == str(width)
        assert title == networks.get(name).title
        assert all(row.name in description for row in trace(networks.get(name)).only(Windowed, Dense, RBF))
        assert ("towers" in description) == (name in TOWERS)
    outside, inside = html.split("@container", 1)
    assert ".net-narrow{display:none" in outside and ".net-wide{display:none}" in inside

    output = new_output("display_data", {"text/html": html, "text/plain": repr(architecture(name))})
    notebook = new_notebook(cells=[new_code_cell("x", execution_count=1, outputs=[output])])
    assert not list(notebook_rules.alternatives(notebook, notebook_rules.ROOT))
    assert list(notebook_rules.alternatives(notebook_without_title(notebook), notebook_rules.ROOT))


def notebook_without_title(notebook):
    output = notebook.cells[0].outputs[0]
    output.data["text/html"] = re.sub("<title.*?</title>", "", output.data["text/html"])
    return notebook


def test_names_are_escaped() -> None:
    net = replace(networks.get("lenet5_modern"), title='a < b & "c"', name='"x"')
    net = replace(net, layers=(Conv(6, 5, name="<b>"), *net.layers[1:]))
    assert "<b>" in layers(drawings(net)[0])


def luminance(color: str) -> float:
    parts = [int(color[place:place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_colors() -> None:
    """The figures' own; words take the page's color, and where they cannot, a gray that both themes leave legible."""
    assert {*COLORS.values(), CROSSING} - {COLORS["input"]} == {
        figures.BLUE, figures.GREEN, figures.ORANGE, figures.VERMILION}
    assert "text{font:12px system-ui,sans-serif;fill:currentColor}" in STYLE
    assert min(contrast(MIDDLE, page) for page in ("#ffffff", "#121212")) > 4
    assert min(contrast(CROSSING, page) for page in ("#ffffff", "#121212")) > 3


def test_picture_for_a_file_stands_alone() -> None:
    svg = architecture("lenet5", "alexnet_2012").svg()
    assert ET.fromstring(svg).tag == SVG + "svg"
    assert svg == architecture("lenet5", "alexnet_2012").svg() and MIDDLE in svg


def test_repr_says_the_network() -> None:
    said = repr(architecture("alexnet_2012"))
    assert "conv1 two of 55×55×48" in said and "into conv3, fc6, fc7, fc8" in said


def test_a_network_can_be_given_as_it_is() -> None:
    net = Network("one", "one", "made up", (6, 6, 1), (Conv(2, 3), MaxPool(2)))
    assert architecture(net) == Diagram((net,))
    assert [stage.size for stage in stages(net)] == ["6×6×1", "4×4×2", "2×2×2"]
    with pytest.raises(ValueError, match="no network named 'alexnet'"):
        architecture("alexnet")


def test_no_framework_is_imported() -> None:
    code = "import sys; import alexbook.figures.architecture; print(*sys.modules)"
    modules = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
                  .stdout.split())
    assert modules.isdisjoint({"numpy", "torch", "tensorflow", "keras", "matplotlib"})
