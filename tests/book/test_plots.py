"""Plots on the pages: the paper goes, the dark has its own colors, maps of values turn around and photographs stay."""

import io

import numpy as np
import pytest
from alexbook.figures.palette import BLUE, DARK, INK
from alexbook_site.postprocess import figures
from PIL import Image

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
