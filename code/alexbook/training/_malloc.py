"""Memory that is given back and asked for again at each training step costs time; here is how a process keeps it.

The C library of Linux (glibc) returns each block above 32 MB to the operating system as soon as it is freed, and has to
have it back, page by page and filled with zeros, a moment later. AlexNet's larger maps, at batch 128, are such blocks.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h; see "man mallopt"
USUAL = {M_MMAP_MAX: 65536, M_TRIM_THRESHOLD: 128 * 1024}


def keep() -> bool:
    """From now on this process keeps what it frees, until it ends; False where its C library has no such switch.

    For a process that does nothing but train: it stays as large as it ever was.
    """
    return _set({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1})


def release() -> bool:
    """Take that back, and return to the operating system what is free now; False where there is no such switch."""
    done = _set(USUAL)
    if done:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return done


def _set(switches: dict[int, int]) -> bool:
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return all(mallopt(name, value) for name, value in switches.items())
