"""Weights that others trained: the compressed file, the network of it, downloads with every fault of a mirror."""

import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from alexbook import networks, weights
from alexbook.arithmetic import trace
from alexbook.datasets import download, photographs
from alexbook.models import torch as torch_models
from alexbook.weights import _scores, pretrained, squeezenet
from fault_server import FaultServer

RNG = np.random.default_rng(3)
# What the compressed network answered once, in PyTorch: the most probable class and its probability. The other
# framework, and any other reader of the file, must answer the same.
ANSWERS = {"camera": ("tripod", 0.9900), "cat": ("Egyptian cat", 0.5498), "coffee": ("espresso", 0.5880),
           "rocket": ("pole", 0.3595), "coins": ("golf ball", 0.7735), "flower": ("brain coral", 0.3642)}


def compress(values: dict[str, np.ndarray], books: dict[str, np.ndarray]) -> bytes:
    """The file of these weights: written from the format's description, as plainly as can be."""
    counts, layers = [], b""
    for name, shape in squeezenet.shapes().items():
        flat, book = values[f"{name}.weight"].ravel(), books[name]
        codes, gaps, last = [], [], -1
        for place in np.flatnonzero(flat).tolist():
            while place - last > 16:  # fifteen zeros, and a zero that is stored
                codes.append(0)
                gaps.append(15)
                last += 16
            codes.append(int(np.flatnonzero(book == flat[place])[0]))
            gaps.append(place - last - 1)
            last = place
        counts.append(len(codes))
        gaps += [0] * (len(gaps) % 2)
        halves = bytes(low + 16 * high for low, high in zip(gaps[::2], gaps[1::2], strict=True))
        layers += book.tobytes() + values[f"{name}.bias"].tobytes() + bytes(codes) + halves
        assert shape == values[f"{name}.weight"].shape
    return np.array(counts, "<u4").tobytes() + layers


@pytest.fixture(scope="module", name="toy")
def _toy() -> tuple[dict[str, np.ndarray], bytes]:
    """Random weights, a third of them not zero, and their file."""
    values, books = {}, {}
    for name, shape in squeezenet.shapes().items():
        book = np.concatenate([[0], RNG.normal(0, 0.1, 255)]).astype("<f4")
        codes = RNG.integers(1, 256, shape) * (RNG.random(shape) < (0.02 if name == "conv10" else 0.33))
        values |= {f"{name}.weight": book[codes], f"{name}.bias": RNG.normal(0, 0.1, shape[0]).astype("<f4")}
        books[name] = book
    return values, compress(values, books)


def test_what_was_compressed_comes_back(toy):
    values, content = toy
    decoded = squeezenet.decode(content)
    assert list(decoded) == list(values)
    assert all(np.array_equal(decoded[name], array) for name, array in values.items())


def test_squeezenet_has_its_published_parameters_and_both_frameworks_agree(toy):
    model, keras_model = squeezenet.torch_model(toy[0]), squeezenet.keras_model(toy[0])
    assert torch_models.count(model) == keras_model.count_params() == 1_248_424  # as torchvision counts
    images = RNG.normal(0, 50, (2, 227, 227, 3)).astype(np.float32)
    ours, theirs = (_scores.scores(each, images, name) for each, name in ((model, "torch"), (keras_model, "keras")))
    assert ours.shape == (2, 1000) and ours.std() > 0
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * ours.max())
    with torch.inference_mode():
        assert model.features(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).shape == (2, 512, 13, 13)
    assert keras_model.get_layer("features").output.shape == (None, 13, 13, 512)


def test_a_damaged_file_is_refused(toy):
    content = toy[1]
    for broken in (b"", content[:50], content[:-1], content + b"0", content[:2000] + content[3000:],
                   b"\xff" * len(content)):
        with pytest.raises(ValueError, match="SqueezeNet.*get the file again"):
            squeezenet.decode(broken)


def test_images_are_blue_green_red_without_their_means():
    image = np.zeros((300, 400, 3), np.uint8)
    image[..., 0], image[..., 1], image[..., 2] = 200, 150, 100
    prepared = pretrained.prepare("squeezenet_imagenet", image)
    assert prepared.shape == (1, 227, 227, 3)
    np.testing.assert_allclose(prepared[0, 5, 5], [100 - 104, 150 - 117, 200 - 123])
    gray = pretrained.prepare("squeezenet_imagenet", [image[..., 0], image])
    np.testing.assert_allclose(gray[0, 0, 0], [200 - 104, 200 - 117, 200 - 123])
    seen = pretrained.prepare("alexnet_imagenet", image)  # as torchvision documents: a share of 255, mean, deviation
    wanted = (np.array([200, 150, 100]) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(seen[0, 100, 100], wanted, rtol=1e-5)
    assert seen.shape == (1, 224, 224, 3)


def test_there_are_a_thousand_classes_in_the_known_order():
    names = pretrained.classes()
    assert len(names) == 1000
    assert (names[0], names[281], names[504], names[999]) == ("tench", "tabby", "coffee mug", "toilet tissue")


# --- fetching

@pytest.fixture(name="server")
def _server(toy):
    server = FaultServer({"compressed_SqueezeNet.net": toy[1], "alexnet-owt-7be5be79.pth": b"no such weights"})
    yield server
    server.close()


@pytest.fixture(name="mirrors")
def _mirrors(server, tmp_path, monkeypatch):
    """Sets the mirrors of both files, and the checksums of what the server has."""
    monkeypatch.setenv("ALEXBOOK_CACHE", str(tmp_path / "store"))
    monkeypatch.delenv("ALEXBOOK_DATA", raising=False)
    monkeypatch.setattr(download, "STALL", 0.5)
    monkeypatch.setattr(download, "PATIENCE", 2.0)
    monkeypatch.setattr(download, "RETRIES", 1)
    real = json.loads((pretrained._folder() / "pretrained.json").read_text(encoding="utf-8"))

    def use(fault: str, digits: int = 64) -> None:
        changed = {name: pretrained.Source(**about | {
            "mirrors": (server.url(fault),),
            "sha256": hashlib.sha256(server.files[about["file"]]).hexdigest()[:digits]})
            for name, about in real.items()}
        monkeypatch.setattr(pretrained, "sources", lambda: changed)

    return use


@pytest.mark.parametrize("digits", [64, 8])
def test_weights_are_fetched_once_and_verified(digits, mirrors, server, toy, tmp_path):
    mirrors("ok", digits)
    path = pretrained.find("squeezenet_imagenet")
    assert path.read_bytes() == toy[1] and (tmp_path / "store") in path.parents
    assert pretrained.find("squeezenet_imagenet") == path
    assert len(server.requests) == 1
    path.write_bytes(b"cut")
    assert pretrained.find("squeezenet_imagenet").read_bytes() == toy[1]
    assert len(server.requests) == 2


@pytest.mark.parametrize("digits", [64, 8])
@pytest.mark.parametrize(("fault", "reason"), [("404", "404 Not Found"), ("corrupt", "wrong checksum"),
                                               ("stall", "stopped answering")])
def test_where_the_mirror_fails_the_message_says_why(fault, reason, digits, mirrors, tmp_path):
    mirrors(fault, digits)
    with pytest.raises(pretrained.WeightsUnavailable) as caught:
        pretrained.load("squeezenet_imagenet")
    message = str(caught.value)
    assert re.search(reason, message)
    for part in ("compressed_SqueezeNet.net (0.7 MB)", "ALEXBOOK_DATA: is not set", "Two ways to get it"):
        assert part in message
    assert [path.name for path in (tmp_path / "store" / "squeezenet_imagenet").iterdir()] == [".lock"]


def test_a_file_that_the_reader_has_is_taken_and_another_of_that_name_is_refused(mirrors, server, toy, tmp_path,
                                                                                 monkeypatch):
    mirrors("404")
    monkeypatch.setenv("ALEXBOOK_DATA", str(tmp_path))
    (tmp_path / "compressed_SqueezeNet.net").write_bytes(toy[1])
    assert pretrained.find("squeezenet_imagenet") == tmp_path / "compressed_SqueezeNet.net"
    assert len(server.requests) == 0
    [[(name, share)]] = pretrained.predict("squeezenet_imagenet", photographs.load("cat", None), top=1)
    assert name in pretrained.classes() and 0 < share <= 1
    (tmp_path / "compressed_SqueezeNet.net").write_bytes(toy[1][:-3])
    with pytest.raises(ValueError, match="is damaged or another file of that name: its sha256 does not begin with"):
        pretrained.load("squeezenet_imagenet")


def test_unknown_names_and_frameworks_are_refused():
    image = np.zeros((9, 9, 3), np.uint8)
    for call in (pretrained.find, pretrained.load, lambda name: pretrained.prepare(name, image)):
        with pytest.raises(ValueError, match=r"no pretrained weights named 'vgg'; there are alexnet_imagenet, squeeze"):
            call("vgg")
    with pytest.raises(ValueError, match="The framework is 'jax'"):
        pretrained.load("squeezenet_imagenet", "jax")


def test_torchvisions_file_becomes_the_book_s_network(mirrors, tmp_path, monkeypatch):
    """A file laid out as torchvision's, of random weights: the same answers as a network that torch itself builds."""
    network = networks.get("alexnet_torchvision")
    model = torch_models.build(network, seed=2).eval()
    state = model.state_dict()
    theirs = {f"{name}.{kind}": state[f"{ours}.{kind}"] for name, ours in pretrained.TORCHVISION.items()
              for kind in ("weight", "bias")}
    assert sum(values.numel() for values in theirs.values()) == trace(network).parameters == 61_100_840
    path = tmp_path / "alexnet-owt-7be5be79.pth"
    torch.save(theirs, path)
    mirrors("404")
    monkeypatch.setattr(pretrained, "_is_right", lambda path, source: True)
    monkeypatch.setenv("ALEXBOOK_DATA", str(tmp_path))
    images = pretrained.prepare("alexnet_imagenet", photographs.load("cat", None))
    wanted = _scores.scores(model, images, "torch")
    for framework in weights.FRAMEWORKS:
        found = _scores.scores(pretrained.load("alexnet_imagenet", framework), images, framework)
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


REAL = Path(os.environ.get("ALEXBOOK_DATA", "")) / "compressed_SqueezeNet.net"


@pytest.mark.skipif(not REAL.is_file(), reason="ALEXBOOK_DATA names no folder with the compressed SqueezeNet")
def test_the_real_file_answers_for_the_shipped_photographs():
    assert hashlib.sha256(REAL.read_bytes()).hexdigest() == pretrained.sources()["squeezenet_imagenet"].sha256
    decoded = squeezenet.decode(REAL.read_bytes())
    assert sum(np.count_nonzero(array) for name, array in decoded.items() if name.endswith("weight")) < 422_084
    images = [photographs.load(name, None) for name in ANSWERS]
    for framework in weights.FRAMEWORKS:
        found = pretrained.predict("squeezenet_imagenet", images, framework, top=1)
        assert [best[0] for [best] in found] == [name for name, _ in ANSWERS.values()]
        np.testing.assert_allclose([best[1] for [best] in found], [share for _, share in ANSWERS.values()], atol=5e-4)
