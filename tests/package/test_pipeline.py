"""The input pipeline: the thread that works ahead, and batches made on a device against those of the plain version."""

import random
import threading
import time
from importlib import import_module

import numpy as np
import pytest
from alexbook.batches import augmentation, loader
from alexbook.batches.augmentation import Augmentation
from alexbook.batches.data import Data, Split
from alexbook.batches.normalization import Normalization
from alexbook.batches.prefetch import prefetch
from alexbook.training import throughput
from alexbook.training.recipe import FRAMEWORKS, Recipe


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "alexbook-pipeline"]


def made(seed, count=11):
    """Random images, larger or smaller than the network's input, gray or in color, and a random augmentation."""
    given = random.Random(seed)
    channels = given.choice([1, 3])
    images = np.random.default_rng(seed).integers(0, 256, (count, given.randint(4, 16), given.randint(4, 16), channels),
                                                  dtype=np.uint8)
    labeled = Split(images, np.arange(count))
    normalization = Normalization(np.linspace(90, 130, channels, dtype=np.float32),
                                  np.linspace(50, 61, channels, dtype=np.float32))
    data = Data(labeled, labeled, normalization, (given.randint(2, 12), given.randint(2, 12)))
    return data, Augmentation(given.randint(0, 5), given.random() < 0.7, given.choice([0.0, 0.1, 1.0]))


def plain(data, batch):
    """The batch as the network should see it, image by image."""
    cropped = augmentation.one_by_one(batch.images[batch.indices], data.size, batch.augmentation, batch.parameters,
                                      data.normalization.fill)
    return (cropped - data.normalization.mean) / data.normalization.std


# --- the thread

def test_items_come_in_their_order_and_the_thread_ends():
    with prefetch(iter(range(50))) as items:
        assert len(threads()) == 1 and list(items) == list(range(50))
    assert not threads()
    with prefetch([]) as items:
        assert list(items) == []


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_it_works_so_far_ahead_and_no_further(depth):
    begun = []
    with prefetch((begun.append(n) or n for n in range(100)), depth) as items:
        for wanted in range(4):
            assert next(items) == wanted
            time.sleep(0.05)
            assert len(begun) <= wanted + 1 + depth
        assert len(begun) == 3 + depth
    assert not threads() and len(begun) < 12


def test_an_error_in_the_thread_is_raised_in_the_loop():
    def broken():
        yield 1
        raise ValueError("the third image is damaged")

    with pytest.raises(ValueError, match="third image"), prefetch(broken()) as items:
        assert next(items) == 1
        next(items)
    assert not threads()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_leaving_early_ends_the_thread(error):
    with pytest.raises(error), prefetch(iter(range(10**9))) as items:
        next(items)
        raise error
    assert not threads()


def test_the_measured_rate_is_that_of_the_loader():
    data = made(1)[0]

    class Slow:
        def make_batch(self, batch):
            time.sleep(0.02)

    rate = throughput.images_per_second(Recipe("tiny", "none", "torch", batch_size=4), data, Slow(), seconds=0.4)
    assert 60 < rate < 200  # batches of 4, 4 and 3 images, each in a little more than 20 ms
    assert throughput.images_per_second(Recipe("tiny", "none", "torch", batch_size=4), data, seconds=0) > 200


# --- batches

@pytest.mark.parametrize("seed", range(60))
def test_numpys_batches_equal_the_plain_ones(seed, monkeypatch):
    monkeypatch.setattr(loader, "BLOCK", random.Random(seed).choice([1, 500, 400_000]))
    data, chosen = made(seed)
    for batch in data.plan(4, [seed], chosen):
        images, labels = data.loader.make_batch(batch)
        assert images.dtype == np.float32 and labels is batch.labels
        np.testing.assert_array_equal(images, plain(data, batch))
        np.testing.assert_array_equal(labels, batch.indices)


@pytest.mark.parametrize("seed", range(8))
def test_a_batchs_windows_are_the_rows_and_columns_seen(seed):
    data, chosen = made(seed)
    high, wide = data.train.images.shape[1:3]
    batch = next(data.plan(11, [seed], Augmentation(chosen.crop, chosen.flip)))
    rows, columns = augmentation.windows((high, wide), data.size, batch.augmentation, batch.parameters)
    seen = augmentation.one_by_one(batch.images[batch.indices], data.size, batch.augmentation, batch.parameters,
                                   data.normalization.fill)
    for n, index in enumerate(batch.indices):
        for i, row in enumerate(rows[n]):
            for j, column in enumerate(columns[n]):
                inside = 0 <= row < high and 0 <= column < wide
                wanted = batch.images[index, row, column] if inside else data.normalization.fill
                assert (seen[n, i, j] == wanted).all()


def device_loader(framework, data):
    pytest.importorskip(framework)
    module = import_module(f"alexbook.batches.{framework}_loader")
    if framework == "keras":
        return module.KerasLoader(data.normalization, data.size)
    import torch
    return module.TorchLoader(data.normalization, data.size,
                              torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def array(values):
    return np.asarray(values.cpu() if hasattr(values, "cpu") and callable(values.cpu) else values)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_devices_batches_equal_the_plain_ones(framework):
    """Sizes above, at and below what the crops need, gray and color, mirrored or not, with and without color noise."""
    for seed in range(25):
        data, chosen = made(seed)
        on_device = device_loader(framework, data)
        batch = next(data.plan(7, [seed], chosen))
        images, labels = map(array, on_device.make_batch(batch))
        assert images.shape == (7, *data.size, data.train.images.shape[-1]) and images.dtype == np.float32
        np.testing.assert_allclose(images, plain(data, batch), rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(labels, batch.labels)
        np.testing.assert_allclose(array(on_device.normalize(data.train.images)),
                                   data.loader.normalize(data.train.images), rtol=1e-6, atol=1e-6)
