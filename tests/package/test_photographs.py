"""The photographs that the book ships."""

import hashlib

import numpy as np
import pytest
from alexbook import package_data
from alexbook.datasets import photographs
from PIL import Image

FREE = ("CC0 1.0", "CC BY 2.0", "public domain", "no known copyright restrictions")


def test_each_has_a_file_a_title_an_author_a_license_and_an_origin():
    folder = package_data.folder() / "photographs"
    assert {path.stem for path in folder.glob("*.jpg")} == set(photographs.names()) and len(photographs.names()) >= 8
    for name in photographs.names():
        about = photographs.credit(name)
        assert about.title and about.author and about.license in FREE and about.source.startswith("http"), name
        assert str(about) == f"{about.title} ({about.author}, {about.license})"


def test_they_are_small_and_all_different():
    files = sorted((package_data.folder() / "photographs").glob("*.jpg"))
    assert sum(path.stat().st_size for path in files) < 300_000
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in files}) == len(files)
    for path in files:
        with Image.open(path) as image:
            assert min(image.size) == photographs.SIDE, path


@pytest.mark.parametrize("name", photographs.names())
def test_the_middle_is_cut_out_as_in_2012(name):
    whole, square = photographs.load(name, None), photographs.load(name)
    assert square.shape == (256, 256, 3) and square.dtype == np.uint8
    top, left = ((side - 256) // 2 for side in whole.shape[:2])
    np.testing.assert_array_equal(square, whole[top:top + 256, left:left + 256])
    assert photographs.load(name, 32).shape == (32, 32, 3)


def test_an_unknown_one_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"no photograph named 'dog'; there are astronaut, .*rocket\."):
        photographs.load("dog")
