"""Whether a process that is told to keep its memory does."""

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource")

FAULTS = """
import resource, sys
from alexbook.training import _malloc

if sys.argv[1] == "keep" and not _malloc.keep():
    sys.exit(3)
if sys.argv[1] == "release":
    _malloc.keep(), _malloc.release()
SIZE = 64 << 20
for turn in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * SIZE
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
"""


def faults(way: str) -> int:
    """Pages that the last of several arrays of 64 MB had to be given by the operating system."""
    done = subprocess.run([sys.executable, "-c", FAULTS, way], capture_output=True, text=True, timeout=60)
    if done.returncode == 3:
        pytest.skip("this C library has no mallopt")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_large_array_takes_the_place_of_the_one_before():
    assert faults("keep") < 100


def test_what_is_released_is_given_anew():
    assert faults("release") > 10 * max(1, faults("keep"))


def test_without_it_the_operating_system_gives_each_anew():
    assert faults("leave") > 10 * max(1, faults("keep"))
