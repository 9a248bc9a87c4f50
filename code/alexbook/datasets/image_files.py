"""Image files to uint8 arrays: one shape of array whatever the file holds, decoded only when asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

# No others are opened: Pillow would start a program for some (Ghostscript for EPS, whatever the file is called).
FORMATS = ("JPEG", "MPO", "PNG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
EXTENSIONS = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm",
                        ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".avif"))
# Images too, but of kinds that Pillow does not read, or not safely.
UNREADABLE = frozenset((".heic", ".heif", ".hif", ".jxl", ".svg", ".eps", ".psd", ".raw", ".dng", ".cr2", ".cr3",
                        ".nef", ".arw", ".orf", ".rw2", ".raf"))
THIN = 10  # times as long as wide: such an image is cut before it is scaled


def read(path: Path) -> np.ndarray:
    """The image in a file as uint8, (height, width, 3), upright.

    Gray, palette and CMYK images become RGB, transparent parts white, and the camera's note on how the picture was
    held (EXIF) is obeyed.

    Raises:
        ValueError: The file cannot be decoded, or has more than 8 bits for each color.
    """
    try:
        if not path.is_file():  # a pipe or a terminal would be waited for
            raise OSError("it is missing or no file")
        with Image.open(path, formats=_formats()) as image:
            return np.asarray(_rgb(ImageOps.exif_transpose(image)))
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, ...
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise ValueError(f"{path} cannot be read as an image ({reason}); replace the file or remove it.") from None


@cache
def _formats() -> tuple[str, ...]:
    """Those of the formats that this Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        raise ValueError("its pixels have more than 8 bits, and it does not say which value is white; save it with 8 "
                         "bits for each color")
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Image files that are decoded one by one, when they are indexed: ``files[i]`` is uint8, (height, width, 3)."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return read(self.paths[index])

    def join(self, other: "ImageFiles") -> "ImageFiles":
        """These files and then the other's."""
        return ImageFiles(self.paths + other.paths)

    def take(self, indices: Sequence[int]) -> "ImageFiles":
        """The files at these places, in this order."""
        return ImageFiles(tuple(self.paths[index] for index in indices))


def fit(image: np.ndarray, size: int) -> np.ndarray:
    """An image as a square: its shorter side scaled to the square's, then the central patch.

    This is how the AlexNet paper (section 2) brings photographs of all shapes to 256 x 256.

    Args:
        image: uint8, (height, width) or (height, width, 3).
        size: Side of the square in pixels.

    Returns:
        uint8, (size, size) or (size, size, 3).

    >>> fit(np.zeros((240, 320, 3), np.uint8), 64).shape
    (64, 64, 3)
    """
    if size < 1:
        raise ValueError(f"The size is {size}, but must be at least 1 pixel.")
    if max(image.shape[:2]) > THIN * min(image.shape[:2]):
        image = _central_square(image)  # or a file of 50,000 x 1 pixels would need gigabytes
    height, width = image.shape[:2]
    scale = size / min(height, width)
    across, down = max(size, round(width * scale)), max(size, round(height * scale))
    scaled = Image.fromarray(image).resize((across, down), Image.Resampling.BICUBIC)
    left, top = (across - size) // 2, (down - size) // 2
    return np.asarray(scaled.crop((left, top, left + size, top + size)))


def _central_square(image: np.ndarray) -> np.ndarray:
    side = min(image.shape[:2])
    top, left = ((have - side) // 2 for have in image.shape[:2])
    return image[top:top + side, left:left + side]


def frame(images: np.ndarray, box: int = 20, field: int = 28, ink: int = 16) -> np.ndarray:
    """Gray images set into a wider field, each scaled, keeping its shape, to fill a box in the middle.

    With 20 in 28 that is the geometry of MNIST, with 20 in 32 that of LeNet-5's input (LeCun et al. 1998, section
    III.A; MNIST centers the center of mass, here it is the box that is centered).

    Args:
        images: (N, height, width), 0 (paper) to ``ink``.
        box: Side of the box in pixels.
        field: Side of the field in pixels.
        ink: The images' largest possible value.

    Returns:
        uint8, (N, field, field), 0 to 255.

    >>> frame(np.full((1, 8, 8), 16)).shape
    (1, 28, 28)
    """
    if images.ndim != 3:
        raise ValueError(f"The images have shape {images.shape}, but (N, height, width) is needed.")
    if not 1 <= box <= field:
        raise ValueError(f"The box is {box} pixels wide, but must be between 1 and the field's {field}.")
    if images.size and (images.min() < 0 or images.max() > ink):
        raise ValueError(f"The images' values go from {images.min()} to {images.max()}, but must be 0 to ink={ink}.")
    height, width = images.shape[1:]
    scale = box / max(height, width)
    down, across = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (field - down) // 2, (field - across) // 2
    framed = np.zeros((len(images), field, field), np.uint8)
    for target, image in zip(framed, np.round(images * (255 / ink)).astype(np.uint8), strict=True):
        scaled = Image.fromarray(image).resize((across, down), Image.Resampling.BICUBIC)
        target[top:top + down, left:left + across] = np.asarray(scaled)
    return framed
