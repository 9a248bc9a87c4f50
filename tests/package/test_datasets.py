"""Datasets by name and by folder: what is already on the disk, in every layout, and what is wrong with it."""

import doctest
import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from alexbook import datasets
from alexbook.datasets import _image_folder, _locate, image_files
from PIL import Image
from sklearn.datasets import load_digits

REAL = ["mnist", "fashion_mnist", "cifar10", "imagenette_160", "imagenette_320", "tiny_imagenet_20", "caltech101",
        "flowers"]


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """Nothing here may download; ``data`` is where ALEXBOOK_DATA points."""
    def nothing(*_: object) -> None:
        raise _locate.NotDownloaded({})

    monkeypatch.setattr(_locate, "fetch", nothing)
    monkeypatch.setenv("ALEXBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ALEXBOOK_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()


@pytest.fixture
def data(tmp_path) -> Path:
    return tmp_path / "data"


def save_image(path: Path, value: int, size: tuple[int, int] = (6, 5), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).convert(mode).save(path, "png" if path.suffix == ".png" else "jpeg")


def class_tree(root: Path, classes: list[str], splits: dict[str, int], suffix: str = ".png") -> Path:
    """``splits[split]`` images for each class, each a flat gray of 10 * class + number."""
    for split, count in splits.items():
        for label, name in enumerate(classes):
            for number in range(count):
                save_image(root / split / name / f"{number:03}{suffix}", 10 * label + number)
    return root


def as_archive(root: Path, archive: Path, prefix: str = "") -> Path:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as target:
            for path in files:
                target.write(path, prefix + path.relative_to(root).as_posix())
    else:
        with tarfile.open(archive, "w:xz" if archive.suffix == ".xz" else "w:gz" if archive.suffix in (".gz", ".tgz")
                          else "w") as target:
            for path in files:
                target.add(path, prefix + path.relative_to(root).as_posix())
    return archive


def first_pixels(dataset: datasets.Dataset) -> list[int]:
    return [int(image.flat[0]) for image, _ in (dataset[index] for index in range(len(dataset)))]


# --- by name, nothing downloaded


def test_digits_are_those_of_scikit_learn():
    train, test = datasets.load("digits"), datasets.load("digits", "test")
    truth = load_digits()
    assert (np.concatenate([train.images, test.images]) == truth.images).all()
    assert (np.concatenate([train.labels, test.labels]) == truth.target).all()
    assert (len(train), len(test)) == (1297, 500) == tuple(datasets.splits("digits").values())
    assert train.images.dtype == np.uint8 and train.labels.dtype == np.int64
    assert np.bincount(test.labels).tolist() == [50, 51, 49, 51, 51, 51, 51, 50, 46, 50]


def test_every_dataset_is_described_without_a_download():
    assert datasets.names() == ("digits", "shapes", *REAL, "folder")
    for name in ("digits", "shapes", *REAL):
        described = datasets.describe(name)
        assert described.source and described.license and described.image
        classes = {"tiny_imagenet_20": 20, "caltech101": 101, "flowers": 5}.get(name, 10)
        assert len(described.classes) == classes == len(set(described.classes))
        assert datasets.splits(name) == described.splits and next(iter(described.splits)) == "train"
    assert datasets.splits("imagenette_160") == {"train": 9469, "val": 3925}


def test_the_registry_is_sound():
    for entry in _locate.registry().values():
        assert len(entry.get("folders", entry["classes"])) == len(entry["classes"])
        assert len(entry.get("wnids", entry["classes"])) == len(entry["classes"])
        for copy in (_locate.Copy(**fields) for fields in entry["copies"]):
            assert copy.layout in ("shipped", "drawn", "idx", "npz", "cifar", "folders", "classes", "pooled", "tiny")
            assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in copy.mirrors)
            if copy.mirrors:
                assert copy.megabytes and all(len(checksum) == 36 for checksum in copy.files.values())


def test_the_examples_in_the_docstrings_hold():
    for module, examples in ((datasets, 8), (image_files, 2)):
        result = doctest.testmod(module)
        assert result.failed == 0 and result.attempted >= examples


@pytest.mark.parametrize(("name", "split", "message"), [
    ("minst", "train", "no dataset 'minst'; there are digits, shapes, mnist"),
    ("mnist", "valid", "mnist has no split 'valid'; it has train and test"),
    ("digits", "Train", "digits has no split 'Train'")])
def test_a_wrong_name_or_split_is_told_what_there_is(name, split, message):
    with pytest.raises(ValueError, match=message):
        datasets.load(name, split)


@pytest.mark.parametrize("name", REAL)
def test_without_data_the_message_names_the_ways(name, data):
    with pytest.raises(datasets.DatasetUnavailable) as caught:
        datasets.load(name)
    message = str(caught.value)
    for copy in _locate.registry()[name]["copies"]:
        assert all(file in message for file in copy["files"])
    assert f"{data}: has no copy of it" in message
    with pytest.raises(datasets.DatasetUnavailable, match="nowhere: is no folder"):
        datasets.load(name, folder=data / "nowhere")


# --- arrays: .npz in Keras's layout, IDX, CIFAR-10's pickles


def keras_npz(path: Path, count: int = 6, shape: tuple = (28, 28), column: bool = False) -> Path:
    images = np.arange(count * int(np.prod(shape))).reshape(count, *shape).astype(np.uint8)
    labels = (np.arange(count) % 10).astype(np.uint8).reshape((count, 1) if column else count)
    np.savez(path, x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])
    return path


@pytest.mark.parametrize(("name", "shape", "column"), [("mnist", (28, 28), False), ("fashion_mnist", (28, 28), False),
                                                       ("cifar10", (32, 32, 3), True)])
@pytest.mark.parametrize("inside", ["", "own"])
def test_npz_in_the_layout_of_keras(name, shape, column, inside, data):
    place = data / name if inside else data
    place.mkdir(exist_ok=True)
    path = keras_npz(place / f"{name}.npz", shape=shape, column=column)
    train, test = datasets.load(name), datasets.load(name, "test")
    assert train.images.shape == (6, *shape) and test.images.shape == (2, *shape)
    assert train.labels.tolist() == [0, 1, 2, 3, 4, 5] and train.labels.dtype == np.int64
    assert train.files == {f"{name}.npz": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"}
    assert "Keras's layout" in train.copy


def test_the_folder_argument_goes_before_alexbook_data(data, tmp_path):
    keras_npz(data / "mnist.npz")
    (tmp_path / "other").mkdir()
    keras_npz(tmp_path / "other" / "mnist.npz", count=9)
    assert len(datasets.load("mnist")) == 6
    assert len(datasets.load("mnist", folder=tmp_path / "other")) == 9


def test_a_dataset_is_one_image_and_label_after_the_other(data):
    keras_npz(data / "mnist.npz")
    dataset = datasets.load("mnist")
    image, label = dataset[5]
    assert (image == dataset.images[5]).all() and label == 5 and type(label) is int
    assert [label for _, label in dataset] == [0, 1, 2, 3, 4, 5]
    few = dataset.take([4, 0])
    assert few.labels.tolist() == [4, 0] and (few.images[0] == dataset.images[4]).all()
    assert len(dataset.take(dataset.labels > 2)) == 3
    images, labels = dataset.arrays()
    assert images is dataset.images and labels is dataset.labels
    assert dataset.arrays(size=32)[0].shape == (6, 32, 32)
    assert repr(few) == "<mnist, train: 2 images of 10 classes (an mnist.npz in Keras's layout)>"


def test_provenance_is_plain_and_tells_data_apart(data):
    keras_npz(data / "mnist.npz")
    dataset = datasets.load("mnist")
    assert json.loads(json.dumps(dataset.provenance)) == dataset.provenance
    assert str(data) not in json.dumps(dataset.provenance)
    assert set(dataset.provenance) == {"dataset", "split", "images", "copy", "files", "fingerprint"}
    pixel, label = dataset.images.copy(), dataset.labels.copy()
    pixel[3, 3, 3] += 1
    label[0] = 9
    changed = [dataset.take([0, 1]), dataset.take([1, 0]),
               datasets.Dataset("a", "b", pixel, dataset.labels, dataset.class_names, ""),
               datasets.Dataset("a", "b", dataset.images, label, dataset.class_names, "")]
    assert len({dataset.fingerprint, *(other.fingerprint for other in changed)}) == 5
    assert dataset.take(range(6)).fingerprint == dataset.fingerprint


def idx_file(values: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes())


def idx_files(folder: Path, value: int = 7) -> None:
    folder.mkdir(exist_ok=True)
    for prefix, count in (("train", 3), ("t10k", 2)):
        images = np.full((count, 28, 28), value, np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(idx_file(images))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(idx_file(np.arange(count, dtype=np.uint8)))


def test_idx_files_are_read_and_not_called_official(data):
    idx_files(data / "fashion_mnist")
    dataset = datasets.load("fashion_mnist", "test")
    assert dataset.images.shape == (2, 28, 28) and (dataset.images == 7).all() and dataset.labels.tolist() == [0, 1]
    assert dataset.copy.startswith("not the official IDX files") and len(dataset.files) == 4


def test_files_of_another_dataset_with_the_same_names_are_not_taken(data, monkeypatch):
    idx_files(data)
    registry = _locate.registry()
    for file in registry["mnist"]["copies"][0]["files"]:
        registry["mnist"]["copies"][0]["files"][file] = f"md5:{hashlib.md5((data / file).read_bytes()).hexdigest()}"
    monkeypatch.setattr(_locate, "registry", lambda: registry)
    assert datasets.load("mnist").copy == "the official IDX files"
    with pytest.raises(datasets.DatasetUnavailable):
        datasets.load("fashion_mnist")


@pytest.mark.parametrize("damage", [
    lambda content: content[:len(content) // 2], lambda content: b"", lambda content: b"<html>" * 50,
    lambda content: gzip.compress(gzip.decompress(content)[:-1]),
    lambda content: gzip.compress(b"\0\0\x0d" + gzip.decompress(content)[3:]), lambda content: gzip.compress(b"\0")])
def test_a_damaged_idx_file_is_named(damage, data):
    idx_files(data)
    path = data / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="train-images-idx3-ubyte.gz is not "):
        datasets.load("mnist")


GRAY = np.zeros((3, 2, 2), np.uint8)


class Evil:
    def __reduce__(self):
        return print, ("code in a data file was run",)


@pytest.mark.parametrize(("make", "message"), [
    (lambda path: path.write_bytes(b""), "not a complete .npz"),
    (lambda path: path.write_bytes(keras_npz(path).read_bytes()[:3000]), "not a complete .npz"),
    (lambda path: np.savez(path, x_train=np.zeros(3)), "has no array y_train"),
    (lambda path: path.write_bytes(pickle.dumps([1])), "not a complete .npz"),
    (lambda path: np.savez(path, x_train=np.array([Evil()]), y_train=np.zeros(1)), "not a complete .npz"),
    (lambda path: np.savez(path, x_train=GRAY, y_train=np.zeros(2, int)), "3 images, but 2 labels"),
    (lambda path: np.savez(path, x_train=GRAY[:1], y_train=np.array([10])), "from 10 to 10, but must be 0"),
])
def test_a_wrong_npz_is_told_what_is_wrong(make, message, data, capsys):
    make(data / "mnist.npz")
    with pytest.raises(ValueError, match=message):
        datasets.load("mnist")
    assert not capsys.readouterr().out


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 did, as its one kind of string."""

    def save_string(self, value: str | bytes) -> None:
        content = value.encode("latin-1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(value)

    dispatch = pickle._Pickler.dispatch | {str: save_string, bytes: save_string}


def python2_batch(images: object, labels: list[int]) -> bytes:
    """A pickle like CIFAR-10's, with the module names of the NumPy of its day."""
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump({"data": images, "labels": labels})
    return file.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def cifar_folder(root: Path) -> Path:
    root.mkdir()
    for number in range(1, 6):
        rows = np.zeros((2, 3072), np.uint8)
        rows[:, :1024], rows[:, 1024:2048], rows[:, 2048] = number, 100 + number, 200 + number
        (root / f"data_batch_{number}").write_bytes(python2_batch(rows, [number, 0]))
    (root / "test_batch").write_bytes(python2_batch(np.full((1, 3072), 9, np.uint8), [9]))
    return root


@pytest.mark.parametrize("packed", [False, True])
def test_cifar_in_the_python_version(packed, data, tmp_path):
    root = cifar_folder((tmp_path if packed else data) / "cifar-10-batches-py")
    if packed:
        as_archive(root, data / "cifar-10-python.tar.gz", "cifar-10-batches-py/")
    train, test = datasets.load("cifar10"), datasets.load("cifar10", "test")
    assert train.images.shape == (10, 32, 32, 3) and train.images.dtype == np.uint8
    assert train.labels.tolist() == [1, 0, 2, 0, 3, 0, 4, 0, 5, 0] and test.labels.tolist() == [9]
    assert train.images[2, 0, 0].tolist() == [2, 102, 202] and train.images[2, 0, 1].tolist() == [2, 102, 0]
    assert train.class_names[9] == "truck"


def test_a_pickle_that_would_run_code_is_refused(data, capsys):
    root = cifar_folder(data / "cifar-10-batches-py")
    (root / "data_batch_3").write_bytes(python2_batch(Evil(), [1]))
    with pytest.raises(ValueError, match="data_batch_3 is not a batch .*print, which is no plain data"):
        datasets.load("cifar10")
    assert not capsys.readouterr().out


# --- class folders under a dataset's name


@pytest.mark.parametrize("form", ["folder", "inside", ".tar", ".tar.xz", ".tgz", ".zip", "wrapped.zip"])
def test_class_folders_and_archives_of_them(form, data, tmp_path):
    classes = list(datasets.describe("cifar10").classes)
    if form in ("folder", "inside"):
        class_tree(data / ("cifar10-jpeg" if form == "folder" else ""), classes, {"train": 2, "test": 1})
    else:
        tree = class_tree(tmp_path / "tree", classes, {"train": 2, "test": 1})
        as_archive(tree, data / f"cifar10-jpeg{form.removeprefix('wrapped')}", "a/b/" if "wrapped" in form else "")
    before = sorted(data.rglob("*"))
    train, test = datasets.load("cifar10"), datasets.load("cifar10", "test")
    assert first_pixels(train) == [10 * label + number for label in range(10) for number in range(2)]
    assert train.labels.tolist() == [label for label in range(10) for _ in range(2)] and len(test) == 10
    assert train.arrays()[0].shape == (20, 5, 6, 3)
    assert train.copy.startswith("CIFAR-10, JPEG re-encoded copy")
    assert len(train.files) == (0 if form in ("folder", "inside") else 1)
    assert sorted(data.rglob("*")) == before, "the reader's folder is not ours to write in"


def test_an_archive_is_unpacked_once_and_again_when_it_changes(data, tmp_path):
    names = _locate.registry()["tiny_imagenet_20"]["folders"]
    tree = class_tree(tmp_path / "tree", names, {"train": 1, "val": 1})
    as_archive(tree, data / "tiny-imagenet-20.tar")
    first = datasets.load("tiny_imagenet_20")
    assert datasets.load("tiny_imagenet_20").images.paths == first.images.paths
    save_image(tree / "train" / "barn" / "999.png", 0)
    as_archive(tree, data / "tiny-imagenet-20.tar")
    assert len(datasets.load("tiny_imagenet_20")) == len(first) + 1


def test_val_and_test_both_mean_the_split_that_is_held_out(data):
    registry = _locate.registry()["imagenette_160"]
    class_tree(data / "imagenette2-160", registry["folders"], {"train": 2, "val": 1}, ".JPEG")
    val, test = datasets.load("imagenette_160", "val"), datasets.load("imagenette_160", "test")
    assert val.split == test.split == "val" and val.labels.tolist() == list(range(10))
    assert val.class_names[1] == "English springer"
    assert datasets.load("imagenette_160", folder=data / "imagenette2-160").labels.tolist()[:3] == [0, 0, 1]


def test_a_class_that_is_missing_is_named(data):
    registry = _locate.registry()["imagenette_160"]
    root = class_tree(data / "imagenette2-160", registry["folders"], {"train": 1, "val": 1})
    (root / "val" / "n02102040").rename(root / "val" / "n0000")
    with pytest.raises(ValueError, match="val has the class folder 'n0000'; it should hold exactly n01440764"):
        datasets.load("imagenette_160", "val")


def test_twenty_classes_are_read_from_the_official_tiny_imagenet(data, tmp_path):
    entry = _locate.registry()["tiny_imagenet_20"]
    root, lines = tmp_path / "tree", []
    for label, wnid in enumerate([*entry["wnids"], "n99999999"]):
        for number in range(2):
            save_image(root / "train" / wnid / "images" / f"{wnid}_{number}.JPEG", 10 * label)
        save_image(root / "val" / "images" / f"val_{label}.JPEG", 10 * label, mode="L")
        lines.insert(0, f"val_{label}.JPEG\t{wnid}\t0\t0\t62\t62\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    as_archive(root, data / "tiny-imagenet-200.zip", "tiny-imagenet-200/")
    train, val = datasets.load("tiny_imagenet_20"), datasets.load("tiny_imagenet_20", "val")
    assert train.labels.tolist() == np.repeat(range(20), 2).tolist() and val.labels.tolist() == list(range(20))
    assert np.abs(np.array(first_pixels(val)) - 10 * np.arange(20)).max() <= 2
    assert {image.shape for image, _ in val} == {(5, 6, 3)}, "gray files come out as RGB"
    assert not list((tmp_path / "cache").rglob("n99999999")), "classes that are not wanted are not unpacked"


# --- a folder of one's own


def test_a_folder_with_splits(tmp_path):
    root = class_tree(tmp_path / "pets", ["dog", "cat"], {"train": 3, "val": 2})
    (root / "train" / "cat" / "Thumbs.db").write_bytes(b"x")
    (root / "train" / "cat" / "._000.png").write_bytes(b"x")
    (root / "train" / ".hidden").mkdir()
    (root / "__MACOSX").mkdir()
    save_image(root / "train" / "cat" / "deeper" / "a.JPG", 99)
    train = datasets.load("folder", folder=root)
    assert train.class_names == ("cat", "dog") and train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert [path.name for path in train.images.paths[:4]] == ["000.png", "001.png", "002.png", "a.JPG"]
    assert len(datasets.load("folder", "val", root)) == len(datasets.load("folder", "test", str(root))) == 4
    with pytest.raises(ValueError, match="this folder has no split 'extra'; it has train and val"):
        datasets.load("folder", "extra", root)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_folder_without_splits_holds_out_every_fifth_file_by_name(wrapped, tmp_path):
    for name, count in (("cat", 11), ("dog", 5)):
        for number in np.random.default_rng(0).permutation(count):
            save_image(tmp_path / "outer" / "pets" / name / f"{number:02}.png", int(number))
    root = tmp_path / "outer" if wrapped else tmp_path / "outer" / "pets"
    train, val = datasets.load("folder", "train", root), datasets.load("folder", "val", root)
    assert first_pixels(val) == [4, 9, 4] and val.labels.tolist() == [0, 0, 1]
    assert first_pixels(train) == [0, 1, 2, 3, 5, 6, 7, 8, 10, 0, 1, 2, 3]


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_an_archive_of_ones_own(suffix, tmp_path):
    class_tree(tmp_path / "pets", ["cat", "dog"], {"train": 1, "test": 1})
    archive = as_archive(tmp_path / "pets", tmp_path / f"my pets{suffix}", "my pets/")
    dataset = datasets.load("folder", "test", archive)
    assert first_pixels(dataset) == [0, 10] and dataset.copy == f"the images in my pets{suffix}"


def tree(root: Path, *files: str) -> None:
    for file in files:
        save_image(root / file, 0)


@pytest.mark.parametrize(("files", "message"), [
    ([], "has 0 class folders, but at least 2"),
    (["a.png", "b.png"], "has 0 class folders, but at least 2"),
    ([f"cat/{n}.png" for n in range(9)], "has 1 class folders|has 0 class folders"),
    ([f"{name}/{n}.png" for name in ("cat", "dog") for n in range(4)], "'cat' has 4 images, but at least 5"),
    (["train/cat/1.png", "train/dog/1.png"], "a folder train but neither val nor test"),
    (["train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/cow/1.png"], "'cow' is in only one of train and val"),
    (["train/cat/1.png", "train/dog/a.txt/1.txt.png", "val/cat/1.png"], "val has 1 class folders"),
])
def test_a_folder_that_does_not_fit_is_told_why(files, message, tmp_path):
    (tmp_path / "mine").mkdir()
    tree(tmp_path / "mine", *files)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load("folder", folder=tmp_path / "mine")
    assert "\n" not in str(caught.value)


@pytest.fixture
def mine(tmp_path) -> Path:
    """An empty folder."""
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


@pytest.mark.parametrize(("train", "held", "split"), [
    ("training", "validation", "val"), ("Training_set", "Test_set", "test"), ("seg_train", "seg_test", "test"),
    ("TRN", "tst", "test"), ("train_images", "dev", "val"), ("trainset", "testset", "test"),
    ("train-data", "eval", "val"), ("train", "test1", "test"), ("seg_train/seg_train", "seg_test/seg_test", "test"),
])
def test_names_of_splits_that_others_use(train, held, split, mine):
    tree(mine, *(f"{part}/{name}/{n}.png" for part in (train, held) for name in ("cat", "dog") for n in range(2)))
    found = _image_folder.read(mine)
    assert list(found) == ["train", split]
    assert all(list(classes) == ["cat", "dog"] for classes in found.values())


@pytest.mark.parametrize(("files", "message"), [
    ([f"{split}/{name}/1.png" for split in ("fold1", "fold2") for name in ("cat", "dog")],
     "fold1, fold2 each hold the folders cat, dog, so they seem to be splits"),
    ([f"{split}/{name}/1.png" for split in ("validation", "testing") for name in ("cat", "dog")], "none to train on"),
    ([f"{split}/{name}/1.png" for split in ("train", "training", "val") for name in ("cat", "dog")],
     "two folders for the train split, train and training"),
    (["train/cat.1.png", "train/dog.1.png", "test/1.png"], "train has 0 class folders"),
])
def test_splits_are_never_taken_for_classes(files, message, mine):
    tree(mine, *files)
    with pytest.raises(ValueError, match=message):
        datasets.load("folder", folder=mine)


def test_a_class_may_be_called_train(mine):
    tree(mine, *(f"{name}/{n}.png" for name in ("bus", "car", "train") for n in range(5)))
    assert datasets.load("folder", folder=mine).class_names == ("bus", "car", "train")
    assert _image_folder.split_of("trainers") is _image_folder.split_of("cat") is _image_folder.split_of("set") is None


def test_images_of_kinds_that_are_not_read_are_counted_and_named(mine):
    tree(mine, *(f"{name}/{n}.png" for name in ("cat", "dog") for n in range(5)))
    for name in ("cat/IMG_1.HEIC", "cat/IMG_2.heic", "dog/a.CR2", "dog/notes.txt"):
        (mine / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=r"cannot be read here \(1 \.cr2 and 2 \.heic\); save them as JPEG"):
        datasets.load("folder", folder=mine)


def test_what_network_drives_put_beside_images_is_not_there(mine):
    tree(mine, *(f"{name}/{n}.png" for name in ("cat", "dog") for n in range(5)),
         *(f"{name}/@eaDir/{n}.png" for name in ("cat", ".") for n in range(5)), "#recycle/1.png", "cat/#recycle/1.png")
    (mine / "cat" / "@eaDir" / "0.jpg").mkdir()
    (mine / "cat" / "folder.png").mkdir()
    train = datasets.load("folder", folder=mine)
    assert train.class_names == ("cat", "dog") and len(train) == 8


def test_one_class_in_two_unicode_forms_is_one(mine):
    tree(mine, *(f"train/{name}/1.png" for name in ("A\u0308rger", "Zorn")),
         *(f"val/{name}/1.png" for name in ("\u00c4rger", "Zorn")))
    for split in ("train", "val"):
        assert datasets.load("folder", split, mine).class_names == ("Zorn", "\u00c4rger")
    tree(mine, "train/\u00c4rger/2.png")
    if len(list((mine / "train").iterdir())) == 3:  # some systems keep the two apart
        assert datasets.load("folder", "train", mine).labels.tolist() == [0, 1, 1]


def test_all_broken_files_are_named_in_one_message(mine):
    tree(mine, *(f"{name}/{n}.png" for name in ("cat", "dog") for n in range(5)))
    for name in ("cat/1.png", "cat/3.png", "dog/0.png"):
        (mine / name).write_bytes(b"broken")
    with pytest.raises(ValueError, match="3 files cannot be read as images; replace or remove them") as caught:
        datasets.load("folder", folder=mine).arrays()
    assert all(str(Path(name)) in str(caught.value) for name in ("cat/1.png", "cat/3.png", "dog/0.png"))
    for name in ("cat/1.png", "cat/3.png"):
        save_image(mine / name, 0)
    with pytest.raises(ValueError, match="0.png cannot be read as an image .*; replace the file or remove it"):
        datasets.load("folder", folder=mine).arrays()


@pytest.mark.parametrize(("images", "labels", "message"), [
    (np.zeros((2, 3, 3)), [0, 1], r"images are float64, \(2, 3, 3\), but must be uint8"),
    (np.zeros((2, 3, 3, 4), np.uint8), [0, 1], "must be uint8"), (np.zeros((2, 9), np.uint8), [0, 1], "must be uint8"),
    (np.zeros((2, 3, 8, 8), np.uint8), [0, 1], "must be uint8"), (np.array(["a", "b"]), [0, 1], "must be uint8"),
    (np.zeros((2, 3, 3), np.uint8), [0.0, 0.7], "labels are float64, .* must be whole numbers"),
    (np.zeros((2, 3, 3), np.uint8), [[0], [1]], "must be whole numbers"),
    (np.zeros((2, 3, 3), np.uint8), [True, False], "must be whole numbers"),
])
def test_arrays_of_another_shape_or_type_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        datasets.Dataset("mine", "train", images, np.array(labels), ("a", "b"), "made here")


def test_a_class_without_images_is_named(tmp_path):
    tree(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/cat/1.png")
    (tmp_path / "val" / "dog").mkdir()
    (tmp_path / "val" / "dog" / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match="dog has no image in it"):
        _image_folder.read(tmp_path)


@pytest.mark.parametrize(("folder", "message"), [(None, "Say which folder"), ("nowhere", "nowhere is no folder"),
                                                 ("pets.rar", r"pets.rar is no folder, and no archive .*\.zip")])
def test_a_folder_that_is_none(folder, message, tmp_path):
    (tmp_path / "pets.rar").write_text("Rar!")
    with pytest.raises(ValueError, match=message):
        datasets.load("folder", folder=folder and tmp_path / folder)


def test_images_of_different_sizes_need_a_size(tmp_path):
    for place, size in (("train/cat/1.png", (6, 5)), ("train/dog/1.png", (9, 4)), ("val/cat/1.png", (1, 1)),
                        ("val/dog/1.png", (1, 1))):
        save_image(tmp_path / place, 0, size)
    dataset = datasets.load("folder", folder=tmp_path)
    with pytest.raises(ValueError, match=r"images of 6 x 5 and of 9 x 4 pixels; give arrays a size"):
        dataset.arrays()
    assert dataset.arrays(size=8)[0].shape == (2, 8, 8, 3)


@pytest.mark.parametrize("variable", ["ALEXBOOK_DATA", "ALEXBOOK_CACHE"])
def test_a_variable_that_names_the_home_of_nobody(variable, monkeypatch):
    monkeypatch.delenv("ALEXBOOK_DATA")
    monkeypatch.setenv(variable, "~nobody-at-all/x")
    with pytest.raises(ValueError, match="~nobody-at-all/x is no folder: there is no user of that name"):
        datasets.load("mnist")
