"""Image files of every kind become RGB; frame() puts digits where MNIST has them."""

import os
import struct
import tracemalloc

import numpy as np
import pytest
from alexbook.datasets import image_files
from PIL import Image

RED, BLUE = (254, 0, 0), (0, 0, 254)


def saved(image: Image.Image, path, **options):
    image.save(path, **options)
    return image_files.read(path)


def two_colors() -> Image.Image:
    """8 wide, 4 high; the left half red, the right half blue."""
    image = Image.new("RGB", (8, 4), RED)
    image.paste(BLUE, (4, 0, 8, 4))
    return image


@pytest.mark.parametrize(("suffix", "options"), [
    ("png", {}), ("bmp", {}), ("gif", {}), ("tif", {}), ("webp", {"lossless": True}),
    ("jpg", {"quality": 100, "subsampling": 0}), ("JPEG", {"quality": 100, "subsampling": 0, "format": "jpeg"})])
def test_formats(suffix, options, tmp_path):
    pixels = saved(two_colors(), tmp_path / f"a.{suffix}", **options)
    assert pixels.dtype == np.uint8 and pixels.shape == (4, 8, 3)
    assert np.abs(pixels[:, 0].astype(int) - RED).max() <= 3 and np.abs(pixels[:, -1].astype(int) - BLUE).max() <= 3


@pytest.mark.parametrize(("mode", "kind"), [("L", "jpeg"), ("L", "png"), ("1", "png"), ("LA", "png")])
def test_gray_becomes_three_equal_channels(mode, kind, tmp_path):
    pixels = saved(Image.new("L", (3, 2), 255).convert(mode), tmp_path / "a", format=kind)
    assert pixels.shape == (2, 3, 3) and (pixels == 255).all()


def test_cmyk_and_palette(tmp_path):
    cmyk = saved(two_colors().convert("CMYK"), tmp_path / "a.jpg", quality=100, subsampling=0)
    assert np.abs(cmyk[:, 0].astype(int) - RED).max() <= 3
    assert (saved(two_colors().convert("P"), tmp_path / "a.png")[:, 0] >= (250, 0, 0)).all()


def test_transparent_becomes_white(tmp_path, recwarn):
    clear = Image.new("RGBA", (3, 2), (*RED, 0))
    clear.putpixel((0, 0), (*RED, 255))
    assert saved(clear, tmp_path / "a.png")[0, :2].tolist() == [list(RED), [255, 255, 255]]
    palette = Image.new("P", (3, 2), 0)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    assert (saved(palette, tmp_path / "b.png", transparency=bytes([0, 255])) == 255).all()
    assert not recwarn


@pytest.mark.parametrize(("note", "corner"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom")])
def test_a_camera_held_sideways_is_upright(note, corner, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = note
    pixels = saved(two_colors(), tmp_path / "a.png", exif=exif)
    side = {"left": pixels[:, 0], "right": pixels[:, -1], "top": pixels[0], "bottom": pixels[-1]}[corner]
    assert (side == RED).all()


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "missing", "bomb", "png"])
def test_what_cannot_be_read_is_named_in_one_sentence(damage, tmp_path):
    path = tmp_path / "cat.png"
    Image.effect_noise((64, 64), 90).save(path)
    whole = path.read_bytes()
    huge = whole[:16] + struct.pack(">II", 60_000, 60_000)
    changed = {"empty": b"", "text": b"not an image", "cut": whole[:len(whole) // 2], "bomb": huge + whole[24:],
               "png": whole[:40] + b"junk" + whole[44:]}
    path.write_bytes(changed.get(damage, whole))
    if damage == "missing":
        path.unlink()
    with pytest.raises(ValueError) as caught:
        image_files.read(path)
    assert "cat.png cannot be read as an image" in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_files_are_decoded_only_when_indexed(tmp_path):
    Image.new("RGB", (3, 2), RED).save(tmp_path / "good.png")
    files = image_files.ImageFiles((tmp_path / "good.png", tmp_path / "missing.png"))
    assert len(files) == 2 and (files[0] == RED).all() and (files[-2] == RED).all()
    assert len(files.take([0, 0, 0])) == 3
    with pytest.raises(ValueError, match="missing.png"):
        files[1]


@pytest.mark.parametrize(("shape", "size"), [((64, 64, 3), 32), ((40, 90, 3), 16), ((90, 41, 3), 41), ((8, 8), 28)])
def test_fit_makes_a_square_of_the_middle(shape, size):
    ramp = np.broadcast_to(np.linspace(0, 200, shape[1])[None, :].reshape(1, -1, *[1] * (len(shape) - 2)), shape)
    square = image_files.fit(ramp.astype(np.uint8), size)
    assert square.shape == (size, size, *shape[2:]) and square.dtype == np.uint8
    assert abs(square.mean() - 100) < 3, "the middle of the ramp is the middle of the square"
    share = min(shape[:2]) / shape[1]
    assert abs((square[:, -1].mean() - square[:, 0].mean()) - 200 * share) < 25


def test_fit_refuses_no_pixels():
    with pytest.raises(ValueError, match="size is 0, but must be at least 1"):
        image_files.fit(np.zeros((4, 4, 3), np.uint8), 0)


@pytest.mark.parametrize("field", [28, 32])
def test_frame_has_the_geometry_of_mnist(field):
    framed = image_files.frame(np.full((3, 8, 8), 16), field=field)
    assert framed.shape == (3, field, field) and framed.dtype == np.uint8
    margin = (field - 20) // 2
    assert (framed[:, margin:-margin, margin:-margin] == 255).all()
    assert framed.sum() == 3 * 400 * 255, "outside the box there is nothing"


def test_frame_keeps_shape_order_and_ink():
    digits = np.zeros((2, 4, 8), np.uint8)
    digits[1, :, :4] = 16
    framed = image_files.frame(digits, box=16, field=20)
    assert not framed[0].any()
    rows, columns = np.nonzero(framed[1] > 200)
    assert (rows.min(), rows.max()) == (6, 13), "twice as wide as high, in the middle"
    assert columns.min() == 2 and 8 <= columns.max() <= 10
    assert abs(image_files.frame(np.full((1, 8, 8), 8))[0, 14, 14] - 128) <= 1


@pytest.mark.parametrize(("array", "options", "message"), [
    (np.zeros((8, 8)), {}, r"shape \(8, 8\), but \(N, height, width\)"),
    (np.zeros((1, 8, 8)), {"box": 30}, "box is 30 pixels wide, but must be between 1 and the field's 28"),
    (np.full((1, 8, 8), 17), {}, "go from 17 to 17, but must be 0 to ink=16"),
    (np.full((1, 8, 8), -1), {}, "go from -1 to -1")])
def test_frame_refuses(array, options, message):
    with pytest.raises(ValueError, match=message):
        image_files.frame(array, **options)


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".ppm", ".pgm", ".jp2"])
def test_other_names_of_readable_kinds(suffix, tmp_path):
    kind = {".jfif": "JPEG", ".jpe": "JPEG", ".jp2": "JPEG2000"}.get(suffix, "PPM")
    Image.new("L" if suffix == ".pgm" else "RGB", (8, 8), "white").save(tmp_path / f"a{suffix}", kind)
    assert suffix in image_files.EXTENSIONS and suffix not in image_files.UNREADABLE
    assert image_files.read(tmp_path / f"a{suffix}").min() == 255


def test_a_file_never_starts_a_program(tmp_path, monkeypatch):
    """Pillow would hand an EPS file, whatever it is called, to Ghostscript."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", "EPS")
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.setattr("subprocess.check_call", None)
    with pytest.raises(ValueError, match="a.jpg cannot be read as an image"):
        image_files.read(tmp_path / "a.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="a.jpg cannot be read as an image .it is missing or no file"):
        image_files.read(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", [np.float32, np.uint16, np.int32])
def test_numbers_of_unknown_scale_are_refused(kind, tmp_path):
    Image.fromarray(np.zeros((8, 8), kind)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="a.tif cannot be read as an image .*more than 8 bits"):
        image_files.read(tmp_path / "a.tif")


@pytest.mark.parametrize("shape", [(20_000, 1), (1, 20_000), (3000, 2)])
def test_long_thin_images_take_no_memory(shape):
    image = np.zeros((*shape, 3), np.uint8)
    middle = [slice((side - min(shape)) // 2, (side - min(shape)) // 2 + min(shape)) for side in shape]
    image[tuple(middle)] = 200
    tracemalloc.start()
    fitted = image_files.fit(image, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fitted.shape == (64, 64, 3) and (fitted == 200).all() and peak < 1_000_000


def test_of_an_animation_the_first_frame_counts(tmp_path):
    frames = [Image.new("RGB", (3, 2), color) for color in (RED, BLUE)]
    pixels = saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.abs(pixels.astype(int) - RED).max() <= 3
