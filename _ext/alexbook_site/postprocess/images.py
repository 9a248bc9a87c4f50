"""The pictures that cells show: their size is stated, so that no text jumps; wide ones get a box for phones."""

import re
import struct
from pathlib import Path

WIDE = 800  # pixels; such a picture is drawn for a whole column of text
PICTURE = re.compile(r'<img [^>]*src="([^":]*_images/[^"]+\.png)"[^>]*?/?>')


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file, from its first bytes."""
    return struct.unpack(">II", path.read_bytes()[16:24])


def set_sizes(text: str, folder: Path) -> str:
    """Gives each picture of a page in ``folder`` its size, and a wide one a box of its own that can scroll."""
    def one(match: re.Match) -> str:
        width, height = size(folder / match[1])
        picture = match[0].replace("<img ", f'<img width="{width}" height="{height}" ', 1)
        return f'<span class="wide-picture">{picture}</span>' if width > WIDE else picture

    return PICTURE.sub(one, text)
