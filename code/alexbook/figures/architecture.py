"""Drawings of whole networks, as SVG made from their data: every size in them comes from the trace.

``architecture("alexnet_2012")`` shows itself in a notebook. It holds two drawings, a wide one and one for phones, and
the style that shows whichever fits the page. Lines take the page's own text color, so both stay legible in the dark.
Pure Python.
"""

from dataclasses import dataclass
from html import escape
from itertools import count, pairwise
from textwrap import wrap

from alexbook import networks
from alexbook.arithmetic import Row, Shape, trace
from alexbook.figures.palette import BLUE, GRAY, GREEN, MIDDLE, ORANGE, VERMILION
from alexbook.layers import RBF, Conv, Dense, Layer, Pool, Windowed, pair
from alexbook.networks import Network

COLORS = {"input": GRAY, "convolution": BLUE, "pooling": GREEN, "dense": ORANGE}
CROSSES, CROSSING = "between towers", VERMILION
DEPTH = 0.25  # how far a box reaches back, for one unit of its height
WIDE, NARROW, SWITCH = 800, 360, 640  # pixels: the two drawings, and the room from which the wide one is shown
AXIS, LANE = 197, 74  # pixels of the narrow drawing: its middle line, and from one tower to the next

STYLE = (
    ".net text{font:12px system-ui,sans-serif;fill:currentColor}.net .name,.net .title{font-weight:600}"
    ".net .title{font-size:14px}.net .box{stroke:currentColor;stroke-width:.8;fill-opacity:.6}"
    ".net .link{stroke:currentColor;stroke-opacity:.55;fill:none}"
    f".net .crossing{{stroke:{CROSSING};stroke-opacity:1;stroke-width:1.6}}"
)
SWITCHING = (
    ".net-box{container-type:inline-size;color:inherit}.net-box svg{display:block;margin:auto}"
    f".net-box .net-wide{{width:min(100%,{WIDE + 200}px)}}"
    f".net-box .net-narrow{{display:none;width:min(100%,{NARROW + 40}px)}}"
    f"@container (max-width:{SWITCH - 1}px){{.net-box .net-wide{{display:none}}.net-box .net-narrow{{display:block}}}}"
)

_numbers = count(1)


@dataclass(frozen=True)
class Stage:
    """One drawn layer: the shape of *one* of its ``towers`` boxes, and ``groups`` of towers that see each other."""

    name: str
    kind: str
    shape: Shape
    towers: int
    groups: int
    details: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """Its output as in ``55×55×48`` or ``4,096``."""
        return "×".join(map(str, self.shape)) if len(self.shape) == 3 else f"{self.shape[0]:,}"

    @property
    def size_lines(self) -> list[str]:
        """The same on two short lines, for narrow columns: ``55×55`` and ``×48``."""
        sides, cross, maps = self.size.rpartition("×")
        return [sides, cross + maps] if sides else [maps]


@dataclass(frozen=True)
class Link:
    """Box ``source`` of the stage before ``stage`` feeds its box ``target``."""

    stage: int
    source: int
    target: int
    crosses: bool  # from one tower into another, or into a layer that both share


@dataclass(frozen=True)
class Box:
    """A box in oblique projection, with the center of its outline at ``x``, ``y``."""

    x: float
    y: float
    width: float
    height: float
    depth: float

    @property
    def left(self) -> float:
        return self.x - (self.width + self.depth) / 2

    @property
    def right(self) -> float:
        return self.x + (self.width + self.depth) / 2

    @property
    def top(self) -> float:
        return self.y - (self.height + self.depth) / 2

    @property
    def bottom(self) -> float:
        return self.y + (self.height + self.depth) / 2


@dataclass(frozen=True)
class Scale:
    """Pixels of the drawing for one pixel of a map's height, and for one map."""

    side: float
    maps: float

    def box(self, stage: Stage, x: float, y: float) -> Box:
        """Maps of one pixel, like dense units, are drawn as tall as a square made of them would be."""
        if len(stage.shape) == 1 or stage.shape[:2] == (1, 1):
            return Box(x, y, 5, max(stage.shape[-1] ** 0.5 * self.side, 3), 0)
        height = max(stage.shape[0] * self.side, 2)
        return Box(x, y, max(stage.shape[2] * self.maps, 2), height, height * DEPTH)


def _details(layer: Layer, row: Row) -> tuple[str, ...]:
    """What is written below a layer: its kernel, and what is not as usual."""
    if isinstance(layer, Dense):
        return ("dense",)
    if isinstance(layer, RBF):
        return ("distances",)
    if not isinstance(layer, Windowed):
        return ()
    high, wide = pair(layer.kernel)
    vertical, horizontal = pair(layer.stride)
    lines = [f"{high}×{wide}"]
    if (vertical, horizontal) != (1, 1):
        lines.append(f"stride {vertical}" if vertical == horizontal else f"stride {vertical}×{horizontal}")
    if layer.padding not in (0, (0, 0)):
        lines.append(f"padding {layer.padding}" if isinstance(layer.padding, (int, str)) else "padded")
    if isinstance(layer, Conv) and layer.connections:
        pairs = sum(map(len, layer.connections))
        lines.append(f"{pairs} of {row.input_shape[2] * layer.filters} pairs")
    return tuple(lines)


def stages(network: Network) -> list[Stage]:
    """The input and each convolution, pool and dense layer.

    A network whose convolutions have groups is drawn in as many towers: every layer but the input is divided among
    them, the last one only if it has groups itself (in 2012 the two GPUs held half of each layer but the last).
    """
    rows = [row for row in trace(network) if isinstance(row.layer, (Windowed, Dense, RBF))]
    towers = max((row.layer.groups for row in rows if isinstance(row.layer, Conv)), default=1)
    drawn = [Stage("input", "input", network.input_shape, 1, 1)]
    for row in rows:
        layer = row.layer
        kind = "convolution" if isinstance(layer, Conv) else "pooling" if isinstance(layer, Pool) else "dense"
        groups = getattr(layer, "groups", towers if kind == "pooling" else 1)
        *sides, maps = row.output_shape
        divided = maps % towers == 0 and (row is not rows[-1] or groups == towers)
        here = towers if divided else 1
        drawn.append(Stage(row.name, kind, (*sides, maps // here), here, groups, _details(layer, row)))
    return drawn


def _group(stage: Stage, tower: int) -> int:
    return tower * stage.groups // stage.towers


def links(drawn: list[Stage]) -> list[Link]:
    """Which box feeds which: all pairs, but for layers with groups only those of one group."""
    found = []
    for index, (before, stage) in enumerate(pairwise(drawn), start=1):
        for source in range(before.towers):
            for target in range(stage.towers):
                together = before.towers > 1 and (source != target or stage.towers == 1)
                if before.towers != stage.towers or _group(stage, source) == _group(stage, target):
                    found.append(Link(index, source, target, together))
    return found


def _text(x: float, y: float, words: str, css: str = "", anchor: str = "middle") -> str:
    kind = f' class="{css}"' if css else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _draw(box: Box, kind: str, name: str) -> str:
    """A box: its front, and for maps the top and the right side too."""
    x, y, w, h, d = box.left, box.top + box.depth, box.width, box.height, box.depth
    parts = f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"/>'
    if d:
        parts += (f'<path d="M{x:.1f} {y:.1f}l{d:.1f} {-d:.1f}h{w:.1f}l{-d:.1f} {d:.1f}z" fill-opacity=".35"/>'
                  f'<path d="M{x + w:.1f} {y:.1f}l{d:.1f} {-d:.1f}v{h:.1f}l{-d:.1f} {d:.1f}z" fill-opacity=".85"/>')
    return f'<g class="box" fill="{COLORS[kind]}" data-box="{escape(name)}">{parts}</g>'


def _legend(kinds: list[str], x: float, y: float) -> str:
    """A colored square and a word for each kind; a line for links between towers."""
    parts = []
    for kind in kinds:
        parts.append(f'<path class="link crossing" d="M{x:.1f} {y - 4:.1f}h11"/>' if kind == CROSSES else
                     f'<rect class="box" x="{x:.1f}" y="{y - 9:.1f}" width="10" height="10" fill="{COLORS[kind]}"/>')
        parts.append(_text(x + 15, y, kind, anchor="start"))
        x += 27 + 6.3 * len(kind)
    return "".join(parts)


def _line(link: Link, source: Box, target: Box, across: bool) -> str:
    start, end = ((source.right + 2, source.y), (target.left - 2, target.y)) if across else \
        ((source.x, source.bottom + 2), (target.x, target.top - 2))
    return (f'<path class="{"link crossing" if link.crosses else "link"}" data-stage="{link.stage}" '
            f'data-from="{link.source}" data-to="{link.target}" '
            f'd="M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}"/>')


def _assemble(drawn: list[Stage], boxes: list[list[Box]], labels: list[str], across: bool) -> str:
    """The links, and over them each stage's boxes and words."""
    lines = [_line(link, boxes[link.stage - 1][link.source], boxes[link.stage][link.target], across)
             for link in links(drawn)]
    groups = [f'<g data-layer="{escape(stage.name)}">'
              + "".join(_draw(box, stage.kind, f"{stage.name}/{tower}") for tower, box in enumerate(row))
              + words + "</g>" for stage, row, words in zip(drawn, boxes, labels, strict=True)]
    return "".join(lines + groups)


def _wide(drawn: list[Stage], scale: Scale, y: float) -> tuple[str, float]:
    """One network from left to right, its top at ``y``; and where it ends."""
    column = WIDE / len(drawn)
    first, *others = (scale.box(stage, 0, 0) for stage in drawn)
    half = max(box.bottom for box in others)
    towers = max(stage.towers for stage in drawn)
    lane = 2 * half + 34
    middle = y + 22 + max(first.bottom, (towers - 1) * lane / 2 + half + (32 if towers > 1 else 0))
    foot = middle + (towers - 1) * lane / 2 + half + 52  # where the lines about the kernels begin
    boxes, labels = [], []
    for index, stage in enumerate(drawn):
        x = column * (index + 0.5)
        row = [scale.box(stage, x, middle + (tower - (stage.towers - 1) / 2) * lane) for tower in range(stage.towers)]
        words = [_text(x, y + 12, stage.name, "name")]
        for tower, box in enumerate(row):
            over = tower == 0 and stage.towers > 1  # above the first tower, where no link passes
            lines = stage.size_lines
            start = box.y - half - 13 * len(lines) + 6 if over else max(box.y + half, box.bottom) + 14
            words += [_text(x, start + 13 * number, line, "size") for number, line in enumerate(lines)]
        words += [_text(x, foot + 13 * number, line, "detail") for number, line in enumerate(stage.details)]
        boxes.append(row)
        labels.append("".join(words))
    ends = (middle + first.bottom + 27, foot + 13 * (max(len(stage.details) for stage in drawn) - 1))
    return _assemble(drawn, boxes, labels, True), max(ends)


def _narrow(drawn: list[Stage], scale: Scale, y: float) -> tuple[str, float]:
    """One network from top to bottom, names to its left and sizes to its right; and where it ends."""
    boxes, labels = [], []
    for stage in drawn:
        room = max(2 * scale.box(stage, 0, 0).bottom, 32)
        middle = y + room / 2
        left = [(stage.name, "name"), (", ".join(stage.details), "detail")]
        right = [(stage.size, "size"), ("in each tower" if stage.towers > 1 else "", "")]
        boxes.append([scale.box(stage, AXIS + (tower - (stage.towers - 1) / 2) * LANE, middle)
                      for tower in range(stage.towers)])
        labels.append(_lines(4, middle, left, "start") + _lines(NARROW - 4, middle, right, "end"))
        y += room + 16
    return _assemble(drawn, boxes, labels, False), y


def _lines(x: float, middle: float, lines: list[tuple[str, str]], anchor: str) -> str:
    """One or two lines of words, centered on ``middle``; empty ones are left out."""
    kept = [(words, css) for words, css in lines if words]
    return "".join(_text(x, middle + 4.5 + 15 * (number - (len(kept) - 1) / 2), words, css, anchor)
                   for number, (words, css) in enumerate(kept))


def _say(drawn: list[Stage]) -> str:
    """The drawing in words, for those who hear it."""
    said = [f"{stage.name} {'two of ' if stage.towers == 2 else ''}{stage.size}" for stage in drawn]
    crossed = dict.fromkeys(drawn[link.stage].name for link in links(drawn) if link.crosses)
    towers = max(stage.towers for stage in drawn)
    return (", ".join(said) + "." + (f" Drawn as {towers} towers, with links between them into "
                                     f"{', '.join(crossed) or 'no layer'}." if towers > 1 else ""))


@dataclass(frozen=True)
class Diagram:
    """One or more networks, drawn to one scale. Shows as HTML in a notebook; ``svg()`` is a picture for a file."""

    networks: tuple[Network, ...]

    def _scale(self, side: float, maps: float) -> Scale:
        """The scale at which the tallest map is ``side`` pixels tall and the deepest ``maps`` pixels wide."""
        shapes = [stage.shape for network in self.networks for stage in stages(network) if len(stage.shape) == 3]
        return Scale(side / max(shape[0] for shape in shapes),
                     maps / max(shape[2] for shape in shapes if shape[:2] != (1, 1)))

    def _svg(self, wide: bool, number: str, css: str, extra: str = "") -> str:
        width = WIDE if wide else NARROW
        scale, place = (self._scale(140, 44), _wide) if wide else (self._scale(84, 44), _narrow)
        parts, kinds, y = [], [], 4.0
        for network in self.networks:
            drawn = stages(network)
            parameters = f"{trace(network).parameters:,} parameters"
            for line in [f"{network.title}: {parameters}"] if wide else [*wrap(network.title, 48), parameters]:
                y += 18
                parts.append(_text(4, y, line, "title" if line != parameters else "", "start"))
            body, y = place(drawn, scale, y + 14)
            parts.append(f'<g data-network="{escape(network.name)}">{body}</g>')
            kinds += [stage.kind for stage in drawn[1:]]
            kinds += [CROSSES for link in links(drawn) if link.crosses]
            y += 22
        parts.append(_legend(list(dict.fromkeys(kinds)), 4, y + 8))
        title = " and ".join(network.title for network in self.networks)
        order = "from left to right" if wide else "from top to bottom"
        said = " ".join(f"{network.title}, {order}: {_say(stages(network))}" for network in self.networks)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" class="net {css}" viewBox="0 0 {width} {y + 20:.0f}" '
                f'role="img" aria-labelledby="{number}-title {number}-desc"><title id="{number}-title">'
                f'{escape(title)}</title><desc id="{number}-desc">{escape(said)}</desc>{extra}{"".join(parts)}</svg>')

    def svg(self) -> str:
        """The wide drawing alone, in a gray that can be read on light and dark pages."""
        style = f"<style>.net{{color:{MIDDLE}}}{STYLE}</style>"
        return self._svg(True, "net", "net-alone", style) + "\n"

    def _repr_html_(self) -> str:
        number = f"net-{next(_numbers)}"  # ids are one per page, also where a diagram is shown twice
        return (f'<div class="net-box"><style>{STYLE}{SWITCHING}</style>{self._svg(True, f"{number}w", "net-wide")}'
                f'{self._svg(False, f"{number}n", "net-narrow")}</div>')

    def __repr__(self) -> str:
        return "\n".join(f"{network.title}: {_say(stages(network))}" for network in self.networks)


def architecture(*which: str | Network) -> Diagram:
    """A drawing of networks, several of them to one scale.

    Args:
        *which: Networks, by name or as they are.

    Returns:
        A :class:`Diagram`, which shows as a picture in a notebook and prints as words.

    Raises:
        ValueError: For an unknown name.

    >>> print(architecture("lenet5_modern"))  # doctest: +ELLIPSIS
    LeNet-5...
    """
    return Diagram(tuple(networks.get(item) if isinstance(item, str) else item for item in which))
