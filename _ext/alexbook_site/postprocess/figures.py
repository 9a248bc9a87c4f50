"""Plots on the pages: no white paper behind them, a version for either theme, room that is reserved for them.

Notebooks hold plots as SVG on white paper (``alexbook.figures``). Here the paper is taken away, and next to each file
``_images/NAME.svg`` a second one is written, ``NAME-dark.svg``, in the palette's colors for the dark. The page shows
the one or the other with its theme; a hidden one is not loaded.
"""

import colorsys
import re
from pathlib import Path

from alexbook.figures.palette import PLOT_IN_THE_DARK

PIXELS = 1.5  # CSS pixels for a point of the drawing, where there is room
DARK_SUFFIX = "-dark"
MARK = "<!-- adapted -->"
COLOR = re.compile(r"#[0-9a-fA-F]{6}\b")
FIGURE = re.compile(r'<g id="figure_1">')  # Matplotlib's
PAPER = re.compile(r'(<g id="patch_\d+">\s*<path d="[^"]*"\s*(?:clip-path="[^"]*"\s*)?)style="fill: #ffffff"(?=\s*/>)')
SIZE = re.compile(r'<svg\b[^>]*?\bwidth="([\d.]+)pt"[^>]*?\bheight="([\d.]+)pt"|'
                  r'<svg\b[^>]*?\bheight="([\d.]+)pt"[^>]*?\bwidth="([\d.]+)pt"')
IMAGE = re.compile(r'<img [^>]*src="([^":]*_images/[^"]+)\.svg"[^>]*?/?>')
KNOWN = {light.lower(): dark.lower() for light, dark in PLOT_IN_THE_DARK.items()}


def dark(color: str) -> str:
    """What a color of a plot becomes in the dark.

    Args:
        color: ``#rrggbb``.

    Returns:
        The palette's choice. Of other colors, a gray as much lighter as it was darker; a hue stays, and so does black,
        which a plot uses for words on a colored ground alone.
    """
    color = color.lower()
    if color in KNOWN or color == "#000000":
        return KNOWN.get(color, color)
    red, green, blue = (int(color[place:place + 2], 16) / 255 for place in (1, 3, 5))
    hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
    if strength > 0.1:
        return color
    changed = colorsys.hls_to_rgb(hue, 0.09 + 0.78 * (1 - light), strength)
    return "#" + "".join(f"{round(255 * part):02x}" for part in changed)


def without_paper(drawing: str) -> str:
    """The drawing with nothing behind it: the white of figure and axes is left out."""
    return PAPER.sub(r'\1style="fill: none"', drawing)


def in_the_dark(drawing: str) -> str:
    """A drawing without paper in the colors for the dark; pictures within it stay as they are."""
    parts = re.split(r'("data:image/[^"]*")', drawing)
    return "".join(part if place % 2 else COLOR.sub(lambda found: dark(found[0]), part)
                   for place, part in enumerate(parts))


def adapt(path: Path) -> None:
    """Takes the paper from a plot and writes its version for the dark; leaves what is adapted or no plot."""
    drawing = path.read_text(encoding="utf-8")
    if MARK in drawing or not FIGURE.search(drawing):
        return
    light = without_paper(drawing)
    path.with_name(f"{path.stem}{DARK_SUFFIX}.svg").write_text(in_the_dark(light) + MARK, encoding="utf-8")
    path.write_text(light + MARK, encoding="utf-8")


def adapt_folder(folder: Path) -> None:
    """Adapts every plot among a book's pictures."""
    for path in sorted((folder / "_images").glob("*.svg")):
        adapt(path)


def size(path: Path) -> tuple[int, int]:
    """Width and height of a plot in CSS pixels, where there is room for it.

    Raises:
        ValueError: where the file does not say how large it is.
    """
    if not (found := SIZE.search(path.read_text(encoding="utf-8"))):
        raise ValueError(f"{path.name} does not say its width and height in points, as Matplotlib's SVG does.")
    width, height = (found[1], found[2]) if found[1] else (found[4], found[3])
    return round(PIXELS * float(width)), round(PIXELS * float(height))


def show_both(text: str, folder: Path) -> str:
    """Puts both versions of each plot into a page that lies in ``folder``, with their size."""
    def one(match: re.Match[str]) -> str:
        path = folder / f"{match[1]}.svg"
        if not path.with_name(f"{path.stem}{DARK_SUFFIX}.svg").is_file():
            return match[0]
        width, height = size(path)
        image = match[0].replace("<img ", f'<img width="{width}" height="{height}" ', 1)
        return "".join(
            image.replace("<img ", f'<img class="plot plot-{theme} dark-light" ', 1).replace(
                f"{match[1]}.svg", f"{match[1]}{suffix}.svg")
            for theme, suffix in (("light", ""), ("dark", DARK_SUFFIX)))

    return IMAGE.sub(one, text)
