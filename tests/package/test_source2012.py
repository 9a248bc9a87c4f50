"""The released source as data: held against the book's network, the paper's printed numbers, and counting by hand."""

import itertools
import random
from collections import Counter
from dataclasses import FrozenInstanceError, replace

import pytest
from alexbook import networks
from alexbook.arithmetic import trace
from alexbook.layers import Conv, Dense, MaxPool
from alexbook.networks import source_2012

COUNTS = {  # parameters on each GPU, worked out by hand from layers/layers-145.cfg
    "conv1": 48 * (3 * 121 + 1), "conv2": 128 * (48 * 25 + 1), "conv3": 192 * (2 * 128 * 9 + 1),
    "conv4": 192 * (192 * 9 + 1), "conv5": 128 * (192 * 9 + 1), "fc2048": 2048 * (2 * 128 * 36 + 1),
    "fc2048b": 2048 * (2 * 2048 + 1), "fc1000": 1000 * (2 * 2048 + 1),
}


def book_name(part):
    return source_2012.BOOK_NAMES.get(part.name, part.name)


def test_the_book_s_network_is_the_source_s():
    ours = networks.get("alexnet_2012")
    assert source_2012.layers() == ours.layers
    assert ours.input_shape == (source_2012.INPUT_SIDE, source_2012.INPUT_SIDE, source_2012.INPUT_CHANNELS)
    assert ours.rounding == "ceil"


@pytest.mark.parametrize("name, change", [
    ("conv1", {"padding": 2}), ("conv3", {"both": False}), ("conv3", {"start": networks.get("alexnet_paper").layers[0]
                                                                       .start}),
    ("pool1", {"relu": False}), ("fc2048", {"outputs": 2000}), ("rnorm1", {"kernel": 3}), ("cnorm2", {"kind": "pool"}),
])
def test_one_wrong_setting_is_noticed(monkeypatch, name, change):
    parts = tuple(replace(part, **change) if part.name == name else part for part in source_2012.PARTS)
    monkeypatch.setattr(source_2012, "PARTS", parts)
    assert source_2012.layers() != networks.get("alexnet_2012").layers


def test_sizes_and_counts_on_each_gpu():
    built, table = source_2012.build(), trace(networks.get("alexnet_2012"))
    assert {name: row.parameters for name, row in built.items() if row.parameters} == COUNTS
    for row in built.values():
        if row.part.kind in ("conv", "pool"):
            ours = table[book_name(row.part)].output_shape
            assert ours == (row.side, row.side, 2 * row.channels), row.part.name
    for layer in table.only(Conv, Dense):
        part = built[next(part.name for part in source_2012.PARTS if book_name(part) == layer.name)]
        assert layer.parameters == part.parameters * len(part.part.gpus)


def test_totals_of_the_gpus():
    assert [source_2012.parameters_on(gpu) for gpu in (0, 1)] == [32_531_112, 28_434_112]
    assert sum(source_2012.parameters_on(gpu) for gpu in (0, 1)) == trace(networks.get("alexnet_2012")).parameters


def test_windows_by_laying_them_down():
    for _ in range(300):
        kernel = random.randint(1, 12)
        stride, padding, side = random.randint(1, kernel), random.randint(0, 3), random.randint(kernel, 60)
        starts, end = [0], side + 2 * padding
        while starts[-1] + kernel < end:
            starts.append(starts[-1] + stride)
        assert source_2012.windows(side, kernel, stride, padding) == len(starts)


def test_only_four_sizes_of_image_fit():
    fitting = [side for side in range(200, 260) if source_2012.build(side) == source_2012.build()]
    assert fitting == [224, 225, 226, 227]


def test_the_paper_prints_what_the_log_says():
    for claim in source_2012.CLAIMS:
        assert [round(value, 1) for value in claim.logged] == [claim.top1, claim.top5], claim.what


def test_no_other_logged_network_fits_the_paper_s_tables():
    for claim in source_2012.CLAIMS[:4]:
        fitting = [key for key, result in source_2012.RESULTS.items()
                   if (round(100 * result.top1, 1), round(100 * result.top5, 1)) == (claim.top1, claim.top5)]
        assert fitting == [claim.log]


def test_a_difference_is_taken_on_one_set_of_images():
    pairs = [(claim.log, claim.minus) for claim in source_2012.CLAIMS if claim.minus]
    assert len(pairs) == 3
    for first, second in (tuple(source_2012.RESULTS[key] for key in pair) for pair in pairs):
        assert (first.data, first.views) == (second.data, second.views)
    assert Counter(source_2012.RESULTS[first].data for first, _ in pairs) == {"2012 val": 2, "2010 test": 1}


@pytest.mark.parametrize("run, epochs", list(zip(source_2012.RUNS, [(25, 51, 67, 72, 79, 91), (23, 51, 68, 72, 78, 93)],
                                            strict=True)))
def test_schedules(run, epochs):
    first, second, lower, frozen, third, stopped = epochs
    assert run.stopped == stopped
    expected = {"others": (1e-2, 1e-3, 1e-4, 1e-4, 1e-4, 1e-5), "conv1": (1e-2, 1e-3, 1e-4, 1e-5, 0, 0),
                "color_noise": (0.1, 0.1, 0.1, 0, 0, 0)}
    for what, values in expected.items():
        assert [run.at(what, epoch) for epoch in (1, first, second, lower, frozen, third)] == list(values)
        assert run.at(what, first - 1) == values[0]
        series = [run.at(what, epoch) for epoch in range(1, stopped + 1)]
        assert series == sorted(series, reverse=True)


def test_places():
    assert str(source_2012.PARTS[0].where) == "layers/layers-145.cfg:9-33"
    assert str(source_2012.RESULTS["145"].where) == "layers/layer-params-145.cfg:182"
    ends = [0]
    for part in source_2012.PARTS:
        assert ends[-1] < part.where.first < part.where.last
        ends.append(part.where.last)
    for run in source_2012.RUNS:
        places = [change.where for change in run.changes] + [run.stopped_at]
        assert len({place.file for place in places}) == 1
        assert all(before.last < after.first for before, after in itertools.pairwise(places))


def test_facts_cannot_be_changed():
    for fact in (source_2012.PARTS[0], source_2012.RESULTS["145"], source_2012.CLAIMS[0], source_2012.RUNS[0]):
        with pytest.raises(FrozenInstanceError):
            fact.where = None


def test_convolutions_and_pools_are_all_there():
    kinds = Counter(part.kind for part in source_2012.PARTS)
    assert kinds == {"conv": 5, "pool": 3, "fc": 3, "cmrnorm": 2, "rnorm": 1, "hs": 2}
    assert sum(isinstance(layer, MaxPool) for layer in source_2012.layers()) == kinds["pool"]
