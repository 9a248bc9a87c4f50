"""Downloading: every fault of a mirror, killed processes, two at once, no network at all."""

import gzip
import hashlib
import io
import json
import re
import struct
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from alexbook import datasets, download, sources
from fault_server import FaultServer
from PIL import Image

CHILD = """
    import json, pathlib, sys
    from alexbook import archives, datasets, download, sources
    sources.registry = lambda: json.loads(pathlib.Path(sys.argv[1]).read_text())
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

    def use(*faults: str) -> Path:
        urls = [server.url(fault) for fault in faults]
        registry = {"toy": entry("folders", {"toy.zip": server.files["toy.zip"]}, urls),
                    "mnist": entry("idx", digits_files(), urls)}
        monkeypatch.setattr(sources, "registry", lambda: registry)
        (tmp_path / "registry.json").write_text(json.dumps(registry))
        return tmp_path / "registry.json"

    return use


def is_the_toy(dataset: datasets.Dataset) -> bool:
    images, labels = dataset.arrays()
    return images.shape == (4, 5, 6, 3) and labels.tolist() == [0, 0, 1, 1] and images[:, 0, 0].tolist() == [
        [0, 0, 7], [0, 1, 7], [100, 0, 7], [100, 1, 7]]


@pytest.mark.parametrize("faults", [
    ["ok"], ["redirect"], ["norange"], ["slow"], ["503-once"], ["truncate-once"], ["stall-half-once"],
    ["404", "ok"], ["503", "ok"], ["corrupt", "ok"], ["nolength", "ok"], ["circle", "ok"], ["stall", "ok"],
    ["stall-body", "ok"], ["truncate", "norange"], ["corrupt-half", "ok"],
], ids=" ".join)
def test_a_faulty_mirror_is_survived(faults, mirrors, cache):
    mirrors(*faults)
    dataset = datasets.load("toy")
    assert is_the_toy(dataset)
    assert dataset.copy == "the toy"
    assert sorted(path.name.split("-")[0] for path in (cache / "toy").iterdir()) == [".lock", "toy"], "leftovers"


@pytest.mark.parametrize(("fault", "reason"), [
    ("404", "404 Not Found"), ("503", "503 Service Unavailable"), ("corrupt", "wrong checksum"),
    ("nolength", "wrong checksum"), ("circle", "circle"), ("stall", "stopped answering|no answer"),
    ("stall-body", "stopped answering|no answer"), ("stall-half", "stopped answering|no answer")])
def test_where_no_mirror_works_the_message_says_why(fault, reason, mirrors, cache):
    mirrors(fault)
    with pytest.raises(datasets.DatasetUnavailable) as caught:
        datasets.load("toy")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    message = str(caught.value)
    assert re.search(reason, message)
    for part in ("toy.zip", f"/{fault}/", "ALEXBOOK_DATA", "Three ways", str(cache), 'load("digits")'):
        assert part in message
    assert not [path for path in (cache / "toy").iterdir() if path.suffix not in (".part", "")], "taken for data"


def test_a_broken_transfer_goes_on_at_another_mirror(mirrors, server):
    mirrors("truncate", "ok")
    assert is_the_toy(datasets.load("toy"))
    half = len(server.files["toy.zip"]) // 2
    assert server.requests == [("truncate", "toy.zip", None), ("ok", "toy.zip", f"bytes={half}-")]


def test_a_transfer_that_keeps_breaking_still_arrives(mirrors, server):
    mirrors("truncate", "truncate", "truncate", "ok")
    assert is_the_toy(datasets.load("toy"))
    assert server.requests[-1][2] == f"bytes={sum(len(server.files['toy.zip']) >> n for n in (1, 2, 3))}-"


def test_a_resumed_file_with_a_wrong_beginning_is_fetched_again_whole(mirrors, server):
    mirrors("corrupt-half", "ok")
    assert is_the_toy(datasets.load("toy"))
    assert [range_ for fault, _, range_ in server.requests if fault == "ok"][1] is None


def test_a_complete_part_of_a_killed_process_is_no_obstacle(mirrors, server, cache):
    mirrors("ok")
    (cache / "toy").mkdir(parents=True)
    (cache / "toy" / "toy.zip.part").write_bytes(server.files["toy.zip"])
    assert is_the_toy(datasets.load("toy"))


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
    mirrors("404", "ok")
    dataset = datasets.load("mnist")
    assert dataset.labels.tolist() == [3, 1, 4, 1, 5]
    assert (dataset.images == np.arange(5 * 784).reshape(5, 28, 28).astype(np.uint8)).all()
    (cache / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(b"cut")
    assert datasets.load("mnist").labels.tolist() == [3, 1, 4, 1, 5]


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


def test_a_killed_download_leaves_nothing_that_is_taken_for_data_and_is_resumed(mirrors, server, cache):
    part = cache / "toy" / "toy.zip.part"
    child = start("datasets.load('toy')", mirrors("slow"))
    wait_until(lambda: part.exists() and part.stat().st_size > 20_000, child)
    child.kill()
    child.communicate()
    mirrors("404")
    with pytest.raises(datasets.DatasetUnavailable):
        datasets.load("toy")
    present = part.stat().st_size
    assert 0 < present < len(server.files["toy.zip"])
    mirrors("ok")
    assert is_the_toy(datasets.load("toy"))
    assert server.requests[-1] == ("ok", "toy.zip", f"bytes={present}-")


def test_a_killed_unpacking_leaves_nothing_that_is_taken_for_data(mirrors, cache):
    slow = """
        import shutil, time
        copy = shutil.copyfileobj
        archives.shutil.copyfileobj = lambda *given: (copy(*given), time.sleep(0.5))
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
    entry = sources.registry()[name]
    for copy in entry["copies"]:
        for mirror in copy.get("mirrors", []):
            assert f"  {mirror}" in message


def test_digits_need_no_network_and_no_store(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXBOOK_CACHE", str(tmp_path / "not" / "there"))
    monkeypatch.setattr(sources, "Download", None)
    assert len(datasets.load("digits")) == 1297
    assert not (tmp_path / "not").exists()


def test_a_store_that_cannot_be_written_is_named(mirrors, tmp_path, monkeypatch):
    mirrors("ok")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ALEXBOOK_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match="cannot be written .* set ALEXBOOK_CACHE"):
        datasets.load("toy")
