"""A file of weights: safetensors with a description, in 32, 16 or 8 bits.

With 8 bits a weight is a whole number from -127 to 127 times its output channel's scale, the largest weight of that
channel over 127. Values with one axis (biases, running means) are never rounded so: they are few.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alexbook._files import replace_file

BITS = (32, 16, 8)
SCALE = ".scale"
KEY = "alexbook"  # of the description, in the file's metadata


def pack(values: Mapping[str, np.ndarray], bits: int = 32) -> dict[str, np.ndarray]:
    """The arrays that a file holds for these values.

    Args:
        values: Float32 arrays by name.
        bits: 32, 16 (half precision) or 8 (whole numbers, with a scale for each output channel).

    Raises:
        ValueError: For other bits, and for a value that half precision cannot hold.
    """
    if bits not in BITS:
        raise ValueError(f"The bits are {bits!r}, but must be one of {', '.join(map(str, BITS))}.")
    packed: dict[str, np.ndarray] = {}
    for name, array in values.items():
        array = np.ascontiguousarray(array, np.float32)
        if bits == 32 or (bits == 8 and array.ndim < 2):
            packed[name] = array
        elif bits == 16:
            if np.abs(array).max(initial=0) > np.finfo(np.float16).max:
                raise ValueError(f"{name} holds values beyond {np.finfo(np.float16).max:g}, which 16 bits cannot; "
                                 "use 32.")
            packed[name] = array.astype(np.float16)
        else:
            scale = np.abs(array).reshape(len(array), -1).max(1) / 127
            scale[scale == 0] = 1
            packed[name] = np.rint(array / _column(scale, array.ndim)).astype(np.int8)
            packed[name + SCALE] = scale.astype(np.float32)
    return packed


def unpack(packed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The float32 values of a file's arrays."""
    return {name: array.astype(np.float32) * _column(packed[name + SCALE], array.ndim)
            if name + SCALE in packed else array.astype(np.float32)
            for name, array in packed.items() if not name.endswith(SCALE)}


def _column(scale: np.ndarray, dimensions: int) -> np.ndarray:
    return scale.reshape(-1, *[1] * (dimensions - 1))


def write(path: Path, values: Mapping[str, np.ndarray], about: Mapping[str, Any], bits: int = 32) -> None:
    """Write values with their description, in one step: there is no half-written file."""
    from safetensors.numpy import save
    replace_file(path, save(pack(values, bits), {KEY: json.dumps(about, ensure_ascii=False)}))


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A file's values, float32, and its description.

    Raises:
        ValueError: The file is missing, damaged, or holds something else.
    """
    from safetensors import SafetensorError, safe_open
    if not path.is_file():
        raise ValueError(f"There is no file {path} to read weights from.")
    try:
        with safe_open(path, "numpy") as file:
            described = (file.metadata() or {}).get(KEY)
            packed = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)
        about = None if described is None else json.loads(described)
        values = unpack(packed)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({type(error).__name__}); get it again.") from None
    if not isinstance(about, dict):
        raise ValueError(f"{path} holds weights, but does not say of which network; weights that `python -m alexbook "
                         "train ... --weights FILE` writes do.")
    return values, about
