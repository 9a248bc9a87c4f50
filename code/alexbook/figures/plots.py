"""The book's pictures: one style, colors that survive color blindness, labels large enough for a phone.

Every function draws with Matplotlib and returns the figure; the chapter shows it and carries its alt text.
"""

from collections.abc import Sequence
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from alexbook.arithmetic import output_size, paddings
from alexbook.figures._notebook import show_as_svg
from alexbook.figures.palette import BLUE, FAINT, GREEN, INK, ORANGE, PALE_BLUE, PALEST_BLUE, PURPLE, SKY, VERMILION
from alexbook.layers import Padding, Pair, pair, reach
from alexbook.networks import Rounding
from alexbook.runs import Run, summary

WIDTH = 4.8  # inches: shown 358 pixels wide, on a phone, text of SIZE points is 11 pixels tall
SIZE = 11


def use_style() -> None:
    """Set Matplotlib's defaults for every figure of a chapter, and store figures as SVG."""
    show_as_svg()
    plt.rcParams.update({
        "figure.dpi": 144, "figure.facecolor": "white", "figure.constrained_layout.use": True,
        "figure.figsize": (WIDTH, 3.2), "font.size": SIZE, "axes.titlesize": SIZE, "axes.labelsize": SIZE,
        "figure.labelsize": SIZE, "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
        "axes.edgecolor": INK, "axes.spines.top": False, "axes.spines.right": False,
        "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY]),
        "image.cmap": "gray", "legend.frameon": False, "lines.linewidth": 1.8,
    })


def pixels(ax: Axes, values: np.ndarray, title: str = "", numbers: bool = True, cmap: str = "gray_r",
           limit: float | None = None) -> None:
    """Draw a small table of values as a grid of cells, with each value written in its cell.

    Args:
        ax: Where to draw.
        values: ``(height, width)``.
        title: The title above it.
        numbers: Whether the values are written.
        cmap: Matplotlib's color map.
        limit: Sets the range of colors: 0 to ``limit``, or -``limit`` to ``limit`` where some value is negative and in
            the colors of signed values (``cmap="RdBu"``), in which 0 is white. Without one it is the largest value.
    """
    limit = limit or float(np.abs(values).max()) or 1.0
    low = -limit if values.min() < 0 or cmap == "RdBu" else 0
    ax.imshow(values, cmap=cmap, vmin=low, vmax=limit)
    height, width = values.shape
    ax.set_xticks(np.arange(width + 1) - 0.5, labels=[])
    ax.set_yticks(np.arange(height + 1) - 0.5, labels=[])
    ax.grid(color=FAINT, linewidth=0.5)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(title)
    if numbers:
        dark = plt.get_cmap(cmap)
        for row, column in np.ndindex(height, width):
            value = values[row, column]
            red, green, blue, _ = dark((value - low) / (limit - low))
            ink = "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else INK
            ax.text(column, row, f"{value:g}", ha="center", va="center", fontsize=SIZE, color=ink)


def frame(ax: Axes, row: float, column: float, height: float, width: float, color: str = VERMILION) -> None:
    """Outline the cells of a window on an axes drawn by :func:`pixels`."""
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), width, height, fill=False, edgecolor=color, linewidth=2.5,
                           zorder=5, clip_on=False))


def windows(size: int, kernel: int, stride: int = 1, padding: int | Pair | Literal["same"] = 0, dilation: int = 1,
            rounding: Rounding = "floor") -> Figure:
    """Every window along one side of an image: the input row on top, one line per output below it.

    Padding is hatched; pixels that no window reaches are crossed out.

    Args:
        size: Pixels of the row.
        kernel: Values of the kernel.
        stride: Pixels from one window to the next.
        padding: Pixels at each end, ``(before, after)``, or ``"same"``.
        dilation: Pixels from one value of the kernel to the next.
        rounding: ``"floor"`` or ``"ceil"``, as in :func:`alexbook.arithmetic.output_size`.

    Raises:
        ValueError: Where not one window fits.
    """
    seen = reach(kernel, dilation)
    vertical: Padding = "same" if isinstance(padding, str) else (pair(padding), (0, 0))
    (before, after), _ = paddings(vertical, (size, seen), (seen, seen), (stride, stride))
    count = output_size(size, kernel, stride, (before, after), dilation, rounding)
    starts = [index * stride - before for index in range(count)]
    used = {start + dilation * tap for start in starts for tap in range(kernel)}
    left, right = -before, max(size + after, starts[-1] + seen)

    figure, ax = plt.subplots(figsize=(WIDTH, 0.62 + 0.26 * (count + 1)))
    for pixel in range(left, right):
        outside = not 0 <= pixel < size
        ax.add_patch(Rectangle((pixel, -1), 1, 0.8, facecolor="white" if outside else PALE_BLUE,
                               edgecolor=FAINT if outside else INK, hatch="////" if outside else None, linewidth=0.8))
        if not outside:
            ax.text(pixel + 0.5, -0.6, str(pixel), ha="center", va="center", fontsize=SIZE)
            if pixel not in used:
                ax.plot([pixel, pixel + 1], [-1, -0.2], color=VERMILION, linewidth=1.5)
                ax.plot([pixel, pixel + 1], [-0.2, -1], color=VERMILION, linewidth=1.5)
    for index, start in enumerate(starts):
        for tap in range(kernel):
            ax.add_patch(Rectangle((start + dilation * tap + 0.04, index + 0.1), 0.92, 0.7,
                                   facecolor=BLUE if index % 2 else ORANGE))
        ax.text(left - 0.3, index + 0.45, f"output {index}", ha="right", va="center", fontsize=SIZE)
    ax.text(left - 0.3, -0.6, "input", ha="right", va="center", fontsize=SIZE)
    ax.set(xlim=(left - 2.6, right + 0.2), ylim=(count + 0.1, -1.2))
    ax.axis("off")
    extra = (f", padding {before} + {after}" if before or after else "") + (f", dilation {dilation}"
                                                                          if dilation > 1 else "")
    ax.set_title(f"{size} pixels, kernel {kernel}, stride {stride}{extra}, {rounding}: {count} outputs", fontsize=SIZE)
    return figure


def images(pictures: Sequence[np.ndarray], titles: Sequence[str] = (), columns: int = 8, side: float = 0.8) -> Figure:
    """A sheet of small images.

    Args:
        pictures: Gray ``(height, width)`` or color ``(height, width, 3)``.
        titles: A title over each.
        columns: How many stand in a row.
        side: Inches for each.
    """
    rows = -(-len(pictures) // columns)
    columns = min(columns, len(pictures))
    title_room = 0.25 if titles else 0.02
    figure, axes = plt.subplots(rows, columns, figsize=(side * columns, (side + title_room) * rows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for index, (ax, picture) in enumerate(zip(axes.flat, pictures, strict=False)):
        ax.imshow(picture, cmap="gray_r" if picture.ndim == 2 else None)
        if titles:
            ax.set_title(titles[index], fontsize=SIZE, pad=2)
    return figure


def confusion(matrix: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Counts of (true class, predicted class): the diagonal in pale blue, mistakes in red, zeros left blank.

    Args:
        matrix: ``(classes, classes)``, a row for each true class.
        class_names: In the order of the rows.
    """
    matrix = np.asarray(matrix)
    wrong = matrix * (1 - np.eye(len(matrix)))
    figure, ax = plt.subplots(figsize=(4.6, 4.6))
    ax.imshow(np.ma.masked_equal(wrong, 0), cmap="Reds", vmin=0, vmax=max(wrong.max() * 1.5, 1))
    for row, column in np.ndindex(matrix.shape):
        if row == column:
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=PALEST_BLUE))
        if matrix[row, column]:
            ax.text(column, row, f"{matrix[row, column]:g}", ha="center", va="center", fontsize=SIZE, color=INK)
    ax.set_xticks(range(len(class_names)), labels=class_names)
    ax.set_yticks(range(len(class_names)), labels=class_names)
    ax.set(xlabel="predicted", ylabel="true")
    ax.tick_params(length=0)
    return figure


def curves(histories: dict[str, Sequence[Sequence[float]]], ylabel: str, logarithmic: bool = False) -> Figure:
    """Curves over epochs: for each label the mean of its runs as a line and their range as a band.

    Args:
        histories: For each label one list of values per run, epoch 1 first, all of one length.
        ylabel: What the values are, with their unit.
        logarithmic: Whether the axis of the values is.
    """
    figure, ax = plt.subplots()
    for (label, runs), style in zip(histories.items(), ("-", "--", "-.", ":") * 2, strict=False):
        values = np.asarray(runs, dtype=float)
        epochs = np.arange(1, values.shape[1] + 1)
        line, = ax.plot(epochs, values.mean(0), style, label=label)
        if len(values) > 1:
            ax.fill_between(epochs, values.min(0), values.max(0), color=line.get_color(), alpha=0.2, linewidth=0)
    if logarithmic:
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.legend()
    return figure


def ablations(groups: dict[str, list[Run]], base: str) -> Figure:
    """Test errors of recorded runs: a row for each label, a dot for each seed, a tick and a number for their mean.

    The range of the runs under the label ``base``, which the others are compared with, is a band behind all rows.
    """
    if base not in groups:
        raise ValueError(f"There is no group {base!r} to compare with; there are {', '.join(groups) or 'none'}.")
    if empty := [label for label, found in groups.items() if not found]:
        raise ValueError(f"The group {empty[0]!r} has no runs, but needs at least one.")
    figure, ax = plt.subplots(figsize=(WIDTH, 0.8 + 0.36 * len(groups)))
    found = {label: {key: 100 * error for key, error in summary(group).items()} for label, group in groups.items()}
    ax.axvspan(found[base]["least"], found[base]["greatest"], color=SKY, alpha=0.3, linewidth=0)
    for row, (label, group) in enumerate(groups.items()):
        mean, greatest = found[label]["mean"], found[label]["greatest"]
        ax.plot([100 * run.test_error for run in group], [row] * len(group), "o", markersize=7, alpha=0.75,
                color=BLUE if label == base else VERMILION, markeredgecolor="white", clip_on=False)
        ax.plot([mean], [row], "|", markersize=17, markeredgewidth=2, color=INK)
        ax.annotate(f"{mean:.1f}", (greatest, row), (9, 0), textcoords="offset points", va="center", fontsize=SIZE)
    ax.set_yticks(range(len(groups)), labels=list(groups))
    ax.set(xlabel="test error, %", ylim=(len(groups) - 0.5, -0.5))
    ax.margins(x=0.12)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color=FAINT, linewidth=0.5, alpha=0.4)
    ax.set_axisbelow(True)
    return figure


def differences(groups: dict[str, list[Run]], base: list[Run], level: float = 0.95) -> Figure:
    """How the test errors of conditions differ from those of a base, seed by seed.

    Args:
        groups: The runs of each condition, by its label; the base has a run with the seed of each.
        base: The runs that all are compared with.
        level: The share of such intervals that hold the true difference.

    Returns:
        A row for each condition: a dot for each pair of runs with one seed, and the mean difference with its interval
        (:func:`alexbook.intervals.difference`), in percentage points. Where the interval holds 0 it is gray.

    Raises:
        ValueError: For a condition with fewer than two runs, or with a seed that the base has not.
    """
    from alexbook import intervals

    known = {run.seed: run.test_error for run in base}
    figure, ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.36 * len(groups)))
    ax.axvline(0, color=INK, linewidth=1)
    for row, (label, runs) in enumerate(groups.items()):
        if missing := sorted({run.seed for run in runs} - set(known)):
            raise ValueError(f"The condition {label!r} has runs with the seed {missing[0]}, and the base has none.")
        found = intervals.difference([run.test_error for run in runs], [known[run.seed] for run in runs], level)
        color = FAINT if not found.decided else VERMILION if found.mean > 0 else BLUE
        ax.plot([100 * found.low, 100 * found.high], [row, row], color=color, linewidth=5, solid_capstyle="butt",
                alpha=0.6)
        ax.plot([100 * (run.test_error - known[run.seed]) for run in runs], [row] * len(runs), "o", markersize=4,
                color=INK, alpha=0.6)
        ax.plot([100 * found.mean], [row], "|", markersize=15, markeredgewidth=2.5, color=INK)
        ax.annotate(f"{100 * found.mean:+.1f}", (1.01, row), xycoords=("axes fraction", "data"), va="center",
                    fontsize=SIZE)
    ax.set_yticks(range(len(groups)), labels=list(groups))
    ax.set(xlabel="test error less that of the base, percentage points", ylim=(len(groups) - 0.5, -0.5))
    ax.tick_params(axis="y", length=0)
    return figure
