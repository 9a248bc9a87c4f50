"""Out of memory: what counts as it, the largest batch that fits, and what the commands say."""

import resource
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from alexbook import cli as commands
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.training import batch_size as batch_sizes
from alexbook.training import checkpoints, run
from alexbook.training.recipe import FRAMEWORKS, Recipe

RECIPE = Recipe("lenet5_modern", "digits", "torch", epochs=1, batch_size=48)


class Small:
    """A trainer with room for so many images; it counts the steps that it takes."""

    def __init__(self, recipe, room, tries, error=MemoryError):
        self.room, self.tries, self.error = room, tries, error
        tries.append(recipe.batch_size)

    def loader(self, data):
        return data.loader

    def step(self, images, labels, lr):
        if len(images) > self.room:
            raise self.error("out of memory")
        self.taken = len(images)

    def metrics(self):
        return 0.0, 0.0

    def probabilities(self, images):
        return np.zeros((len(images), 10))


@pytest.fixture(scope="module")
def data():
    images = np.random.default_rng(0).integers(0, 256, (100, 6, 6, 1), dtype=np.uint8)
    split = Split(images, np.arange(100) % 10)
    return Data(split, split, Normalization(np.float32([120]), np.float32([70])), (6, 6), {"classes": list(range(10))})


@pytest.mark.parametrize(("largest", "wanted"), [(48, [48, 32, 16, 8, 4, 2, 1]), (64, [64, 32, 16, 8, 4, 2, 1]),
                                                 (3, [3, 2, 1]), (2, [2, 1]), (1, [1])])
def test_sizes_are_the_recipes_and_powers_of_two_below(largest, wanted):
    assert list(batch_sizes.sizes(largest)) == wanted


@pytest.mark.parametrize(("room", "wanted", "tried"), [(100, 48, [48]), (47, 32, [48, 32]), (9, 8, [48, 32, 16, 8]),
                                                       (0, None, [48, 32, 16, 8, 4, 2, 1])])
def test_the_largest_batch_that_fits(data, room, wanted, tried):
    tries = []
    assert batch_sizes.largest(RECIPE, data, lambda recipe: Small(recipe, room, tries)) == wanted
    assert tries == tried


def test_below_starts_below(data):
    tries = []
    assert batch_sizes.largest(RECIPE, data, lambda recipe: Small(recipe, 99, tries), below=48) == 32 and tries == [32]


def test_any_other_error_is_not_taken_for_it(data):
    with pytest.raises(ValueError, match="another"):
        batch_sizes.largest(RECIPE, data, lambda recipe: (_ for _ in ()).throw(ValueError("another")))
    assert not any(map(batch_sizes.out_of_memory, (ValueError("the batch is 3"), RuntimeError("shape mismatch"),
                                               KeyboardInterrupt("out of memory"))))


def test_all_frameworks_ways_to_say_it_count():
    class ResourceExhaustedError(Exception):
        pass

    class XlaRuntimeError(RuntimeError):
        pass

    for error in (MemoryError(), ResourceExhaustedError("OOM when allocating tensor"),
                  XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 12 bytes."),
                  RuntimeError("[enforce fail] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
                               "allocate 12 bytes. Error code 12 (Cannot allocate memory)"),
                  RuntimeError("MPS backend out of memory")):
        assert batch_sizes.out_of_memory(error)


@pytest.mark.parametrize("error", [
    RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("FIND was unable to find an engine to execute this computation"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
    RuntimeError("Dst tensor is not initialized."),
    RuntimeError("Invalid buffer size: 12.00 GB"),
    OSError(12, "Cannot allocate memory"),
], ids=str)
def test_what_libraries_say_that_do_not_name_memory_counts_too(error):
    assert batch_sizes.out_of_memory(error)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_frameworks_own_errors_count(framework):
    module = pytest.importorskip({"keras": "tensorflow"}.get(framework, framework))
    error = (module.OutOfMemoryError("CUDA out of memory.") if framework == "torch" else
             module.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"))
    assert batch_sizes.out_of_memory(error)


def test_auto_batch_says_what_it_chose_and_keeps_the_rate(data, tmp_path):
    said = []
    found = batch_sizes.auto_batch(RECIPE, data, lambda recipe: Small(recipe, 20, []), log=said.append)
    assert found == replace(RECIPE, batch_size=16)
    assert len(said) == 1 and "48 images does not fit" in said[0] and "it has 16" in said[0] and "0.05" in said[0]
    assert batch_sizes.auto_batch(RECIPE, data, lambda recipe: Small(recipe, 50, []), log=said.append) == RECIPE
    assert len(said) == 1
    with pytest.raises(MemoryError, match="48 images.* not even 1 image"):
        batch_sizes.auto_batch(RECIPE, data, lambda recipe: Small(recipe, 0, []))


def test_auto_batch_goes_on_with_the_batch_that_a_checkpoint_has(data, tmp_path):
    path = tmp_path / "c.npz"
    checkpoints.write(path, asdict(replace(RECIPE, batch_size=8)), {"a": np.zeros(1)}, checkpoints.Progress())
    assert batch_sizes.auto_batch(RECIPE, data, None, path, log=lambda text: None).batch_size == 8
    path.write_bytes(b"damaged")
    assert checkpoints.batch_size(path) is None


def command(monkeypatch, tmp_path, room, *words):
    """The train command, with trainers that have room for so many images."""
    def limited(plain):
        def make(recipe, network):
            made = plain(recipe, network)
            step = made.step

            def limited_step(images, labels, lr):
                if len(images) > room:
                    raise MemoryError("out of memory")
                step(images, labels, lr)

            made.step = limited_step
            return made
        return make

    monkeypatch.setattr(run, "TRAINERS", {name: limited(plain) for name, plain in run.TRAINERS.items()})
    monkeypatch.chdir(tmp_path)
    return commands.main(["train", "lenet5_modern", "digits", "--epochs", "1", "--images", "100", "--batch-size", "48",
                          "--quiet", "--out", "run.json", *words])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_run_with_auto_batch_equals_one_with_that_batch(framework, tmp_path, monkeypatch, capsys):
    pytest.importorskip(framework)
    from alexbook.runs import Run
    assert command(monkeypatch, tmp_path, 20, "--framework", framework, "--auto-batch") == 0
    found = Run.read(tmp_path / "run.json")
    assert "does not fit" in capsys.readouterr().out
    assert found.recipe["batch_size"] == 16 and "--batch-size 16" in found.command
    assert command(monkeypatch, tmp_path, 20, "--framework", framework, "--batch-size", "16") == 0
    assert Run.read(tmp_path / "run.json").weights_sha256 == found.weights_sha256


def test_without_it_one_sentence_names_both_sizes(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    assert command(monkeypatch, tmp_path, 20) == 2
    said = capsys.readouterr().err
    assert said.startswith("alexbook: Memory ran out with 48 images") and "--batch-size 16 (which fitted" in said
    assert said.count("\n") == 1 and not (tmp_path / "run.json").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits on memory are Linux's")
def test_memory_that_really_runs_out_ends_in_one_sentence(tmp_path):
    pytest.importorskip("torch")
    code = ("import resource, sys, torch; from alexbook.__main__ import main; torch.zeros(1) + 1;"
            "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
            "resource.setrlimit(resource.RLIMIT_AS, (used + 1_200_000_000,) * 2); sys.exit(main(sys.argv[1:]))")
    words = ["train", "alexnet_small", "shapes", "--epochs", "1", "--batch-size", "2048", "--threads", "1", "--quiet",
             "--images", "2048", "--out", str(tmp_path / "run.json")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=200)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    assert done.returncode == 2 and "Memory ran out with 2048 images in a batch; give --batch-size" in done.stderr
    assert done.stderr.count("\n") == 1
