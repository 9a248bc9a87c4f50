"""How a notebook stores what Matplotlib draws: as SVG with small rasters, the same bytes each time it is run.

The paper is white there, for Colab and editors with a dark theme show it as it is; the book's pages take it away
and draw a second version for the dark (``alexbook_site.postprocess.figures``).
"""

import base64
import io
import re

import matplotlib as mpl
from matplotlib.figure import Figure

MARGIN = 0.02  # inches around a figure: what is more makes its text smaller on a phone
PHOTOGRAPH = 85  # WebP's quality
EMBEDDED = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")


def small_raster(png: bytes) -> bytes:
    """A picture as WebP: without loss where that is smaller (maps of values), otherwise as a photograph.

    Args:
        png: A picture in any format that Pillow reads.

    Returns:
        The bytes of a WebP file with the same pixels, or nearly the same.
    """
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    versions = []
    for settings in ({"lossless": True}, {"quality": PHOTOGRAPH}):
        target = io.BytesIO()
        picture.save(target, "WEBP", method=4, **settings)
        versions.append(target.getvalue())
    return min(versions, key=len)


def svg(figure: Figure) -> str:
    """A figure as SVG, for a notebook: text as outlines, rasters as WebP, no date and no random names.

    Args:
        figure: Any figure of Matplotlib's.
    """
    from IPython.core.pylabtools import print_figure

    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "alexbook"}):
        drawn = print_figure(figure, fmt="svg", bbox_inches="tight", pad_inches=MARGIN,
                             metadata={"Date": None, "Creator": None})
    if drawn is None:
        return ""

    def smaller(match: re.Match[str]) -> str:
        return f"data:image/webp;base64,{base64.b64encode(small_raster(base64.b64decode(match[1]))).decode()}"

    return EMBEDDED.sub(smaller, drawn)


def show_as_svg() -> None:
    """Makes a notebook show figures by :func:`svg`; does nothing elsewhere."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if (shell := get_ipython()) is None or not hasattr(shell, "kernel"):
        return
    from matplotlib_inline import backend_inline  # sets its own formats up, once, as it is loaded

    backend_inline.InlineBackend.instance().figure_formats = {"svg"}
    formatters = shell.display_formatter.formatters
    formatters["image/png"].pop(Figure, None)
    formatters["image/svg+xml"].for_type(Figure, svg)
