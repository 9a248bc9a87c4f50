"""Plots on the pages: no white paper behind them, a version for either theme, room that is reserved for them.

Notebooks hold plots as SVG on white paper (``alexbook.figures``). Here the paper is taken away, and next to each file
``_images/NAME.svg`` a second one is written, ``NAME-dark.svg``, in the palette's colors for the dark. The page shows
the one or the other with its theme; a hidden one is not loaded.
"""

import base64
import colorsys
import io
import re
from functools import cache
from pathlib import Path

import numpy as np
from alexbook.figures.palette import DARK, PLOT_IN_THE_DARK

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


@cache
def color_maps() -> np.ndarray:
    """The colors of maps in which little or nothing is white, ``(colors, 3)`` from 0 to 1."""
    import matplotlib as mpl

    return np.concatenate([mpl.colormaps[name](np.linspace(0, 1, 256))[:, :3] for name in ("RdBu", "Reds", "Blues")])


def shows_values(colors: np.ndarray) -> bool:
    """Whether a picture is a map of values on white, and no photograph.

    Args:
        colors: ``(pixels, 3)`` from 0 to 1.

    Returns:
        True for the colors of :func:`color_maps`, and for grays of which a good part is white, such as a digit's.
    """
    colors = colors[:: max(1, len(colors) // 1500)]
    if np.ptp(colors, axis=1).max() < 0.03:
        return bool((colors.mean(axis=1) > 0.95).mean() > 0.15)
    away = np.abs(colors[:, None] - color_maps()[None]).max(axis=2).min(axis=1)
    return bool((away < 0.05).mean() > 0.97)


def turn_around(colors: np.ndarray) -> np.ndarray:
    """Colors whose white is the dark page's and whose black its text's; a hue stays: ``(..., 3)`` from 0 to 1."""
    page, text = (np.array([int(DARK[name][place:place + 2], 16) / 255 for place in (1, 3, 5)])
                  for name in ("page", "text"))
    turned = colors + 1 - colors.max(axis=-1, keepdims=True) - colors.min(axis=-1, keepdims=True)
    return page + turned * (text - page)


def raster_in_the_dark(picture: bytes) -> bytes:
    """A picture within a plot for the dark: a map of values on white becomes one on the page's color.

    Args:
        picture: A file that Pillow reads.

    Returns:
        A WebP file, or the same bytes where the picture is a photograph.
    """
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGBA")) / 255
    seen = pixels[..., 3] > 0.5
    if not seen.any() or not shows_values(pixels[seen][:, :3]):
        return picture
    changed = np.concatenate([turn_around(pixels[..., :3]), pixels[..., 3:]], axis=-1)
    target = io.BytesIO()
    Image.fromarray((255 * changed.clip(0, 1)).round().astype(np.uint8)).save(target, "WEBP", lossless=True)
    return target.getvalue()


def in_the_dark(drawing: str) -> str:
    """A drawing without paper in the colors for the dark."""
    parts = re.split(r'("data:image/[^"]*")', drawing)
    for place, part in enumerate(parts):
        if place % 2:
            raster = raster_in_the_dark(base64.b64decode(part.strip('"').partition(",")[2]))
            parts[place] = f'"data:image/webp;base64,{base64.b64encode(raster).decode()}"'
        else:
            parts[place] = COLOR.sub(lambda found: dark(found[0]), part)
    return "".join(parts)


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
