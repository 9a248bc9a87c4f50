"""Downloading: every fault of a mirror, killed processes, two at once, no network at all."""

import errno
import gzip
import hashlib
import io
import json
import re
import struct
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from alexbook import datasets
from alexbook.datasets import _locate, download
from fault_server import FaultServer
from PIL import Image

CHILD = """
    import json, pathlib, sys
    from alexbook import datasets
    from alexbook.datasets import _locate
    _locate.registry = lambda: json.loads(pathlib.Path(sys.argv[1]).read_text())
"""


def png(color: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 5), color).save(file, "png")
    return file.getvalue()


def toy_zip() -> bytes:
    """Two classes, with four images to train and two to test; 200 kB that cannot be compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for split, count in (("train", 2), ("test", 1)):
            for value, name in enumerate(("cat", "dog")):
                for number in range(count):
                    archive.writestr(f"toy/{split}/{name}/{number}.png", png((100 * value, number, 7)))
        archive.writestr("toy/noise.bin", np.random.default_rng(1).bytes(200_000))
    return file.getvalue()


def idx(values: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes(),
                         mtime=0)


def digits_files() -> dict[str, bytes]:
    images = np.arange(5 * 28 * 28).reshape(5, 28, 28).astype(np.uint8)
    labels = np.array([3, 1, 4, 1, 5], np.uint8)
    return {"train-images-idx3-ubyte.gz": idx(images), "train-labels-idx1-ubyte.gz": idx(labels),
            "t10k-images-idx3-ubyte.gz": idx(images[:2]), "t10k-labels-idx1-ubyte.gz": idx(labels[:2])}


def entry(layout: str, files: dict[str, bytes], mirrors: list[str]) -> dict:
    sums = {name: f"md5:{hashlib.md5(content).hexdigest()}" for name, content in files.items()}
    classes = ["cat", "dog"] if layout == "folders" else [str(digit) for digit in range(10)]
    return {"title": "Toy", "image": "", "source": "", "license": "", "classes": classes,
            "splits": {"train": 4, "test": 2},
            "copies": [{"what": "the toy", "layout": layout, "root": "toy", "mirrors": mirrors, "megabytes": 1,
                        "files": sums}]}


@pytest.fixture
def server():
    server = FaultServer({"toy.zip": toy_zip(), **digits_files()})
    yield server
    server.close()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ALEXBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ALEXBOOK_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def mirrors(server, cache, monkeypatch, tmp_path):
    """Sets the mirrors of the dataset "toy" (a zip) and "mnist" (four files); returns the registry as a file."""
    monkeypatch.setattr(download, "STALL", 0.5)
    monkeypatch.setattr(download, "PATIENCE", 2.0)
    monkeypatch.setattr(download, "RETRIES", 1)

    def use(*faults: str) -> Path:
        urls = [server.url(fault) for fault in faults]
        registry = {"toy": entry("folders", {"toy.zip": server.files["toy.zip"]}, urls),
                    "mnist": entry("idx", digits_files(), urls)}
        monkeypatch.setattr(_locate, "registry", lambda: registry)
        (tmp_path / "registry.json").write_text(json.dumps(registry))
        return tmp_path / "registry.json"

    return use


def is_the_toy(dataset: datasets.Dataset) -> bool:
    images, labels = dataset.arrays()
    return images.shape == (4, 5, 6, 3) and labels.tolist() == [0, 0, 1, 1] and images[:, 0, 0].tolist() == [
        [0, 0, 7], [0, 1, 7], [100, 0, 7], [100, 1, 7]]


@pytest.mark.parametrize("faults", [
    ["ok"], ["redirect"], ["slow"], ["503-once"], ["truncate-once"], ["404", "late"], ["corrupt", "late"],
    ["nolength", "late"], ["circle", "late"], ["deaf", "late"], ["stall", "late"], ["stall-half", "late"],
], ids=" ".join)
def test_a_faulty_mirror_is_survived(faults, mirrors, cache):
    mirrors(*faults)
    dataset = datasets.load("toy")
    assert is_the_toy(dataset)
    assert dataset.copy == "the toy"
    assert sorted(path.name.split("-")[0] for path in (cache / "toy").iterdir()) == [".lock", "toy"], "leftovers"


@pytest.mark.parametrize(("fault", "reason"), [
    ("404", "404 Not Found"), ("503", "503 Service Unavailable"), ("corrupt", "wrong checksum"),
    ("truncate", "no connection, or one that broke off|wrong checksum"), ("nolength", "wrong checksum"),
    ("circle", "redirects"), ("deaf", "no answer within|stopped answering"), ("stall", "stopped answering"),
    ("stall-half", "stopped answering")])
def test_where_no_mirror_works_the_message_says_why(fault, reason, mirrors, cache):
    mirrors(fault)
    with pytest.raises(datasets.DatasetUnavailable) as caught:
        datasets.load("toy")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    message = str(caught.value)
    assert re.search(reason, message)
    for part in ("toy.zip", f"/{fault}/", "ALEXBOOK_DATA", "Three ways", str(cache), 'load("digits")'):
        assert part in message
    assert [path.name for path in (cache / "toy").iterdir()] == [".lock"], "taken for data"


def test_what_is_in_the_store_needs_no_server(mirrors, server):
    mirrors("ok")
    datasets.load("toy")
    datasets.load("mnist")
    mirrors("503")
    before = len(server.requests)
    assert is_the_toy(datasets.load("toy"))
    assert len(datasets.load("mnist", "test")) == 2
    assert len(server.requests) == before


def test_four_files_are_fetched_and_a_damaged_one_is_fetched_again(mirrors, server, cache):
    mirrors("404", "late")
    dataset = datasets.load("mnist")
    assert dataset.labels.tolist() == [3, 1, 4, 1, 5]
    assert (dataset.images == np.arange(5 * 784).reshape(5, 28, 28).astype(np.uint8)).all()
    (cache / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(b"cut")
    assert datasets.load("mnist").labels.tolist() == [3, 1, 4, 1, 5]


def test_a_full_disk_is_said_and_made_room_on(mirrors, cache, monkeypatch):
    def full(self, url: str, output_file: str, _: object) -> None:
        Path(output_file).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    mirrors("ok", "ok")
    monkeypatch.setattr(download.pooch.HTTPDownloader, "__call__", full)
    with pytest.raises(OSError, match="disk of .* is full, so that toy could not be kept") as caught:
        datasets.load("toy")
    assert caught.value.errno == errno.ENOSPC and "\n" not in str(caught.value)
    assert [path.name for path in (cache / "toy").iterdir()] == [".lock"]


def test_a_proxy_that_is_none_is_named(mirrors, monkeypatch):
    mirrors("ok")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(datasets.DatasetUnavailable, match="the proxy set here does not answer or refuses"):
        datasets.load("toy")


def start(code: str, registry: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(CHILD) + textwrap.dedent(code), str(registry)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(condition, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.01)


def test_processes_at_once_fetch_once(mirrors, server):
    registry = mirrors("slow")
    children = [start("print(datasets.load('toy').fingerprint)", registry) for _ in range(3)]
    answers = {child.communicate(timeout=60)[0] for child in children}
    assert [child.returncode for child in children] == [0, 0, 0]
    assert answers == {datasets.load("toy").fingerprint + "\n"}
    assert len(server.requests) == 1


def test_a_killed_download_leaves_nothing_that_is_taken_for_data(mirrors, cache):
    child = start("datasets.load('toy')", mirrors("slow"))
    wait_until(lambda: any(path.stat().st_size > 20_000 for path in (cache / "toy").glob("tmp*")), child)
    child.kill()
    child.communicate()
    (cache / "toy" / "toy.zip.part").touch()  # as an earlier version left it
    mirrors("404")
    with pytest.raises(datasets.DatasetUnavailable):
        datasets.load("toy")
    assert [path.name for path in (cache / "toy").iterdir()] == [".lock"]
    mirrors("ok")
    assert is_the_toy(datasets.load("toy"))


def test_a_killed_unpacking_leaves_nothing_that_is_taken_for_data(mirrors, cache):
    slow = """
        import time, zipfile
        extract = zipfile.ZipFile.extract
        zipfile.ZipFile.extract = lambda *given: (extract(*given), time.sleep(0.5))
        datasets.load('toy')
    """
    child = start(slow, mirrors("ok"))
    wait_until(lambda: len(list((cache / "toy").glob("tmp*/toy/train/cat/*.png"))) == 2, child)
    child.kill()
    child.communicate()
    assert list((cache / "toy").glob("tmp*")) and not list((cache / "toy").glob("toy-*"))
    assert is_the_toy(datasets.load("toy"))
    assert not list((cache / "toy").glob("tmp*"))


OFFLINE = {
    "names are not resolved": "def getaddrinfo(*_, **__): raise socket.gaierror(-3, 'Temporary failure')",
    "the name server hangs": "def getaddrinfo(*_, **__): time.sleep(60)",
    "connecting hangs": """\
def getaddrinfo(host, port, *_, **__): return [(socket.AF_INET, socket.SOCK_STREAM, 6, '', ('127.0.0.1', port))]
class Hanging(socket.socket):
    def connect(self, address): time.sleep(60)
socket.socket = Hanging""",
}


@pytest.mark.parametrize(("fault", "name"), [
    *((fault, "mnist") for fault in OFFLINE),
    ("names are not resolved", "cifar10"), ("the name server hangs", "tiny_imagenet_20")])
def test_without_network_it_says_so_within_five_seconds(fault, name, cache):
    code = f"""\
import socket, sys, time
{OFFLINE[fault]}
socket.getaddrinfo = getaddrinfo
from alexbook import datasets
started = time.monotonic()
try:
    datasets.load("{name}")
except datasets.DatasetUnavailable as error:
    print(time.monotonic() - started, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and not done.stderr, done.stderr
    seconds, message = done.stdout.split(" ", 1)
    assert float(seconds) < 5
    assert "Three ways" in message and "ALEXBOOK_DATA: is not set" in message and 'load("digits")' in message
    entry = _locate.registry()[name]
    for copy in entry["copies"]:
        for mirror in copy.get("mirrors", []):
            assert f"  {mirror}" in message


# --- datasets without splits, which are drawn: Caltech-101 in its zip that holds a tar, the flowers

def drawn_tar(counts: dict[str, int], root: str = "", beside: tuple[str, ...] = ()) -> bytes:
    """Class folders with so many images, each of a color of its own; ``beside`` are files that are no images."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        images = {f"{root}{name}/image_{number:04}.png": png((sum(name.encode()) % 256, number, 0))
                  for name, count in counts.items() for number in range(count)}
        for name, content in (images | dict.fromkeys((root + name for name in beside), b"x")).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


COUNTS = {"Faces": 5, "accordion": 4, "yin_yang": 9}


@pytest.fixture
def few_classes(server, cache, monkeypatch):
    """The registry's own entries, with three classes and small archives at the server's."""
    inner = drawn_tar({"BACKGROUND_Google": 3} | COUNTS, "101_ObjectCategories/", ("accordion/tmp",))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("caltech-101/101_ObjectCategories.tar.gz", inner)
        archive.writestr("caltech-101/Annotations.tar", b"not wanted")
        archive.writestr("__MACOSX/caltech-101/._101_ObjectCategories.tar.gz", b"not wanted")
    server.files |= {"caltech-101.zip": outer.getvalue(),
                     "flower_photos.tgz": drawn_tar(COUNTS, "flower_photos/", ("LICENSE.txt",))}
    registry = _locate.registry()
    for name, draw in (("caltech101", {"per_class": 2, "test": 3}), ("flowers", {"per_class": None, "test": 3})):
        official = registry[name]["copies"][1]
        registry[name] |= {"classes": list(COUNTS), "draw": draw}
        official["mirrors"] = [server.url("ok")]
        official["files"] = {file: f"md5:{hashlib.md5(server.files[file]).hexdigest()}" for file in official["files"]}
    monkeypatch.setattr(_locate, "registry", lambda: registry)
    return server


def chosen(dataset: datasets.Dataset) -> set[tuple[int, ...]]:
    """The images by their colors, which are all different."""
    return {tuple(int(value) for value in image[0, 0]) for image, _ in (dataset[i] for i in range(len(dataset)))}


@pytest.mark.parametrize(("name", "sizes"), [("caltech101", (6, 3 + 2 + 3)), ("flowers", (2 + 1 + 6, 9))])
def test_splits_are_drawn_from_what_comes_without(name, sizes, few_classes, cache):
    train, test = datasets.load(name), datasets.load(name, "test")
    assert (len(train), len(test)) == sizes and train.copy.startswith("the official archive")
    assert not chosen(train) & chosen(test), "no image is in both"
    assert train.class_names == tuple(COUNTS)
    assert all(train.class_names[label] == path.parent.name
               for path, label in zip(train.images.paths, train.labels, strict=True))
    assert len(few_classes.requests) == 1 and not list(cache.rglob("*.tar.gz")), "unpacked once, and nothing is left"


def test_a_draw_follows_from_its_seed_and_a_smaller_one_is_part_of_it(few_classes):
    two, three = (datasets.load("caltech101", per_class=count) for count in (2, 3))
    assert chosen(two) < chosen(three) and np.bincount(three.labels).tolist() == [3, 3, 3]
    assert chosen(datasets.load("caltech101", seed=0)) == chosen(two)
    draws = {frozenset(chosen(datasets.load("caltech101", seed=seed))) for seed in range(9)}
    assert len(draws) > 5
    assert datasets.load("caltech101", seed=3).split == "train (2 of each class, seed 3)"
    few = [datasets.load("flowers", "test", per_class=count) for count in (1, None)]
    assert chosen(few[0]) == chosen(few[1]), "one test for all of them, where there are images enough"


def test_the_rest_is_trained_on_beside_the_usual_images_and_no_test_image(few_classes):
    usual, more, test = (datasets.load("caltech101", split, per_class=1, rest=rest)
                         for split, rest in (("train", False), ("train", True), ("test", True)))
    assert chosen(usual) < chosen(more) and not chosen(more) & chosen(test)
    assert len(more) + len(test) == sum(COUNTS.values())
    assert chosen(test) == chosen(datasets.load("caltech101", "test", per_class=1)), "the test stays as it is"
    assert more.split == "train (1 of each class, and the rest, seed 0)"


@pytest.mark.parametrize("name", ["caltech101", "flowers"])
def test_the_local_copies_give_the_same_draws(name, few_classes, tmp_path):
    official = datasets.load(name, seed=1)
    inner, folder = tmp_path / "tree", tmp_path / "data"
    with tarfile.open(fileobj=io.BytesIO(drawn_tar(COUNTS))) as archive:
        archive.extractall(inner / "val" if name == "flowers" else inner, filter="data")
    if name == "flowers":  # in train and val, which are put together again
        for path in sorted(inner.rglob("*.png"))[::2] + [inner / "val" / "accordion" / "image_0000.png"]:
            target = inner / "train" / path.relative_to(inner / "val")
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                path.rename(target)
    folder.mkdir()
    file = {"caltech101": "caltech101.tar", "flowers": "flower_photos.tar"}[name]
    with tarfile.open(folder / file, "w") as archive:
        for path in sorted(inner.iterdir()):
            archive.add(path, path.name)
    local = datasets.load(name, folder=folder, seed=1)
    assert local.copy.startswith(f"a {file} of class folders") and list(local.files) == [file]
    assert local.fingerprint == official.fingerprint
    unpacked = datasets.load(name, folder=inner, seed=1)
    assert unpacked.fingerprint == official.fingerprint and unpacked.copy.endswith(", unpacked")


def test_the_official_archives_are_also_taken_from_a_folder(few_classes, tmp_path):
    for file in ("caltech-101.zip", "flower_photos.tgz"):
        (tmp_path / file).write_bytes(few_classes.files[file])
    for name in ("caltech101", "flowers"):
        assert datasets.load(name, folder=tmp_path).copy.startswith("the official archive")
    assert not few_classes.requests


def test_a_draw_that_cannot_be_made_is_refused(few_classes):
    with pytest.raises(ValueError, match="'accordion' has 4 images in .*, so per_class must be 1 to 3, and not 4"):
        datasets.load("caltech101", per_class=4)
    with pytest.raises(ValueError, match="must be 1 to 4, and not 0"):
        datasets.load("caltech101", per_class=0)
    for name, given in (("digits", {"seed": 1}), ("folder", {"per_class": 3}), ("digits", {"rest": True})):
        with pytest.raises(ValueError, match=f"{name} has splits of its own; per_class, seed and rest are for calt"):
            datasets.load(name, **given)


def test_digits_need_no_network_and_no_store(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXBOOK_CACHE", str(tmp_path / "not" / "there"))
    monkeypatch.setattr(_locate, "fetch", None)
    assert len(datasets.load("digits")) == 1297
    assert not (tmp_path / "not").exists()


def test_a_store_that_cannot_be_written_is_named(mirrors, tmp_path, monkeypatch):
    mirrors("ok")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ALEXBOOK_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="cannot be written .* set ALEXBOOK_CACHE"):
        datasets.load("toy")
