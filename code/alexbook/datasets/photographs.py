"""The photographs that the book ships: eleven real ones, small, with their origin and license.

>>> load("cat").shape
(256, 256, 3)
"""

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from alexbook import package_data
from alexbook.datasets import image_files

SIDE = 256  # pixels of the shorter side in the files, as AlexNet's training images had (paper, section 2)


@dataclass(frozen=True)
class Credit:
    """What a photograph shows, who made it, under which license it is shipped, and where it comes from."""

    title: str
    author: str
    license: str
    source: str

    def __str__(self) -> str:
        return f"{self.title} ({self.author}, {self.license})"


@cache
def _credits() -> dict[str, Credit]:
    text = (package_data.folder() / "photographs" / "photographs.json").read_text(encoding="utf-8")
    return {name: Credit(**about) for name, about in json.loads(text).items()}


def names() -> tuple[str, ...]:
    """The photographs' names, in alphabetical order."""
    return tuple(_credits())


def credit(name: str) -> Credit:
    """A photograph's origin and license; an unknown name raises a ``ValueError`` that lists the known ones."""
    if name not in _credits():
        raise ValueError(f"There is no photograph named {name!r}; there are {', '.join(names())}.")
    return _credits()[name]


def load(name: str, side: int | None = SIDE) -> np.ndarray:
    """A photograph's pixels.

    Args:
        name: One of :func:`names`.
        side: The side of the square to give: the photograph is scaled so that its shorter side has so many pixels, and
            the middle is cut out, as the images of 2012 were (paper, section 2). ``None`` gives all of it, as stored.

    Returns:
        uint8, ``(side, side, 3)``, or ``(height, width, 3)``.

    Raises:
        ValueError: For an unknown name.
    """
    credit(name)
    image = image_files.read(package_data.folder() / "photographs" / f"{name}.jpg")
    return image if side is None else image_files.fit(image, side)
