"""The book's figures: what :mod:`~alexbook.figures.plots` draws with Matplotlib, and drawings of networks.

The plots are this package's own names and are loaded when they are asked for: the drawings
(:mod:`alexbook.figures.architecture`) and the colors (:mod:`alexbook.figures.palette`) need neither Matplotlib
nor NumPy.
"""

from typing import Any

__all__ = ["BLUE", "FAINT", "GREEN", "INK", "ORANGE", "PURPLE", "SIZE", "SKY", "VERMILION", "WIDTH", "ablations",
           "confusion", "curves", "differences", "frame", "images", "pixels", "use_style", "windows"]


def __getattr__(name: str) -> Any:
    """A name of :mod:`alexbook.figures.plots`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from alexbook.figures import plots

    return getattr(plots, name)
