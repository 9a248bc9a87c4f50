"""Image files to uint8 arrays: one shape of array whatever the file holds, decoded only when asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

EXTENSIONS = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"))


def read(path: Path) -> np.ndarray:
    """The image in a file as uint8, (height, width, 3), upright.

    Gray, palette, CMYK and 16-bit images become RGB, transparent parts white, and the camera's note on how the
    picture was held (EXIF) is obeyed. A file that cannot be decoded raises ValueError with its name.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(_rgb(ImageOps.exif_transpose(image)))
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, ...
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise ValueError(f"{path} cannot be read as an image ({reason}); replace the file or remove it.") from None


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits for each pixel: keep the upper eight
        image = Image.fromarray((np.asarray(image, dtype=np.int64).clip(0, 65535) >> 8).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


@dataclass(frozen=True, eq=False)
class ImageFiles(Sequence):
    """Image files that are decoded one by one, when they are indexed: ``files[i]`` is uint8, (height, width, 3)."""

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return read(self.paths[index])

    def take(self, indices: Sequence[int]) -> "ImageFiles":
        """The files at these places, in this order."""
        return ImageFiles(tuple(self.paths[index] for index in indices))


def fit(image: np.ndarray, size: int) -> np.ndarray:
    """The image as a square of ``size`` pixels: shorter side scaled to ``size``, then the central patch.

    This is how the AlexNet paper (section 2) brings photographs of all shapes to 256 x 256.
    """
    if size < 1:
        raise ValueError(f"The size is {size}, but must be at least 1 pixel.")
    height, width = image.shape[:2]
    scale = size / min(height, width)
    across, down = max(size, round(width * scale)), max(size, round(height * scale))
    scaled = Image.fromarray(image).resize((across, down), Image.Resampling.BICUBIC)
    left, top = (across - size) // 2, (down - size) // 2
    return np.asarray(scaled.crop((left, top, left + size, top + size)))


def frame(images: np.ndarray, box: int = 20, field: int = 28, ink: int = 16) -> np.ndarray:
    """Gray images, (N, height, width) with values 0 to ``ink``, set into a wider field, (N, field, field), 0 to 255.

    Each image is scaled, keeping its shape, to fill a box of ``box`` pixels in the middle of a field of zeros. With 20
    in 28 that is the geometry of MNIST, with 20 in 32 that of LeNet-5's input (LeCun et al. 1998, section III.A; MNIST
    centers the center of mass, here it is the box that is centered).
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
        target[top:top + down, left:left + across] = scaled
    return framed
