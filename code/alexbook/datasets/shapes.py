"""Color images made by code: five shapes in two colors that no gray image can tell apart.

Every image is a gray picture plus a *tint*, a change of red, green and blue that leaves the gray value as it is. So the
gray version of an image (:func:`~.preprocessing.to_gray`) is that picture, whichever of the two colors its shape
has. Everything is computed in whole numbers from PCG64's raw output, which NumPy keeps as it is from version to
version: the images are the same, to the bit, on every machine.
"""

import math

import numpy as np

SIDE = 32
SHAPES = ("disk", "ring", "square", "triangle", "cross")
COLORS = ("orange", "blue")
CLASSES = tuple(f"{color} {shape}" for shape in SHAPES for color in COLORS)
TINT = np.array([44, -60], np.int32)  # what orange adds to red and to blue, and blue takes away; green follows
SIZES = {"train": 4000, "test": 1000}
_SEEDS = {"train": 1998, "test": 2012}
_PART = 8  # a pixel's width in the units in which shapes are placed
_ANGLES = 64
_TURNS = np.array([[round(256 * math.cos(turn * math.tau / _ANGLES)), round(256 * math.sin(turn * math.tau / _ANGLES))]
                   for turn in range(_ANGLES)], np.int32)


class _Draws:
    """Whole numbers from PCG64's raw output."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def order(self, count: int) -> np.ndarray:
        """The numbers below ``count`` in a random order."""
        return np.argsort(self._bits.random_raw(count), kind="stable")

    def between(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Numbers from ``low`` to ``high``, both included, int32."""
        raw = self._bits.random_raw(math.prod(shape)) >> np.uint64(32)
        return (raw * np.uint64(high - low + 1) >> np.uint64(32)).astype(np.int32).reshape(shape) + np.int32(low)


def tinted(gray: np.ndarray, red: np.ndarray, blue: np.ndarray) -> np.ndarray:
    """Gray values ``(...)`` with so much added to red and blue: uint8, ``(..., 3)``, of the same gray value.

    Green takes back what red and blue add to the gray value (weights 0.299, 0.587 and 0.114, ITU-R BT.601), rounded:
    at most 0.3 is left over, and the gray value, a whole number, is what it was. All must stay between 0 and 255.
    """
    green = -((299 * red + 114 * blue + 293) // 587)
    return np.stack([gray + red, gray + green, gray + blue], axis=-1).astype(np.uint8)


def shapes(split: str) -> tuple[np.ndarray, np.ndarray]:
    """The images of a split, uint8 ``(count, 32, 32, 3)``, and their classes, int64 ``(count,)``, in random order.

    Each test picture is there twice, once in either color. A network that sees gray gives both the same answer, so it
    gets at least half of the test images wrong. The training pictures are all different.
    """
    count = SIZES[split]
    draws = _Draws(_SEEDS[split])
    pictures, copies = (count // 2, 2) if split == "test" else (count, 1)
    kinds = np.arange(pictures) % len(SHAPES)
    covered = _cover(draws, kinds)
    patches = _fields(draws, pictures)
    gray = 114 + patches[0] + draws.between(-8, 8, pictures, 1, 1) + covered * draws.between(6, 9, pictures, 1, 1)
    gray = (gray + draws.between(-8, 8, pictures, SIDE, SIDE)).clip(84, 171)

    kinds, covered, gray = (np.repeat(values, copies, axis=0) for values in (kinds, covered, gray))
    patches = np.repeat(patches, copies, axis=1)
    blue = np.arange(count) // (1 if copies == 2 else len(SHAPES)) % 2
    strength = np.repeat(draws.between(5, 10, pictures), copies) * (1 - 2 * blue)
    amount = covered * strength[:, None, None]
    red_and_blue = (patches[channel] + amount * TINT[channel - 1] // 40 for channel in (1, 2))
    order = draws.order(count)
    return tinted(gray, *red_and_blue)[order], (2 * kinds + blue)[order]


def _cover(draws: _Draws, kinds: np.ndarray) -> np.ndarray:
    """How many of each pixel's four quarters lie in the shape, 0 to 4: ``(count, 32, 32)``; place and size random."""
    count = len(kinds)
    middle = draws.between(11 * _PART, 21 * _PART, 2, count, 1, 1)
    radius = draws.between(7 * _PART, 11 * _PART, count, 1, 1)
    cosine, sine = _TURNS[draws.between(0, _ANGLES - 1, count)].T[..., None, None]
    inside = np.zeros((count, SIDE, SIDE), np.int32)
    pixels = _PART * np.arange(SIDE, dtype=np.int32)
    for down, right in np.ndindex(2, 2):
        y = pixels[:, None] + _PART // 4 + down * _PART // 2 - middle[0]
        x = pixels + _PART // 4 + right * _PART // 2 - middle[1]
        u, v = (cosine * x + sine * y) >> 8, (cosine * y - sine * x) >> 8
        for kind, shape in enumerate(SHAPES):
            chosen = kinds == kind
            inside[chosen] += _within(shape, u[chosen], v[chosen], radius[chosen])
    return inside


def _within(shape: str, u: np.ndarray, v: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Whether the points ``(u, v)``, seen from the shape's middle, lie in a shape that fits into the radius."""
    match shape:
        case "disk":
            return u**2 + v**2 < radius**2
        case "ring":
            return (u**2 + v**2 < radius**2) & (4 * (u**2 + v**2) > radius**2)
        case "square":
            return 4 * np.maximum(abs(u), abs(v)) < 3 * radius
        case "triangle":
            return (7 * abs(u) < 4 * (v + radius)) & (2 * v < radius)
    return (np.maximum(abs(u), abs(v)) < radius) & (3 * np.minimum(abs(u), abs(v)) < radius)


def _fields(draws: _Draws, count: int) -> np.ndarray:
    """Three smooth random fields, ``(3, count, 32, 32)``: the background's gray, red and blue."""
    step = 4
    corners = np.arange(SIDE // step + 1, dtype=np.int32)
    weights = np.maximum(step - abs(np.arange(SIDE, dtype=np.int32)[:, None] - step * corners), 0)  # bilinear
    grid = draws.between(-18, 18, 3, count, len(corners), len(corners))
    return weights @ grid @ weights.T // step**2
