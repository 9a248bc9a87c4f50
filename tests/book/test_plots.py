"""Plots on the pages: the paper goes, the dark has its own colors, maps of values turn around and photographs stay."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from alexbook.figures.palette import BLUE, DARK, INK
from alexbook_site.postprocess import figures
from PIL import Image
from repository import CHAPTERS

PLOT = ('<svg width="345.6pt" height="144pt" viewBox="0 0 345.6 144"><g id="figure_1"><g id="patch_1">\n'
        '<path d="M 0 0 L 1 1 z\n" style="fill: #ffffff"/></g>'
        f'<path style="stroke: {BLUE.lower()}"/><path style="fill: {INK}"/><path style="fill: #000000"/></g></svg>')


def file_of(pixels: np.ndarray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def test_a_page_gets_both_versions_of_a_plot_without_paper(tmp_path) -> None:
    (tmp_path / "_images").mkdir()
    path = tmp_path / "_images" / "a.svg"
    path.write_text(PLOT, encoding="utf-8")
    for _ in range(2):  # a second build finds it adapted
        figures.adapt_folder(tmp_path)
    light, dark = path.read_text(encoding="utf-8"), (tmp_path / "_images" / "a-dark.svg").read_text(encoding="utf-8")
    assert "#ffffff" not in light + dark and sorted(p.name for p in path.parent.iterdir()) == ["a-dark.svg", "a.svg"]
    assert BLUE.lower() in light and BLUE.lower() not in dark
    assert DARK["blue-line"].lower() in dark and DARK["text"].lower() in dark and "#000000" in dark
    shown = figures.show_both('<img alt="x" src="_images/a.svg"/>', tmp_path)
    assert shown.count("<img ") == 2 == shown.count('alt="x"') and 'width="518" height="216"' in shown
    assert '_images/a-dark.svg"' in shown


def test_a_picture_that_is_no_plot_is_left_alone(tmp_path) -> None:
    (tmp_path / "_images").mkdir()
    path = tmp_path / "_images" / "b.svg"
    path.write_text("<svg/>", encoding="utf-8")
    figures.adapt_folder(tmp_path)
    assert path.read_text(encoding="utf-8") == "<svg/>"
    assert figures.show_both('<img src="_images/b.svg"/>', tmp_path) == '<img src="_images/b.svg"/>'
    with pytest.raises(ValueError, match=r"b\.svg does not say its width"):
        figures.size(path)


def test_maps_of_values_turn_around_and_photographs_stay() -> None:
    digit = np.full((20, 20, 3), 255, np.uint8)
    digit[5:15, 8:12] = 0
    turned = np.asarray(Image.open(io.BytesIO(figures.raster_in_the_dark(file_of(digit)))).convert("RGB"))
    page, text = ([int(DARK[name][place:place + 2], 16) for place in (1, 3, 5)] for name in ("page", "text"))
    assert turned[0, 0].tolist() == page and turned[10, 10].tolist() == text
    noise = file_of(np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8))
    assert figures.raster_in_the_dark(noise) == noise


# --- what the chapters hold -------------------------------------------------------------------------------------------

PHONE = 358  # CSS pixels that a figure gets on a screen of 390
TEXT = 11
# Chapters that are still to be drawn anew: their text is smaller on a phone, or they lie on a white card in the dark.
SMALL_TEXT = {"02-lenet-keras"}
WHITE_CARD = {"08-alexnet-pytorch", "09-two-frameworks", "16-overfitting"}
VIEW = re.compile(r'viewBox="0 0 ([\d.]+) [\d.]+"')
OUTLINED = re.compile(r'<g [^>]*scale\(([\d.]+) -[\d.]+\)"')  # a line of text; the number is its size / 100


def plots(notebook: Path) -> list[dict]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    data = (output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    return [found for found in data if any(kind.startswith("image/") for kind in found)]


def smallest(drawing: str) -> float:
    """The size of the smallest text in a plot on a phone, in CSS pixels."""
    width = float(VIEW.search(drawing)[1])
    sizes = [100 * float(size) for size in OUTLINED.findall(drawing)]
    return min(sizes, default=np.inf) * min(PHONE / width, figures.PIXELS)


def test_the_size_of_text_is_found() -> None:
    text = '<svg viewBox="0 0 716 9"><g style="" transform="translate(1 2) scale(0.11 -0.11)"/></svg>'
    assert smallest(text) == pytest.approx(5.5)


@pytest.mark.parametrize("notebook", CHAPTERS, ids=lambda path: path.stem)
def test_text_of_plots_is_large_enough_on_a_phone(notebook: Path) -> None:
    drawings = ["".join(found["image/svg+xml"]) for found in plots(notebook) if "image/svg+xml" in found]
    small = [round(size, 1) for size in map(smallest, drawings) if size < TEXT - 0.15]  # a tenth is not seen
    assert bool(small) == (notebook.stem in SMALL_TEXT), small


@pytest.mark.parametrize("notebook", CHAPTERS, ids=lambda path: path.stem)
def test_plots_have_no_white_paper_in_the_dark(notebook: Path) -> None:
    drawings = ["".join(found.get("image/svg+xml", "")) for found in plots(notebook)]
    assert (not all(drawings)) == (notebook.stem in WHITE_CARD)
    for drawing in (re.sub('"data:[^"]*"', '""', drawing) for drawing in filter(None, drawings)):
        assert "#ffffff" not in figures.in_the_dark(figures.without_paper(drawing))
