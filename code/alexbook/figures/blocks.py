"""Drawings of a network's building blocks: boxes one below the other, ways that part and join again.

``blocks("One idea each", block, other)`` shows itself in a notebook, as the drawings of whole networks do: a wide
drawing and one for phones, in the page's own text color. Pure Python.

>>> residual = Block("ResNet", (Ways(((Box("3×3"), Box("3×3")), ()), "+"), Box("ReLU", "function")))
>>> print(blocks("A shortcut", residual))
ResNet, from top to bottom: two ways (3×3, 3×3; nothing), joined by +; ReLU.
"""

from dataclasses import dataclass
from html import escape

from alexbook.figures.architecture import NARROW, STYLE, SWITCHING, WIDE, _numbers, _text
from alexbook.figures.palette import BLUE, GRAY, GREEN, ORANGE, PURPLE

KINDS = {"convolution": BLUE, "pooling": GREEN, "dense": ORANGE, "attention": PURPLE, "function": GRAY}
ROW, TALL, GAP = 34, 24, 12  # pixels from one box to the next, of a box, between two ways
COUNTS = ("no", "one", "two", "three", "four", "five", "six")


@dataclass(frozen=True)
class Box:
    """One layer: what is written on it, and its kind, which gives its color."""

    label: str
    kind: str = "convolution"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"The kind of a box is {self.kind!r}, but must be one of {', '.join(KINDS)}.")

    @property
    def width(self) -> float:
        """Pixels of the box, which its words need."""
        return max(34.0, 7 * len(self.label) + 12)


@dataclass(frozen=True)
class Ways:
    """Ways beside each other, each a row of boxes from top to bottom (none: a line alone), and what joins them."""

    ways: tuple[tuple[Box, ...], ...]
    join: str = "+"

    @property
    def widths(self) -> list[float]:
        """Pixels of each way."""
        return [max((box.width for box in way), default=26.0) for way in self.ways]

    @property
    def rows(self) -> int:
        """How many rows of boxes the longest way has, and one for the joint."""
        return max(map(len, self.ways)) + 1


@dataclass(frozen=True)
class Block:
    """A building block: its title, and its parts from top to bottom."""

    title: str
    parts: tuple[Box | Ways, ...]

    @property
    def width(self) -> float:
        """Pixels that it needs."""
        inner = [part.width if isinstance(part, Box) else sum(part.widths) + GAP * (len(part.ways) - 1)
                 for part in self.parts]
        return max(*inner, 7.4 * len(self.title)) + 8

    @property
    def height(self) -> float:
        """Pixels that it needs, title and lines at both ends included."""
        return 40 + ROW * sum(1 if isinstance(part, Box) else part.rows for part in self.parts)

    def said(self) -> str:
        """The block in words."""
        parts = []
        for part in self.parts:
            if isinstance(part, Box):
                parts.append(part.label)
            else:
                ways = "; ".join(", ".join(box.label for box in way) or "nothing" for way in part.ways)
                parts.append(f"{COUNTS[len(part.ways)]} ways ({ways}), joined by {part.join}")
        return f"{self.title}, from top to bottom: {'; '.join(parts)}."


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<path class="link" d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"/>'


def _box(box: Box, x: float, y: float) -> str:
    return (f'<rect class="box" x="{x - box.width / 2:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{TALL}" rx="3" '
            f'fill="{KINDS[box.kind]}"/>' + _text(x, y + 16.5, box.label))


def _way(way: tuple[Box, ...], x: float, y: float, low: float) -> str:
    """A way's boxes from ``y`` on, and the lines between them and down to ``low``; no line lies under a box."""
    drawn, at = [], y
    for number, box in enumerate(way):
        top = y + ROW * number
        drawn += [_line(x, at, x, top), _box(box, x, top)] if top > at else [_box(box, x, top)]
        at = top + TALL
    return "".join([*drawn, _line(x, at, x, low)] if low > at else drawn)


def _ways(part: Ways, x: float, y: float) -> str:
    """The ways of a part whose first row is at ``y``: lines that part, boxes, lines that meet at the joint."""
    split, low = y - (ROW - TALL), y + ROW * (part.rows - 2) + TALL
    end, half = low + ROW - TALL + TALL / 2, max(22.0, 7 * len(part.join) + 12) / 2
    left = x - (sum(part.widths) + GAP * (len(part.ways) - 1)) / 2
    drawn = []
    for way, width in zip(part.ways, part.widths, strict=True):
        middle = left + width / 2
        to = (min(max(middle, x - half), x + half), end) if abs(middle - x) > half else (middle, end - 11)
        drawn += [_line(x, split, middle, y), _way(way, middle, y, low), _line(middle, low, *to)]
        left += width + GAP
    drawn.append(f'<rect class="joint" x="{x - half:.1f}" y="{end - 11:.1f}" width="{2 * half:.1f}" height="22" '
                 f'rx="11"/>' + _text(x, end + 4.5, part.join))
    return "".join(drawn)


def _draw(block: Block, x: float, y: float) -> str:
    """The block, with ``x`` in its middle and its title's line at ``y``."""
    drawn, at = [_text(x, y + 12, block.title, "name")], y + 30
    for part in block.parts:
        if isinstance(part, Box):
            drawn += [_line(x, at - ROW + TALL, x, at), _box(part, x, at)]
            at += ROW
        else:
            drawn.append(_ways(part, x, at))
            at += ROW * part.rows
    drawn.append(_line(x, at - ROW + TALL, x, at))
    return "".join(drawn)


def _arrange(which: tuple[Block, ...], width: float) -> tuple[str, float]:
    """The blocks in as many rows as the width asks for, each row spread over it; and how tall that is."""
    rows: list[list[Block]] = [[]]
    for block in which:
        if rows[-1] and sum(each.width + 2 * GAP for each in [*rows[-1], block]) > width:
            rows.append([])
        rows[-1].append(block)
    drawn, y = [], 6.0
    for row in rows:
        space = (width - sum(block.width for block in row)) / len(row)
        x = 0.0
        for block in row:
            drawn.append(_draw(block, x + (space + block.width) / 2, y))
            x += space + block.width
        y += max(block.height for block in row) + 8
    return "".join(drawn), y


@dataclass(frozen=True)
class Drawing:
    """Blocks beside each other. Shows as HTML in a notebook and prints as words."""

    title: str
    blocks: tuple[Block, ...]

    def _svg(self, wide: bool, number: str) -> str:
        width = WIDE if wide else NARROW
        body, tall = _arrange(self.blocks, width)
        css = "net-wide" if wide else "net-narrow"
        return (f'<svg xmlns="http://www.w3.org/2000/svg" class="net {css}" viewBox="0 0 {width} {tall:.0f}" '
                f'role="img" aria-labelledby="{number}-title {number}-desc"><title id="{number}-title">'
                f'{escape(self.title)}</title><desc id="{number}-desc">{escape(repr(self))}</desc>{body}</svg>')

    def _repr_html_(self) -> str:
        number = f"blocks-{next(_numbers)}"
        joint = ".net .joint{fill:none;stroke:currentColor;stroke-width:.8}"
        return (f'<div class="net-box"><style>{STYLE}{joint}{SWITCHING}</style>{self._svg(True, f"{number}w")}'
                f'{self._svg(False, f"{number}n")}</div>')

    def __repr__(self) -> str:
        return "\n".join(block.said() for block in self.blocks)


def blocks(title: str, *which: Block) -> Drawing:
    """A drawing of building blocks, beside each other where there is room.

    Args:
        title: The figure's title.
        *which: At least one block.

    Returns:
        A :class:`Drawing`, which shows as a picture in a notebook and prints as words.

    Raises:
        ValueError: For no block at all, or one that is too wide for a phone.
    """
    if not which:
        raise ValueError("There is no block to draw, but there must be at least one.")
    for block in which:
        if block.width > NARROW:
            raise ValueError(f"The block {block.title!r} is {block.width:.0f} pixels wide, but a phone has room for "
                             f"{NARROW}: write shorter words or draw fewer ways.")
    return Drawing(title, which)
