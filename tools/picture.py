#!/usr/bin/env python3
"""Draw the README's picture, _static/networks.svg, from the networks' data: python tools/picture.py

LeNet-5, and AlexNet below it to the same scale as soon as the book describes it. Each output of a layer with weights,
and of each pooling layer, is a box: as tall as its maps have rows, as wide as their number asks.
"""

from dataclasses import dataclass
from pathlib import Path

from alexbook import arithmetic, networks
from alexbook.layers import RBF, AvgPool, Conv, Dense, MaxPool, Subsample

TARGET = Path(__file__).resolve().parent.parent / "_static" / "networks.svg"
SHOWN = ("lenet5", "alexnet_2012")
DRAWN = (Conv, MaxPool, AvgPool, Subsample, Dense, RBF)
BLUE, ORANGE, INK = "#0072b2", "#e69f00", "#6e7781"  # these survive light and dark pages, and color blindness
GAP, MARGIN, LABEL, TITLE = 26, 16, 16, 30


@dataclass(frozen=True)
class Box:
    """What is drawn for one output: sizes in pixels of the drawing, and what is written below it."""

    height: float
    width: float
    label: str
    color: str

    @property
    def depth(self) -> float:
        """How far the box's side reaches to the right and up."""
        return self.height * 0.3 if self.color == BLUE else 0


def boxes(name: str, scale: float) -> list[Box]:
    """The boxes of a network, its input first; ``scale`` is pixels of the drawing for one pixel of a map."""
    trace = arithmetic.trace(networks.get(name))
    shapes = [networks.get(name).input_shape]
    shapes += [row.output_shape for row in trace.rows if isinstance(row.layer, DRAWN)]
    drawn = []
    for shape in shapes:
        if len(shape) == 3:
            rows, columns, maps = shape
            drawn.append(Box(max(rows * scale, 3), max(maps * scale / 3, 1.5), f"{rows}×{columns}×{maps}", BLUE))
        else:
            drawn.append(Box(max(shape[0] ** 0.5 * scale, 6), 6, f"{shape[0]:,}", ORANGE))
    return drawn


def draw(box: Box, x: float, bottom: float) -> str:
    """One box in oblique projection, with its label below."""
    w, h, d = box.width, box.height, box.depth
    top = bottom - h
    face = f'<rect x="{x:.1f}" y="{top:.1f}" width="{w:.1f}" height="{h:.1f}"/>'
    if d:
        face += (f'<path d="M{x:.1f} {top:.1f}l{d:.1f} {-d:.1f}h{w:.1f}l{-d:.1f} {d:.1f}z"/>'
                 f'<path d="M{x + w:.1f} {top:.1f}l{d:.1f} {-d:.1f}v{h:.1f}l{-d:.1f} {d:.1f}z"/>')
    label = f'<text x="{x + (w + d) / 2:.1f}" y="{bottom + LABEL:.1f}">{box.label}</text>'
    return f'<g fill="{box.color}" stroke="{box.color}" fill-opacity=".22">{face}</g>{label}'


def picture() -> str:
    """The whole drawing as SVG."""
    names = [name for name in SHOWN if name in networks.NETWORKS]
    scale = 0.9 if len(names) > 1 else 4.5
    parts, width, y = [], 0.0, float(MARGIN)
    for name in names:
        drawn = boxes(name, scale)
        parameters = arithmetic.trace(networks.get(name)).parameters
        title = f"{networks.get(name).title}: {parameters:,} parameters"
        parts.append(f'<text class="title" x="{MARGIN}" y="{y + 14:.1f}">{title}</text>')
        bottom = y + TITLE + max(box.height + box.depth for box in drawn)
        x = float(MARGIN)
        for box in drawn:
            room = max(box.width + box.depth, 7.4 * len(box.label))
            parts.append(draw(box, x + (room - box.width - box.depth) / 2, bottom))
            x += room + GAP
        width, y = max(width, x - GAP + MARGIN), bottom + LABEL + MARGIN + TITLE
    shown = "; ".join(f"{networks.get(n).title}: " + ", ".join(b.label for b in boxes(n, scale)) for n in names)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {y - TITLE:.0f}" role="img" '
        f'aria-labelledby="t d"><title id="t">The outputs of each layer, drawn to one scale</title>'
        f'<desc id="d">{shown}</desc>'
        "<style>text{font:13px system-ui,sans-serif;text-anchor:middle;fill:" + INK + "}"
        ".title{font-size:16px;font-weight:600;text-anchor:start}</style>" + "".join(parts) + "</svg>\n"
    )


if __name__ == "__main__":
    TARGET.write_text(picture(), encoding="utf-8", newline="\n")
